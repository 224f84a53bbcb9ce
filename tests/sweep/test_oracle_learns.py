"""In a sweep no law beats the oracle by more than 1 %: the oracle that one beats begins again with its
schedule."""

from pathlib import Path

from simulations.scenario import Scenario
from simulations.sweeps.cells import Cell, Score, Store
from simulations.sweeps.grid import Task, _lessons, work

FLEET = {"cluster": {"max_replicas": 6}, "trace": {"duration_s": 500}, "cold_start": {"seconds": 30}}


def cell(policy: str, level_ratio: float | None = None, **settings: float) -> Cell:
    return Cell(
        trace="synthetic:burst",
        scenario=Scenario.model_validate({**FLEET, "policy": settings}),
        policy=policy,
        seed=0,
        family=policy.partition(":")[0],
        label="",
        condition="",
        level_ratio=level_ratio,
    )


def score(of: Cell, gpu_hours: float, attainment_ratio: float) -> Score:
    return Score(
        family=of.family,
        label=of.label,
        condition=of.condition,
        seed=of.seed,
        attainment_ratio=attainment_ratio,
        gpu_hours=gpu_hours,
        mean_replicas=1.0,
        cost=1.0,
        ttft_p99_s=None,
        starts=0,
    )


def test_an_oracle_is_taught_by_the_law_that_beats_it_most() -> None:
    planned = [cell("static:4"), cell("oracle", 0.98), cell("kv"), cell("lower-bound", 0.98)]
    hours, attained = (9.0, 10.0, 8.0, 5.0), (1.0, 0.99, 0.985, 0.98)
    scores = {i: score(c, h, a) for i, (c, h, a) in enumerate(zip(planned, hours, attained, strict=True))}
    assert list(_lessons(planned, scores)) == [(1, 2)]


def test_an_oracle_that_is_not_beaten_is_left_alone() -> None:
    planned = [cell("static:4"), cell("oracle", 0.98)]
    scores = {0: score(planned[0], 9.95, 1.0), 1: score(planned[1], 10.0, 0.98)}
    assert list(_lessons(planned, scores)) == []


def test_after_the_lesson_it_is_as_cheap_as_its_teacher(tmp_path: Path) -> None:
    store, law = Store(tmp_path, "digest"), cell("static:4")
    taught = work(Task(cell=law, store=store))
    oracle = cell("oracle", taught.attainment_ratio, plays=4)
    found = work(Task(cell=oracle, store=store, teacher=law))
    assert found.attainment_ratio >= taught.attainment_ratio
    assert found.gpu_hours <= taught.gpu_hours
    assert store.load(oracle) == found
