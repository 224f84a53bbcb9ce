"""What a sweep's scores say: frontiers, GPU-hours at equal attainment, paired differences, who is best."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from simulations.policies.registry import SEARCHES
from simulations.sweeps.cells import Score
from simulations.sweeps.frontier import Cost, Point, cost_at, frontier, reaches
from simulations.sweeps.paired import Interval, paired

Item = TypeVar("Item")
Key = TypeVar("Key")

OURS = "hearth"
LEVELS = (0.95, 0.98, 0.99)
"""Attainments at which GPU-hours are compared (issue 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One setting of one policy under one condition, over all seeds."""

    family: str
    label: str
    seeds: tuple[int, ...]
    attainment_ratio: float
    """Mean over the seeds, like every figure here."""
    attainment_worst: float
    gpu_hours: float
    mean_replicas: float
    cost: float
    ttft_p99_s: float | None
    """None: in some seed no request got a first token."""
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLevel:
    """What a policy pays for one attainment."""

    level_ratio: float
    cost: Cost | None
    """None: no setting reaches the level."""
    versus_ours: Interval | None
    """GPU-hours ÷ ours at the same level, − 1, seed by seed; None where one of the two does not get there."""
    versus_oracle: float | None
    """GPU-hours ÷ the oracle's at the same level."""
    versus_bound: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One policy under one condition."""

    family: str
    candidates: tuple[Candidate, ...]
    frontier: tuple[Point, ...]
    at_levels: tuple[AtLevel, ...]
    chosen: Candidate
    """Its operating point: the cheapest setting that reaches the target, else the one that comes closest."""
    attainment_versus_ours: Interval | None
    """Chosen point against ours, in shares (0.01: a point more of all requests met the SLO)."""
    gpu_hours_versus_ours: Interval | None
    """Chosen point against ours: GPU-hours ÷ ours − 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every policy under one condition, in the order in which they were asked for."""

    condition: str
    target_ratio: float
    standings: tuple[Standing, ...]


def compare(scores: Sequence[Score], target_ratio: float) -> tuple[Comparison, ...]:
    """Judge a whole sweep, one comparison a condition."""
    return tuple(
        _compare_one(condition, mine, target_ratio)
        for condition, mine in _grouped(scores, lambda s: s.condition).items()
    )


def _compare_one(condition: str, scores: Sequence[Score], target_ratio: float) -> Comparison:
    families = _grouped(scores, lambda s: s.family)
    candidates = {family: _candidates(mine) for family, mine in families.items()}
    chosen = {family: choose(mine, target_ratio) for family, mine in candidates.items()}
    standings = tuple(
        Standing(
            family=family,
            candidates=mine,
            frontier=frontier(candidate_points(mine)),
            at_levels=tuple(_at_level(family, candidates, families, level) for level in LEVELS),
            chosen=chosen[family],
            attainment_versus_ours=_difference(
                chosen, family, lambda its, our: its.attainment_ratio - our.attainment_ratio
            ),
            gpu_hours_versus_ours=_difference(
                chosen, family, lambda its, our: its.gpu_hours / our.gpu_hours - 1
            ),
        )
        for family, mine in candidates.items()
    )
    return Comparison(condition=condition, target_ratio=target_ratio, standings=standings)


def choose(candidates: Sequence[Candidate], target_ratio: float) -> Candidate:
    """The cheapest that reaches the target on average; if none does, the one with the most attainment.

    Searches were made for one level each: of equally dear ones the lowest level is meant.
    """
    good = [c for c in candidates if reaches(c.attainment_ratio, target_ratio)]
    if good:
        sign = 1 if good[0].family in SEARCHES else -1
        return min(good, key=lambda c: (c.gpu_hours, sign * c.attainment_ratio))
    return max(candidates, key=lambda c: (c.attainment_ratio, -c.gpu_hours))


def _candidates(scores: Sequence[Score]) -> tuple[Candidate, ...]:
    return tuple(_candidate(label, mine) for label, mine in _grouped(scores, lambda s: s.label).items())


def _candidate(label: str, scores: Sequence[Score]) -> Candidate:
    p99s = [s.ttft_p99_s for s in scores if s.ttft_p99_s is not None]
    return Candidate(
        family=scores[0].family,
        label=label,
        seeds=tuple(s.seed for s in scores),
        attainment_ratio=_mean(s.attainment_ratio for s in scores),
        attainment_worst=min(s.attainment_ratio for s in scores),
        gpu_hours=_mean(s.gpu_hours for s in scores),
        mean_replicas=_mean(s.mean_replicas for s in scores),
        cost=_mean(s.cost for s in scores),
        ttft_p99_s=_mean(p99s) if len(p99s) == len(scores) else None,
        scores=tuple(scores),
    )


def _at_level(
    family: str,
    candidates: Mapping[str, Sequence[Candidate]],
    scores: Mapping[str, Sequence[Score]],
    level: float,
) -> AtLevel:
    cost = cost_at(candidate_points(candidates[family]), level)
    return AtLevel(
        level_ratio=level,
        cost=cost,
        versus_ours=_versus_ours(scores, family, level),
        versus_oracle=_ratio(cost, candidates, "oracle", level),
        versus_bound=_ratio(cost, candidates, "lower-bound", level),
    )


def _ratio(
    cost: Cost | None, candidates: Mapping[str, Sequence[Candidate]], reference: str, level: float
) -> float | None:
    least = cost_at(candidate_points(candidates[reference]), level) if reference in candidates else None
    return cost.gpu_hours / least.gpu_hours if cost and least and least.gpu_hours > 0 else None


def _versus_ours(scores: Mapping[str, Sequence[Score]], family: str, level: float) -> Interval | None:
    """Each seed's own frontier against ours of the same seed: what chance did to both cancels."""
    if family == OURS or OURS not in scores:
        return None
    theirs, ours = _cost_by_seed(scores[family], level), _cost_by_seed(scores[OURS], level)
    ratios = []
    for seed, our in ours.items():
        its = theirs.get(seed)
        if its is None or our is None or our.gpu_hours <= 0:
            return None
        ratios.append(its.gpu_hours / our.gpu_hours - 1)
    return paired(ratios)


def _cost_by_seed(scores: Sequence[Score], level: float) -> dict[int, Cost | None]:
    return {
        seed: cost_at(_score_points(mine), level) for seed, mine in _grouped(scores, lambda s: s.seed).items()
    }


def _difference(
    chosen: Mapping[str, Candidate], family: str, of: Callable[[Score, Score], float]
) -> Interval | None:
    if family == OURS or OURS not in chosen:
        return None
    ours = {s.seed: s for s in chosen[OURS].scores}
    pairs = [(s, ours[s.seed]) for s in chosen[family].scores if s.seed in ours]
    return paired([of(its, our) for its, our in pairs if our.gpu_hours > 0])


def candidate_points(candidates: Iterable[Candidate]) -> list[Point]:
    return [
        Point(label=c.label, gpu_hours=c.gpu_hours, attainment_ratio=c.attainment_ratio) for c in candidates
    ]


def _score_points(scores: Iterable[Score]) -> list[Point]:
    return [Point(label=s.label, gpu_hours=s.gpu_hours, attainment_ratio=s.attainment_ratio) for s in scores]


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return math.fsum(numbers) / len(numbers)


def _grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Items under their keys, in the order in which a key first comes up."""
    groups: dict[Key, list[Item]] = {}
    for one in items:
        groups.setdefault(key(one), []).append(one)
    return groups
