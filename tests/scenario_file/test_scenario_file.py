"""Scenarios from files and ``--set``: what is read, and one clear line for every mistake."""

from pathlib import Path

import pytest

from simulations.errors import InputError
from simulations.scenario import Scenario
from simulations.scenario_file import default_scenario, load_scenario, scenario_names


def a_file(folder: Path, text: str | bytes) -> str:
    path = folder / "s.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_without_a_file_the_default_runs() -> None:
    assert load_scenario() == default_scenario() == load_scenario("default") == Scenario()
    assert default_scenario().engine.model == "meta-llama/Llama-3.1-8B"
    assert default_scenario().cold_start.seconds == 100


def test_a_file_and_overrides_on_top(tmp_path: Path) -> None:
    path = a_file(tmp_path, "cluster: {max_replicas: 4}\ncold_start: {seconds: 30}\n")
    scenario = load_scenario(
        path, ["cluster.max_replicas=12", "cold_start.seconds=null", "policy.forecast=off"]
    )
    assert scenario.cluster.max_replicas == 12
    assert scenario.cold_start.seconds is None
    assert scenario.policy == {"forecast": "off"}, "off is a word, as in YAML 1.2"


@pytest.mark.parametrize(
    ("override", "key", "want"),
    [
        pytest.param("policy.x=3", "policy", {"x": 3}, id="a whole number"),
        pytest.param("policy.x=1e3", "policy", {"x": 1000.0}, id="a number with an exponent"),
        pytest.param("policy.x=-.5", "policy", {"x": -0.5}, id="a number without a leading digit"),
        pytest.param("policy.x=true", "policy", {"x": True}, id="a truth value"),
        pytest.param("policy.x='7'", "policy", {"x": "7"}, id="quoted: text"),
        pytest.param("policy.x=1:30", "policy", {"x": "1:30"}, id="no sexagesimal numbers"),
        pytest.param("price_per_gpu_hour=4", "price_per_gpu_hour", 4.0, id="a key without a section"),
    ],
)
def test_overrides_are_typed_by_yaml(override: str, key: str, want: object) -> None:
    value = getattr(load_scenario(None, [override]), key)
    assert value == want
    assert type(value) is type(want)


def test_an_override_may_fill_a_section_that_is_null_and_give_a_list() -> None:
    scenario = load_scenario(None, ["hpa.scale_up.stabilization_s=60", "cluster.foreign_gpus=[[0, 60, 4]]"])
    assert scenario.hpa.scale_up is not None
    assert scenario.hpa.scale_up.stabilization_s == 60
    assert scenario.cluster.foreign_gpus == ((0.0, 60.0, 4),)


@pytest.mark.parametrize("name", scenario_names())
def test_shipped_scenarios_are_valid(name: str) -> None:
    assert isinstance(load_scenario(name), Scenario)


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load_scenario(a_file(tmp_path, "# nothing yet\n")) == default_scenario()


CHANGE = "changes:\n  - at_s: 5\n    engine:\n      {}\n"
BAD = [
    pytest.param(
        "cluster:\n  max_replica: 4\n",
        "line 2: there is no key cluster.max_replica; did you mean cluster.max_replicas?",
        id="a slip in a key",
    ),
    pytest.param(
        "max_replicas: 4\n",
        "line 1: there is no key max_replicas; did you mean cluster.max_replicas?",
        id="a key in the wrong place",
    ),
    pytest.param(
        "slo: {ttft_s: 1}\n", "there is no key slo.ttft_s; did you mean slo.ttft_ms?", id="the wrong unit"
    ),
    pytest.param(
        "slo: {colour: red}\n", "slo.colour; known here: ttft_ms, itl_ms, target", id="an unheard-of key"
    ),
    pytest.param(
        "hpa:\n  scale_up:\n    rules:\n      - {type: Pods, value: 1, period: 15}\n",
        "line 4: there is no key hpa.scale_up.rules.0.period; did you mean hpa.scale_up.rules.0.period_s?",
        id="a slip inside a list",
    ),
    pytest.param(
        "keda:\n  polling_s: 30s\n",
        "line 2: keda.polling_s: is '30s'; give a number of seconds, without a unit",
        id="a unit in the value",
    ),
    pytest.param(
        "slo: {ttft_ms: fast}\n", "slo.ttft_ms: is 'fast'; give a number of milliseconds", id="a word"
    ),
    pytest.param("slo: {target: 98}\n", "slo.target: is 98; give at most 1", id="percent for a share"),
    pytest.param("slo: {target: .nan}\n", "slo.target: is nan; give", id="NaN"),
    pytest.param("slo: {itl_ms: .inf}\n", "slo.itl_ms: is inf; give a number of milliseconds", id="infinity"),
    pytest.param("slo: {itl_ms: 0}\n", "slo.itl_ms: is 0; give more than 0", id="zero where more is needed"),
    pytest.param(
        "cluster: {max_replicas: 2.5}\n", "cluster.max_replicas: is 2.5; give a whole number", id="half a pod"
    ),
    pytest.param(
        "cluster: {max_replicas: 0}\n", "cluster.max_replicas: is 0; give at least 1", id="below a bound"
    ),
    pytest.param(
        "\ncluster: {min_replicas: 9}\n",
        "line 2: cluster: max_replicas 8 is less than min_replicas 9; raise max_replicas to at least 9",
        id="max below min",
    ),
    pytest.param(
        "cluster: {router: random}\n",
        "is 'random'; give 'least-loaded', 'round-robin' or 'prefix-aware'",
        id="an unknown choice",
    ),
    pytest.param(
        "cluster: 5\n", "line 1: cluster: is 5; give a section of key: value", id="a number for a section"
    ),
    pytest.param(
        "engine: {prefix_caching: maybe}\n", "is 'maybe'; give true or false", id="neither true nor false"
    ),
    pytest.param("engine: {model: [a]}\n", "engine.model: is ['a']; give text", id="a list for text"),
    pytest.param(
        "policy: {x: [1]}\n", "policy.x: is [1]; give a number", id="a list for a policy's parameter"
    ),
    pytest.param(
        "changes:\n  - engine: {}\n",
        "line 2: changes.0 lacks 'at_s'; add at_s",
        id="a key that must be there",
    ),
    pytest.param("cluster: {foreign_gpus: 3}\n", "is 3; give a list", id="a number for a list"),
    pytest.param(
        "cluster:\n  foreign_gpus: [[1, 2]]\n",
        "line 2: cluster.foreign_gpus.0 is no triple; give [from_s, to_s, gpus]",
        id="a tenant without GPUs",
    ),
    pytest.param(
        "cluster:\n  foreign_gpus: [[1, 2, 3, 4]]\n", "foreign_gpus.0 is no triple", id="a tenant too long"
    ),
    pytest.param(
        "cluster:\n  foreign_gpus:\n  - [9, 5, 1]\n",
        "line 3: cluster.foreign_gpus.0: is [9, 5, 1]; give",
        id="a span that ends before it begins",
    ),
    pytest.param(
        CHANGE.format("max_num_seq: 64"),
        "line 4: there is no key engine.max_num_seq; did you mean engine.max_num_seqs?",
        id="a slip in an engine change",
    ),
    pytest.param(
        CHANGE.format("max_num_seqs: 0"),
        "line 4: engine.max_num_seqs: is 0; give at least 1",
        id="a bad value in an engine change",
    ),
    pytest.param(
        "slo: {ttft_ms: 1, ttft_ms: 2}\n", "line 1: ttft_ms stands twice; keep one", id="a key twice"
    ),
    pytest.param(
        "cold_start: {seconds: 100s}\n", "is '100s'; give a number of seconds, without a unit", id="a unit"
    ),
    pytest.param("cluster: {nodes: 1, max_replicas: null}\n", "is null; give a whole number", id="nothing"),
    pytest.param(
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "more than 20,000 values",
        id="aliases of aliases",
    ),
    pytest.param("slo: {ttft_ms: 1\n", "is no YAML", id="broken YAML"),
    pytest.param("a: 1\n---\nb: 2\n", "is no YAML", id="two documents"),
    pytest.param("- 1\n", "holds no sections", id="a list"),
    pytest.param("a: &x [*x]\n", "nests more than 16 levels", id="an alias that contains itself"),
    pytest.param("[1]: 2\n", "a key is no plain word", id="a list as a key"),
    pytest.param(b"\xff\xfe\x00", "is binary", id="binary"),
    pytest.param(b"a: \x01\n", "is no YAML text", id="control characters"),
]


@pytest.mark.parametrize(("text", "want"), BAD)
def test_bad_files_get_one_line_with_place_key_value_and_fix(
    tmp_path: Path, text: str | bytes, want: str
) -> None:
    path = a_file(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_scenario(path)
    message = str(caught.value)
    assert want in message
    assert message.startswith(path)
    assert "\n" not in message


@pytest.mark.parametrize(
    ("override", "want"),
    [
        pytest.param("cluster.max_replicas", "--set cluster.max_replicas: is no assignment", id="no value"),
        pytest.param("cluster.=4", "is no assignment", id="half a key"),
        pytest.param(
            "cluster.max_replica=4", "--set: there is no key cluster.max_replica; did you mean", id="a slip"
        ),
        pytest.param(
            "cluster.max_replicas=x", "--set: cluster.max_replicas: is 'x'; give a whole number", id="a word"
        ),
        pytest.param(
            "cluster.min_replicas=9",
            "--set: cluster: max_replicas 8 is less than min_replicas 9",
            id="max < min",
        ),
        pytest.param(
            "price_per_gpu_hour.x=1", "--set: price_per_gpu_hour: is {'x': 1}; give a number", id="no section"
        ),
        pytest.param("slo.ttft_ms=[", "is no YAML", id="a value that is no YAML"),
        pytest.param("cluster.max_replicas=99999999999", "give at most 10000", id="a fleet without end"),
        pytest.param("cold_start.slow_request_ms=1e300", "give at most 1e+09", id="later than any clock"),
        pytest.param("keda.polling_s=1e-9", "give at least 0.1", id="a loop that never ends"),
        pytest.param("cluster.router_view_s=1e-9", "give at least 0.1", id="a period of no µs"),
        pytest.param("cluster.provisioning.sigma=1e6", "give at most 5", id="a spread without end"),
        pytest.param(
            "cluster.foreign_gpus=[[0, 1e400, 4]]", "cluster.foreign_gpus.0: is [0, inf, 4]", id="for ever"
        ),
    ],
)
def test_bad_overrides(override: str, want: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(None, [override])
    assert want in str(caught.value)


def test_an_override_inside_a_list_of_the_file(tmp_path: Path) -> None:
    path = a_file(tmp_path, CHANGE.format("max_num_seqs: 8"))
    with pytest.raises(InputError, match="give lists as a whole"):
        load_scenario(path, ["changes.0.at_s=9"])
    with pytest.raises(InputError, match="no section"):
        load_scenario(path, ["changes.at_s=9"])


@pytest.mark.parametrize(
    ("reference", "word"),
    [
        pytest.param("defualt", "default", id="a slip in a shipped name"),
        pytest.param("nothing.yaml", "sparse", id="no such file: all names"),
    ],
)
def test_an_unknown_scenario_lists_near_names(reference: str, word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        load_scenario(reference)
    assert repr(reference) in str(caught.value)
    with pytest.raises(InputError, match="is a directory"):
        load_scenario("/")
    with pytest.raises(InputError, match="file name too long"):
        load_scenario("x" * 5000)
