"""JSON in and out: nothing is lost, bad input is refused by its path, schemas are what the types say."""

import contextlib
import json
import math
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.decision import schemas, wire
from scaler.decision.model import (
    Condition,
    Decision,
    Demand,
    Hold,
    Input,
    Scale,
    Snapshot,
    Supply,
    TargetDecision,
    Term,
    Unknown,
)
from scaler.decision.policy import Policy, Prior, Roofline
from scaler.decision.state import VERSION, State
from tests.decision.builders import pod, samples, snapshot, starting, target
from tests.decision.plant import Plant

FACTS = Roofline(
    weight_bytes=1.0, active_parameters=1.0, kv_bytes_per_token=1.0, memory_bytes_per_s=1.0, flops_per_s=1.0
)


def through(value: Any) -> Any:
    """To text and back to a tree."""
    return json.loads(json.dumps(wire.to_json(value), allow_nan=False))


def a_decision(*outcomes: Scale | Hold | Unknown) -> Decision:
    term = Term(name="kv", replicas=None, inputs=(Input(name="kv", value=0.5, age_s=2.0),))
    parts = tuple(
        TargetDecision(
            target=f"t{i}",
            outcome=outcome,
            active=None,
            terms=(term,),
            winner="kv",
            held_back="",
            reason="because",
        )
        for i, outcome in enumerate(outcomes)
    )
    return Decision(now_s=1.0, model="m", targets=parts, conditions=(Condition(type="A", message="b"),))


def a_snapshot() -> Snapshot:
    plant = Plant(rate=lambda _: 30.0, low=2).run(60.0)
    return replace(
        plant.snapshot(),
        demand=(Demand(source="gw", waiting=None, rejected_total=3.0),),
        supply=(Supply(node_class="n", weights="none", free=2, startup_s=((0.5, 60.0),)),),
    )


def a_state() -> State:
    return Plant(rate=lambda t: 20.0 + t / 10.0, low=1).run(600.0).state


VALUES = [
    pytest.param(Snapshot, a_snapshot, id="snapshot"),
    pytest.param(Policy, lambda: Policy(prior=Prior(roofline=FACTS), idle_seconds=9.0), id="policy"),
    pytest.param(Policy, Policy, id="default policy"),
    pytest.param(State, State.initial, id="initial state"),
    pytest.param(State, a_state, id="state"),
    pytest.param(Decision, lambda: a_decision(Scale(replicas=3), Hold(replicas=2), Unknown()), id="decision"),
]


@pytest.mark.parametrize(("kind", "make"), VALUES)
def test_a_value_survives(kind: Any, make: Any) -> None:
    value = make()
    assert wire.from_json(kind, through(value)) == value


@pytest.mark.parametrize(("kind", "make"), VALUES)
def test_a_value_fits_its_schema(kind: Any, make: Any) -> None:
    schema = schemas.schema_of(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(through(make()))


@pytest.mark.parametrize("root", schemas.ROOTS, ids=lambda root: root.__name__)
def test_the_committed_schema_is_up_to_date(root: type) -> None:
    assert schemas.path_of(root).read_text(encoding="utf-8") == schemas.text_of(root), (
        "run python -m scaler.decision.schemas"
    )


def test_writing_the_schemas_writes_them(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "DIRECTORY", tmp_path / "schemas")
    schemas.main()
    assert len(list((tmp_path / "schemas").iterdir())) == len(schemas.ROOTS)


def test_what_is_learned_stays_small() -> None:
    """64 KiB: a long life with many classes, configurations and mixes."""
    state = a_state()
    fit = next(iter(state.learned.fits.values()))
    learned = replace(
        state.learned,
        fits={f"configuration-{i:040d}": fit for i in range(16)},
        sigmas={f"configuration-{i:040d}|10|8|0": 0.912345678901 for i in range(32)},
        startups={f"pool/tier/cache-{i}": (123.456789012,) * 32 for i in range(16)},
        errors=state.learned.errors._replace(
            relative=(0.12345678901234,) * 120, increase=(1.2345678901234,) * 120
        ),
        season=state.learned.season._replace(days=((12.345678901234,) * 96,) * 3),
    )
    assert len(json.dumps(wire.to_json(learned))) <= 64 * 1024


def edited(tree: Any, path: str, value: Any) -> Any:
    """``tree`` with the value at a dotted path replaced."""
    copy = json.loads(json.dumps(tree))
    at = copy
    *steps, last = path.split(".")
    for step in steps:
        at = at[int(step)] if step.isdigit() else at[step]
    at[int(last) if last.isdigit() else last] = value
    return copy


TREE = through(
    replace(
        snapshot(5.0, [pod(samples=samples(ttft_s=None)), starting()], targets=(target(2),)),
        demand=(Demand(source="gw", waiting=1.0),),
    )
)


@pytest.mark.parametrize(
    ("path", "value", "where", "problem"),
    [
        ("now_s", "soon", "snapshot.now_s", "'soon' is not a number"),
        ("now_s", float("nan"), "snapshot.now_s", "nan is not finite"),
        ("now_s", "+Inf", "snapshot.now_s", "'+Inf' is not a number"),
        ("pods.0.samples.running", -1, "snapshot.pods[0].samples.running", "-1 is negative"),
        ("pods.0.samples.running", 1e16, "snapshot.pods[0].samples.running", "1e+16 is beyond 1e+15"),
        ("pods.0.samples.running", True, "snapshot.pods[0].samples.running", "True is not a number"),
        ("pods.0.samples.wating", 1, "snapshot.pods[0].samples.wating", "is not a known key"),
        ("pods.1.phase", "redy", "snapshot.pods[1].phase", "'redy' is none of"),
        ("pods.1.name", 7, "snapshot.pods[1].name", "7 is not a string"),
        ("pods", {}, "snapshot.pods", "{} is not an array"),
        ("pods.0", [], "snapshot.pods[0]", "[] is not an object"),
        ("targets.0.spec_replicas", 1.5, "snapshot.targets[0].spec_replicas", "1.5 is not a whole number"),
        ("targets.0.min_replicas", -2, "snapshot.targets[0].min_replicas", "-2 is negative"),
        ("demand.0.waiting", -0.5, "snapshot.demand[0].waiting", "-0.5 is negative"),
        ("supply", [{"node_class": "n"}], "snapshot.supply[0].weights", "is missing"),
        (
            "supply",
            [{"node_class": "n", "weights": "disk", "free": 1, "startup_s": [[0.5]]}],
            "snapshot.supply[0].startup_s[0]",
            "[0.5] is not an array of 2",
        ),
        (
            "pods.0.samples.ttft_s",
            {"le": [1, "-Inf"], "counts": [1, 1], "sum": 1},
            "snapshot.pods[0].samples.ttft_s.le[1]",
            "'-Inf' is not a number",
        ),
    ],
)
def test_bad_input_is_refused_by_its_path(path: str, value: Any, where: str, problem: str) -> None:
    with pytest.raises(wire.WireError) as refused:
        wire.from_json(Snapshot, edited(TREE, path, value))
    assert refused.value.path == where
    assert refused.value.problem.startswith(problem)
    assert refused.value.fix
    assert str(refused.value) == f"{where}: {refused.value.problem}; {refused.value.fix}"


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(wire.WireError, match="did you mean waiting"):
        wire.from_json(Snapshot, edited(TREE, "pods.0.samples.wating", 1))
    with pytest.raises(wire.WireError, match="known are now_s, model"):
        wire.from_json(Snapshot, edited(TREE, "zzz", 1))


@pytest.mark.parametrize("tree", [None, 3, [], "snapshot"])
def test_something_else_is_refused(tree: Any) -> None:
    with pytest.raises(wire.WireError, match=r"snapshot: .* is not an object"):
        wire.from_json(Snapshot, tree)


@pytest.mark.parametrize(
    ("outcome", "problem"), [({"kind": "grow"}, "'grow' is none of"), ({"replicas": 1}, "None is none of")]
)
def test_an_outcome_is_told_by_its_kind(outcome: Any, problem: str) -> None:
    tree = edited(through(a_decision(Scale(replicas=1))), "targets.0.outcome", outcome)
    with pytest.raises(wire.WireError, match=r"outcome\.kind: ") as refused:
        wire.from_json(Decision, tree)
    assert refused.value.problem.startswith(problem)


def test_infinity_is_written_as_prometheus_writes_it() -> None:
    tree = through(a_snapshot())
    assert tree["pods"][0]["samples"]["ttft_s"]["le"][-1] == "+Inf"
    assert wire.to_json(-math.inf) == "-Inf"


def test_an_older_state_is_read_and_what_it_lacks_begins_anew() -> None:
    tree = through(a_state())
    del tree["version"], tree["learned"]["season"], tree["learned"]["errors"], tree["live"]
    old = wire.from_json(State, tree)
    assert old.live is None
    assert old.learned.season == State.initial().learned.season
    assert old.learned.fits


def test_a_newer_state_is_refused() -> None:
    tree = edited(through(State.initial()), "version", VERSION + 1)
    with pytest.raises(wire.WireError, match=r"state\.version: is 2, this build reads up to 1"):
        wire.from_json(State, tree)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.sampled_from((Snapshot, Policy, State, Decision)))
def test_anything_is_a_value_or_one_error(tree: Any, kind: Any) -> None:
    with contextlib.suppress(wire.WireError):
        assert isinstance(wire.from_json(kind, tree), kind)
