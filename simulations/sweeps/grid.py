"""A grid of runs on all cores: policies × their settings × conditions × seeds, resumable cell by cell."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from simulations import pool, prepare, searches
from simulations.errors import InputError
from simulations.oracle.dominance import Outcome, check_dominates, realised
from simulations.oracle.schedules import Steps
from simulations.policies.grids import grid
from simulations.policies.registry import SEARCHES
from simulations.requests import Trace
from simulations.run import simulate
from simulations.scenario import Scenario
from simulations.scenario_file import load_scenario
from simulations.sweeps.analysis import LEVELS
from simulations.sweeps.cells import Cell, Score, Store
from simulations.traces import catalog

CELLS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Vary:
    """One setting of the scenario, and the values that it takes in turn."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a sweep was asked for."""

    trace: str
    scenario: str | None
    """What ``--scenario`` was given."""
    overrides: tuple[str, ...]
    """``key=value``, for every cell."""
    policies: tuple[str, ...]
    seeds: int
    axes: tuple[Vary, ...]
    """The conditions: every combination is judged by itself."""
    tune: bool
    """Try each policy's grid; else only its settings as given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a worker process gets."""

    cell: Cell
    store: Store
    teacher: Cell | None = None
    """For an oracle that this law beat: it begins again with the law's schedule in hand."""


OnScore = Callable[[int], None]
"""Called with the number of finished cells."""


def plan_cells(plan: Plan) -> list[Cell]:
    """Every cell, in the order of the report. Raises :class:`InputError` for anything that could not run.

    Each policy is built once with each of its settings, so that a mistake shows before the first run.
    """
    planned = list(_cells(plan))
    if len(planned) > CELLS_MAX:
        raise InputError("sweep", f"{len(planned):,} cells", f"vary less: at most {CELLS_MAX:,}")
    for cell in planned:
        if cell.seed == 0:
            prepare.check(cell.scenario, cell.policy)
    return planned


def _cells(plan: Plan) -> Iterator[Cell]:
    for values in product(*(axis.values for axis in plan.axes)):
        pairs = [(axis.key, value) for axis, value in zip(plan.axes, values, strict=True)]
        condition = ", ".join(_spoken(key, value) for key, value in pairs) or "as given"
        overrides = [*plan.overrides, *(f"{key}={value}" for key, value in pairs)]
        scenario = load_scenario(plan.scenario, overrides)
        for policy in plan.policies:
            for setting in _settings(policy, scenario, tune=plan.tune):
                settled = load_scenario(plan.scenario, [*overrides, *setting.overrides])
                for seed in range(plan.seeds):
                    yield Cell(
                        trace=plan.trace,
                        scenario=settled,
                        policy=setting.policy,
                        seed=seed,
                        family=policy.partition(":")[0],
                        label=setting.label,
                        condition=condition,
                        level_ratio=setting.level_ratio,
                    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """One thing to try of a policy."""

    policy: str
    """As the registry knows it."""
    label: str
    overrides: tuple[str, ...] = ()
    level_ratio: float | None = None


def _settings(policy: str, scenario: Scenario, *, tune: bool) -> Iterator[_Setting]:
    if policy == "static":
        fleet = scenario.cluster
        for replicas in range(max(1, fleet.min_replicas), fleet.max_replicas + 1):
            yield _Setting(policy=f"static:{replicas}", label=f"{replicas}")
    elif policy in SEARCHES:
        for level in LEVELS if tune else (scenario.slo.target,):
            yield _Setting(policy=policy, label=f"for {100 * level:g} %", level_ratio=level)
    else:
        for knobs in grid(policy) if tune else ({},):
            label = ", ".join(f"{key} {value}" for key, value in knobs.items()) or policy.partition(":")[2]
            overrides = tuple(f"policy.{key}={value}" for key, value in knobs.items())
            yield _Setting(policy=policy, label=label, overrides=overrides)


def _spoken(key: str, value: str) -> str:
    if key == "cold_start.seconds":
        return f"cold start {value} s"
    if key == "trace.copies":
        return f"{value} {'copy' if value == '1' else 'copies'}"
    return f"{key}={value}"


def execute(planned: Sequence[Cell], store: Store, jobs: int, on_score: OnScore) -> list[Score]:
    """Every cell's score in the order of ``planned``; cells that ``store`` has are not run again."""
    known = {number: found for number, cell in enumerate(planned) if (found := store.load(cell))}
    missing = [number for number in range(len(planned)) if number not in known]
    on_score(len(known))
    finished = len(known)

    def one_more(_number: int, _score: Score) -> None:
        nonlocal finished
        finished += 1
        on_score(finished)

    new = pool.run(work, [Task(cell=planned[number], store=store) for number in missing], jobs, one_more)
    scores = known | dict(zip(missing, new, strict=True))
    _mend(planned, scores, store, jobs)
    return [scores[number] for number in range(len(planned))]


def _mend(planned: Sequence[Cell], scores: dict[int, Score], store: Store, jobs: int) -> None:
    """An oracle that a law beats by more than 1 % searches again with that law's schedule in hand."""
    lessons = list(_lessons(planned, scores))
    tasks = [Task(cell=planned[number], store=store, teacher=planned[law]) for number, law in lessons]
    better = pool.run(work, tasks, jobs, lambda _number, _score: None)
    scores |= {number: score for (number, _), score in zip(lessons, better, strict=True)}


def _lessons(planned: Sequence[Cell], scores: Mapping[int, Score]) -> Iterator[tuple[int, int]]:
    """(number of an oracle's cell, number of the cell that beats it most)."""
    for number, cell in enumerate(planned):
        if cell.policy != "oracle":
            continue
        laws = [
            _outcome(other, scores[other])
            for other, law in enumerate(planned)
            if law.family not in SEARCHES and (law.condition, law.seed) == (cell.condition, cell.seed)
        ]
        held_to = min(scores[number].attainment_ratio, cell.level_ratio or 1.0)
        oracle = replace(_outcome(number, scores[number]), attainment_ratio=held_to)
        for beaten in check_dominates([oracle], laws):
            yield number, int(beaten.law.label)


def _outcome(number: int, score: Score) -> Outcome:
    return Outcome(label=str(number), gpu_hours=score.gpu_hours, attainment_ratio=score.attainment_ratio)


def work(task: Task) -> Score:
    """One cell, in a worker process: run it and keep its result."""
    cell = task.cell
    trace = prepare.trace(cell.trace, cell.scenario, cell.seed)
    if cell.level_ratio is not None:
        seeds = [] if task.teacher is None else [_schedule_of(task.teacher, trace)]
        found = searches.search(cell.policy, cell.scenario, trace, cell.seed, cell.level_ratio, seeds=seeds)
        return task.store.save(cell, found.as_json())
    return task.store.save(cell, simulate(cell.scenario, trace, cell.policy, cell.seed).as_json())


def _schedule_of(law: Cell, trace: Trace) -> Steps:
    return realised(law.scenario, trace, law.policy, law.seed)


def trace_digest(reference: str) -> str:
    """A hash of the trace's file; of the name for one that is drawn (its code is in the cell's key)."""
    path = Path(reference)
    if not path.exists() and reference in catalog.RECORDED:
        path = catalog.recorded_path(reference)
    content = path.read_bytes() if path.is_file() else reference.encode()
    return hashlib.sha256(content).hexdigest()
