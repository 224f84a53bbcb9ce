"""``hearth sweep``: its files, resuming, interruption."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Inside
from tests.cli.run import COMMAND, ENVIRONMENT, a_trace, files, hearth

SMALL = ("--policies", "hearth,kv,static", "--seeds", "2", "--no-tune", "--set", "cluster.max_replicas=2")


def test_a_sweep_writes_its_report_and_a_scaled_object_and_is_not_run_twice(
    tmp_path: Path, inside: Inside
) -> None:
    trace = a_trace(tmp_path, requests=10)
    arguments = ("sweep", "--trace", trace, *SMALL, "--cold-starts", "30,100", "--out", "s", "--json", "-")
    first = hearth(*arguments, "--jobs", "2", cwd=tmp_path)
    assert (first.code, first.err) == (0, "")
    document = json.loads(first.out)
    assert [c["condition"] for c in document["comparisons"]] == ["cold start 30 s", "cold start 100 s"]
    assert [s["family"] for s in document["comparisons"][0]["standings"]] == ["hearth", "kv", "static"]
    kept = [name for name in files(tmp_path) if "/cells/" in name]
    assert len(kept) == 2 * 2 * (1 + 1 + 2)  # cold starts × seeds × (hearth, kv, static:1, static:2)
    manifest = yaml.safe_load((tmp_path / "s" / "scaledobject.yaml").read_text())
    assert (manifest["kind"], manifest["spec"]["maxReplicaCount"]) == ("ScaledObject", 2)

    written = {name: (tmp_path / name).stat().st_mtime_ns for name in kept}
    second = inside(*arguments, "--jobs", "1")
    assert second.out == first.out  # whatever the number of processes
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in kept} == written


def test_tables_fit_80_columns(tmp_path: Path, inside: Inside) -> None:
    done = inside("sweep", "--trace", a_trace(tmp_path), *SMALL, "--seeds", "1", "--jobs", "1")
    assert done.code == 0
    assert "GPU-hours at equal attainment" in done.out
    assert "ScaledObject: out/sweep/scaledobject.yaml" in done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80


BAD = [
    pytest.param(["--policies", "kv,quue"], ["quue", "queue"], id="unknown policy"),
    pytest.param(["--policies", "kv,,queue"], ["--policies", "empty"], id="an empty name"),
    pytest.param(["--vary", "hpa.tolerance"], ["--vary hpa.tolerance"], id="nothing to vary over"),
    pytest.param(["--vary", "hpa.tolerancee=0,1"], ["hpa.tolerancee", "hpa.tolerance"], id="unknown key"),
    pytest.param(["--cold-starts", "30,soon"], ["cold_start.seconds", "soon"], id="not a number"),
    pytest.param(["--out", "t.csv"], ["--out", "t.csv"], id="a file where a directory must be"),
    pytest.param(["--out", "t.csv/s"], ["--out", "cannot be made (not a directory)"], id="below a file"),
]


@pytest.mark.parametrize(("arguments", "wants"), BAD)
def test_bad_input_is_one_line_and_nothing_is_written(
    arguments: list[str], wants: list[str], tmp_path: Path, inside: Inside
) -> None:
    done = inside("sweep", "--trace", a_trace(tmp_path), *arguments)
    assert done.code == 2
    assert done.err.startswith("hearth: ")
    assert done.err.count("\n") == 1
    for want in wants:
        assert want in done.err
    assert files(tmp_path) == ["t.csv"]


def test_ctrl_c_keeps_finished_cells_and_says_how_to_go_on(tmp_path: Path) -> None:
    trace = a_trace(tmp_path, requests=3000, gap_s=0.2)
    arguments = ("sweep", "--trace", trace, "--policies", "kv", "--seeds", "200", "--out", "s", "--jobs", "2")
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = time.monotonic() + 60
    while len(_cells(tmp_path)) < 2 and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert f"of {200 * 7} runs are finished and kept in s/cells" in " ".join(err.split())
    assert 2 <= len(_cells(tmp_path)) < 200 * 7
    assert not any(name.endswith((".html", "sweep.json", ".yaml")) for name in files(tmp_path))
    for name in _cells(tmp_path):
        json.loads((tmp_path / name).read_text())


def _cells(folder: Path) -> list[str]:
    return [name for name in files(folder) if name.startswith("s/cells/") and "/." not in name]
