"""The key of a cell, and what is read back under it."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulations.scenario import Engine, Scenario
from simulations.sweeps.cells import Cell, Store, code_digest

RESULT: dict[str, object] = {
    "slo_attainment": 0.99,
    "gpu_hours": 3.0,
    "mean_replicas": 2.0,
    "cost": 7.5,
    "ttft_s": {"p99": 0.8},
    "starts": 4,
    "timeline": [{"t": 0}],
}


def a_cell(**changes: Any) -> Cell:
    given: dict[str, Any] = {
        "trace": "t.csv",
        "scenario": Scenario(),
        "policy": "kv",
        "seed": 0,
        "family": "kv",
        "label": "target 0.4",
        "condition": "as given",
    }
    return Cell(**{**given, **changes})


OTHERS = [
    pytest.param({"seed": 1}, id="another seed"),
    pytest.param({"policy": "queue"}, id="another policy"),
    pytest.param({"scenario": Scenario(policy={"target": 0.5})}, id="another setting"),
    pytest.param({"level_ratio": 0.95}, id="another level"),
]


@pytest.mark.parametrize("changes", OTHERS)
def test_whatever_decides_a_result_is_in_the_key(changes: dict[str, Any], tmp_path: Path) -> None:
    store = Store(tmp_path, "trace")
    assert store.path(a_cell()) != store.path(a_cell(**changes))
    assert store.path(a_cell()) != Store(tmp_path, "another trace").path(a_cell())


@pytest.mark.parametrize("changes", [{"label": "x"}, {"condition": "y"}], ids=["label", "condition"])
def test_how_a_cell_is_called_is_not(changes: dict[str, Any], tmp_path: Path) -> None:
    store = Store(tmp_path, "trace")
    assert store.path(a_cell()) == store.path(a_cell(**changes))


def test_a_file_that_the_engine_reads_is_in_the_key_by_its_content(tmp_path: Path) -> None:
    store, file = Store(tmp_path, "trace"), tmp_path / "fit.yaml"
    cell = a_cell(scenario=Scenario(engine=Engine(calibration=str(file))))
    file.write_text("memory: 0.7")
    before = store.path(cell)
    file.write_text("memory: 0.8")
    assert store.path(cell) != before


def test_a_score_is_read_back_as_it_was_saved_and_the_timeline_is_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "cells", "trace")
    assert store.load(a_cell()) is None
    saved = store.save(a_cell(), RESULT)
    assert store.load(a_cell()) == saved
    assert (saved.attainment_ratio, saved.gpu_hours, saved.ttft_p99_s) == (0.99, 3.0, 0.8)
    assert "timeline" not in json.loads(store.path(a_cell()).read_text())


def test_a_damaged_file_is_no_result(tmp_path: Path) -> None:
    store = Store(tmp_path, "trace")
    store.save(a_cell(), RESULT)
    store.path(a_cell()).write_text("{")
    assert store.load(a_cell()) is None


def test_a_run_without_requests_met_nothing(tmp_path: Path) -> None:
    assert Store(tmp_path, "trace").save(a_cell(), {**RESULT, "slo_attainment": None}).attainment_ratio == 0


def test_the_code_has_one_hash() -> None:
    assert code_digest() == code_digest()
    assert len(code_digest()) == 64
