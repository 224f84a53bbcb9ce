"""Which point of its grid each policy is judged at: chosen on the tuning loads, the same way for everybody.

For an attainment level: the cheapest point whose mean attainment over the loads reaches it. Cost is the mean
over loads of GPU-hours relative to the cheapest run of any policy that served 95 % there, so that no load
decides by its size. A policy that never reaches the level is judged at the point that comes nearest.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEVELS = (0.95, 0.98, 0.99)
SERVED = 0.95
"""A run below it is no measure of what a load costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One setting of one policy over all tuning loads."""

    policy: str
    label: str
    attainment_ratio: float
    """Mean over loads."""
    worst_ratio: float
    relative_cost: float
    """Mean over loads of GPU-hours / the cheapest run that served 95 % there."""


def points(rows: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Average the rows ({load, policy, label, slo_attainment, gpu_hours}) of each setting over its loads."""
    cheapest: dict[str, float] = {}
    for row in rows:
        if row["slo_attainment"] >= SERVED:
            cheapest[row["load"]] = min(row["gpu_hours"], cheapest.get(row["load"], row["gpu_hours"]))
    settings: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        settings[row["policy"], row["label"]].append(row)
    return [_point(key, found, cheapest) for key, found in sorted(settings.items())]


def _point(key: tuple[str, str], rows: Sequence[Mapping[str, Any]], cheapest: Mapping[str, float]) -> Point:
    attained = [row["slo_attainment"] for row in rows]
    return Point(
        policy=key[0],
        label=key[1],
        attainment_ratio=sum(attained) / len(rows),
        worst_ratio=min(attained),
        relative_cost=sum(row["gpu_hours"] / cheapest[row["load"]] for row in rows) / len(rows),
    )


def best(candidates: Sequence[Point], level_ratio: float) -> Point:
    """The point of one policy that is judged for ``level_ratio``."""
    reaching = [point for point in candidates if point.attainment_ratio >= level_ratio]
    if reaching:
        return min(reaching, key=lambda point: (point.relative_cost, point.label))
    return max(candidates, key=lambda point: (point.attainment_ratio, -point.relative_cost, point.label))


def chosen(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[float, Point]]:
    """Policy -> level -> point."""
    by_policy: dict[str, list[Point]] = defaultdict(list)
    for point in points(rows):
        by_policy[point.policy].append(point)
    return {policy: {level: best(found, level) for level in LEVELS} for policy, found in by_policy.items()}
