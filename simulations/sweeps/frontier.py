"""Cost against attainment: what is left when everything that is both dearer and worse is struck out."""

from collections.abc import Sequence
from dataclasses import dataclass

EXACT = 1e-9
"""Shares that differ by less are equal: the mean of 0.99, 0.99 and 0.99 may be a hair below 0.99."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One configuration's result: GPU-hours, and the share of requests that met the SLO (0-1)."""

    label: str
    gpu_hours: float
    attainment_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """GPU-hours for a level of attainment, read from a frontier."""

    gpu_hours: float
    exact: bool
    """False: even the cheapest configuration is above the level, so the true figure may be lower."""


def reaches(share: float, level: float) -> bool:
    """``share`` is at least ``level``, up to rounding."""
    return share >= level - EXACT


def frontier(points: Sequence[Point]) -> tuple[Point, ...]:
    """The non-dominated points, cheapest first. Of equal points the first one stays."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.gpu_hours, -p.attainment_ratio)):
        if not kept or point.attainment_ratio > kept[-1].attainment_ratio:
            kept.append(point)
    return tuple(kept)


def cost_at(points: Sequence[Point], level_ratio: float) -> Cost | None:
    """GPU-hours at a level of attainment, linear between neighbours on the frontier; None: never reached.

    Worked: (4 h, 0.90) and (6 h, 1.00) give 5 h at 0.95. A mixture of two neighbours over time has that
    cost and that attainment, so the line between them is reachable by a fleet that alternates.
    """
    line = frontier(points)
    if not line or not reaches(line[-1].attainment_ratio, level_ratio):
        return None
    if reaches(line[0].attainment_ratio, level_ratio):
        return Cost(gpu_hours=line[0].gpu_hours, exact=reaches(level_ratio, line[0].attainment_ratio))
    above = next(i for i, p in enumerate(line) if reaches(p.attainment_ratio, level_ratio))
    low, high = line[above - 1], line[above]
    share = (level_ratio - low.attainment_ratio) / (high.attainment_ratio - low.attainment_ratio)
    return Cost(gpu_hours=low.gpu_hours + share * (high.gpu_hours - low.gpu_hours), exact=True)
