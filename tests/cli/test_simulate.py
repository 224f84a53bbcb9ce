"""``hearth simulate``: files, table, and one line for whatever is wrong."""

import csv
import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Inside
from tests.cli.run import COMMAND, ENVIRONMENT, Done, a_trace, files, hearth


def simulate(folder: Path, *arguments: str) -> Done:
    return hearth("simulate", "--policy", "kv", *arguments, cwd=folder)


def test_a_run_prints_a_table_of_80_columns_and_writes_nothing(tmp_path: Path) -> None:
    done = simulate(tmp_path, "--trace", a_trace(tmp_path))
    assert (done.code, done.err) == (0, "")
    assert "met the SLO" in done.out
    assert "100.00 % of 40" in done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80
    assert files(tmp_path) == ["t.csv"]


def test_all_outputs_are_written_and_agree(tmp_path: Path) -> None:
    outputs = ("--json", "r.json", "--html", "r.html", "--per-request", "r.csv")
    done = simulate(tmp_path, "--trace", a_trace(tmp_path), *outputs)
    assert done.code == 0
    assert files(tmp_path) == ["r.csv", "r.html", "r.json", "t.csv"]  # no temporary file is left
    result = json.loads((tmp_path / "r.json").read_text())
    assert (result["policy"], result["requests"], result["slo_attainment"]) == ("kv", 40, 1.0)
    with (tmp_path / "r.csv").open() as stream:
        assert sum(int(row["slo_met"]) for row in csv.DictReader(stream)) == 40
    assert "kv on t" in (tmp_path / "r.html").read_text()


def test_json_on_stdout_is_json_alone(tmp_path: Path) -> None:
    done = simulate(tmp_path, "--trace", a_trace(tmp_path), "--json", "-")
    assert json.loads(done.out)["trace"] == "t"


def test_a_full_disk_under_the_table_is_one_line(tmp_path: Path) -> None:
    trace = a_trace(tmp_path)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "simulate", "--policy", "kv", "--trace", trace],
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "hearth: no space left where the output goes\n"


def test_equal_runs_give_equal_json_but_for_the_run_itself(tmp_path: Path) -> None:
    trace = a_trace(tmp_path)
    first, second = (json.loads(simulate(tmp_path, "--trace", trace, "--json", "-").out) for _ in range(2))
    assert first.pop("run").keys() == second.pop("run").keys()
    assert first == second


def test_the_lower_bound_is_a_sentence_and_no_run(tmp_path: Path) -> None:
    trace = a_trace(tmp_path)
    done = hearth("simulate", "--policy", "lower-bound", "--trace", trace, cwd=tmp_path)
    assert done.code == 0
    assert "No schedule serves 98.00 % of 40 requests" in done.out
    refused = hearth(
        "simulate", "--policy", "lower-bound", "--trace", trace, "--html", "r.html", cwd=tmp_path
    )
    assert refused.code == 2
    assert files(tmp_path) == [trace]


def test_a_process_that_got_bad_input_ends_with_2(tmp_path: Path) -> None:
    trace = a_trace(tmp_path)
    done = simulate(tmp_path, "--trace", trace, "--set", "engine.gpu=h1000")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert files(tmp_path) == [trace]


BAD = [
    pytest.param(
        ["--set", "cluster.max_replica=12"], ["cluster.max_replica", "max_replicas"], id="unknown key"
    ),
    pytest.param(["--set", "slo.ttft_ms=1s"], ["slo.ttft_ms", "1s"], id="a unit where none belongs"),
    pytest.param(["--set", "cluster.max_replicas"], ["cluster.max_replicas", "="], id="no value"),
    pytest.param(
        ["--set", "cluster.min_replicas=9", "--set", "cluster.max_replicas=3"],
        ["max_replicas 3 is less than min_replicas 9"],
        id="max below min",
    ),
    pytest.param(
        ["--set", "engine.model=meta-llama/Llama-3.1-70B"], ["does not fit", "h100-sxm"], id="no room"
    ),
    pytest.param(["--set", "engine.gpu=h1000"], ["h1000"], id="unknown GPU"),
    pytest.param(["--policy", "kvv"], ["kvv", "did you mean kv"], id="unknown policy"),
    pytest.param(["--set", "policy.taget=0.5"], ["policy.taget", "policy.target"], id="unknown parameter"),
    pytest.param(["--policy", "static:99"], ["static:99", "max_replicas"], id="more than the fleet may be"),
    pytest.param(["--scenario", "nowhere.yaml"], ["nowhere.yaml"], id="no such scenario"),
    pytest.param(["--set", "slo.ttft_ms=1\n\x1b[2J"], ["slo.ttft_ms=1\\n\\x1b[2J"], id="control characters"),
    pytest.param(["--json", "t.csv"], ["--json", "t.csv is what is read"], id="the trace as an output"),
    pytest.param(["--json", "no/where.json"], ["--json", "no directory no"], id="no such directory"),
    pytest.param(
        ["--html", "same", "--json", "same"], ["--json", "--html", "same file"], id="one file for two"
    ),
]


@pytest.mark.parametrize(("arguments", "wants"), BAD)
def test_bad_input_is_one_line_with_the_fix_and_nothing_is_written(
    arguments: list[str], wants: list[str], tmp_path: Path, inside: Inside
) -> None:
    trace = a_trace(tmp_path)
    done = inside("simulate", "--policy", "kv", "--trace", trace, "--html", "r.html", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("hearth: ")
    assert done.err.count("\n") == 1
    for want in wants:
        assert want in done.err
    assert files(tmp_path) == [trace]


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        ([], "Missing option '--trace'; see hearth simulate --help"),
        (["--trace", "ramp", "--seed", "abc"], "(given: abc); see hearth simulate --help"),
        (["--trace", "ramp", "--seed=abc"], "(given: abc); see hearth simulate --help"),
        (["--trace", "ramp", "--sed", "1"], "No such option: --sed"),
        (["--trace"], "'--trace' requires an argument"),
    ],
    ids=["an option missing", "a word for a number", "the same with =", "a slip", "a value missing"],
)
def test_a_misused_option_is_one_line_too(
    arguments: list[str], want: str, tmp_path: Path, inside: Inside
) -> None:
    done = inside("simulate", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("hearth: ")
    assert want in done.err
    assert files(tmp_path) == []


HEADER = "timestamp_s,input_tokens,output_tokens\n"
BAD_TRACES = [
    pytest.param(b"", "is empty", id="empty"),
    pytest.param((HEADER + "2,10,10\n1,10,10\n").encode(), "line 3", id="unsorted"),
    pytest.param((HEADER + "0,nan,10\n").encode(), "line 2", id="NaN tokens"),
    pytest.param((HEADER + "0,-5,10\n").encode(), "line 2", id="negative tokens"),
    pytest.param(b"when,in,out\n0,1,1\n", "when", id="wrong header"),
    pytest.param(b"\x00\x01\x02\xff\xfe", "binary", id="binary"),
    pytest.param(b"\x1f\x8b\x08\x00\x00", "cut off or damaged", id="truncated gzip"),
]


@pytest.mark.parametrize(("content", "want"), BAD_TRACES)
def test_a_bad_trace_is_named_with_its_line(
    content: bytes, want: str, tmp_path: Path, inside: Inside
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    done = inside("simulate", "--policy", "kv", "--trace", "bad.csv", "--json", "r.json")
    assert done.code == 2
    assert done.err.startswith("hearth: bad.csv")
    assert done.err.count("\n") == 1
    assert want in done.err
    assert files(tmp_path) == ["bad.csv"]
