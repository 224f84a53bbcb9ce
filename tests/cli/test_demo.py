"""``hearth demo`` on a load that takes no time; the real one is the same code on the recorded hours."""

import json
from pathlib import Path

import pytest

from simulations.cli import demo
from simulations.traces import catalog
from tests.cli.conftest import Inside
from tests.cli.run import a_trace, files


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two loads of a minute, one policy and a fixed fleet."""
    loads = [
        demo.Load(trace=a_trace(tmp_path, name, requests=20), title=name, copies=copies, static=2)
        for name, copies in (("a.csv", 1), ("b.csv", 2))
    ]
    monkeypatch.setattr(demo, "LOADS", tuple(loads))
    monkeypatch.setattr(demo, "POLICIES", ("hearth",))


@pytest.mark.usefixtures("small")
def test_a_table_for_each_load_then_the_report_and_what_to_do_next(tmp_path: Path, inside: Inside) -> None:
    done = inside("demo", "--jobs", "1", "--json", "r.json")
    assert (done.code, done.err) == (0, "")
    assert files(tmp_path) == ["a.csv", "b.csv", "out/demo.html", "r.json"]
    results = json.loads((tmp_path / "r.json").read_text())
    assert [result["policy"] for result in results] == ["hearth", "static:2"] * 2
    for part in (
        "a.csv: a.csv, 1 copy",
        "b.csv: b.csv, 2 copies",
        "static:2",
        "Open out/demo.html",
        "The first row by itself",
    ):
        assert part in done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80
    page = (tmp_path / "out" / "demo.html").read_text()
    assert page.count(" over time</summary>") == 4


@pytest.mark.usefixtures("small")
def test_a_directory_is_no_place_for_the_report(tmp_path: Path, inside: Inside) -> None:
    done = inside("demo", "--out", ".")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert files(tmp_path) == ["a.csv", "b.csv"]


def test_the_real_loads_are_recorded_traces() -> None:
    assert [load.trace for load in demo.LOADS] == ["azure-conv", "azure-code"]
    assert all(load.trace in catalog.RECORDED for load in demo.LOADS)
