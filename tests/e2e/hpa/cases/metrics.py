"""Tolerance, kinds of targets, quantities, several metrics."""

import math
from typing import TypedDict, Unpack

from simulations.actuation.settings import Fallback
from simulations.scenario import Direction
from tests.e2e.hpa.case import Case, Clocks, Script, Steps

AT_ONCE = Direction(stabilization_s=0)


def total(*steps: tuple[float, float | None], target: float = 1.0) -> Script:
    """A metric of type AverageValue."""
    return Script(steps=steps, target=target)


def level(*steps: tuple[float, float | None], target: float = 1.0) -> Script:
    """A metric of type Value."""
    return Script(steps=steps, target=target, kind="Value")


class Settings(TypedDict, total=False):
    """What a case may be given beside its metrics."""

    seconds: int
    low: int
    high: int
    active: Steps[bool]
    push: bool
    polling_s: int
    cooldown_s: int
    fallback: Fallback | None
    up: Direction | None
    down: Direction | None
    hands: Steps[int]
    bounds: Steps[tuple[int, int]]
    unready: Steps[int]
    silent: Steps[int]
    ready_after_s: float | None
    clocks: Clocks
    race: str
    drain_s: float


def one(says: str, start: int, *steps: tuple[float, float | None], **more: Unpack[Settings]) -> Case:
    """A total with target 1."""
    return Case(says=says, start=start, metrics=(total(*steps),), **more)


_TOLERANCE = (
    one("one replica keeps 1.1", 1, (0, 1.1)),
    one("one replica moves at 1.101", 1, (0, 1.101)),
    one("three replicas keep 3.3", 3, (0, 3.3)),
    one("three replicas move at 3.301", 3, (0, 3.301)),
    one("ten replicas keep eleven", 10, (0, 11.0)),
    one("ten replicas move at 11.001", 10, (0, 11.001)),
    one("ten replicas keep nine", 10, (0, 9.0)),
    one("ten replicas fall at 8.999 once the window is over", 10, (0, 8.999)),
    one("fifty replicas keep 55 and move at 55.001", 50, (0, 55.0), (7, 55.001), high=100),
    one("two hundred replicas keep 220 and move at 220.001", 200, (0, 220.0), (7, 220.001), high=300),
    one("no tolerance upwards moves ten at 10.001", 10, (0, 10.001), up=Direction(tolerance=0)),
    one(
        "no tolerance downwards keeps ten at 9.001 and falls at nine",
        10,
        (0, 9.001),
        (5, 9.0),
        down=Direction(tolerance=0, stabilization_s=0),
    ),
    one(
        "a tolerance of a half upwards keeps fifteen of ten",
        10,
        (0, 15.0),
        (7, 15.001),
        up=Direction(tolerance=0.5),
    ),
    one(
        "a tolerance of a twentieth keeps 21 of twenty",
        20,
        (0, 21.0),
        (7, 21.001),
        high=40,
        up=Direction(tolerance=0.05),
    ),
    one(
        "a tolerance of 0.104 keeps 11.04 of ten",
        10,
        (0, 11.04),
        (7, 11.041),
        up=Direction(tolerance=0.104),
    ),
    one(
        "a tolerance given for up leaves the one for down",
        10,
        (0, 9.0),
        (5, 8.9),
        up=Direction(tolerance=0),
        down=AT_ONCE,
    ),
    Case(
        says="a level of 1.1 keeps five and 1.101 makes six",
        start=5,
        metrics=(level((0, 1.1), (7, 1.101), (9, 1.0)),),
    ),
    Case(
        says="a level within a tolerance of a half keeps five",
        start=5,
        metrics=(level((0, 1.5), (7, 1.501), (9, 1.0)),),
        up=Direction(tolerance=0.5),
    ),
)

_QUANTITIES = (
    one("1500m are two replicas", 1, (0, 1.5)),
    one("the fourth decimal is rounded away", 2, (0, 2.0004), (7, 2.0006), up=Direction(tolerance=0)),
    Case(says="a target of 500m", start=1, metrics=(total((0, 1.5), target=0.5),)),
    Case(says="a target of 0.0125 becomes 12m or 13m", start=1, metrics=(total((0, 0.05), target=0.0125),)),
    one("NaN is zero", 4, (0, math.nan), down=AT_ONCE),
    one("minus five is zero", 4, (0, -5.0), down=AT_ONCE),
    one("infinity is zero", 4, (0, math.inf), down=AT_ONCE),
    one("a ten-thousandth is zero", 4, (0, 0.0001), down=AT_ONCE),
    one("a million million ends at the maximum", 2, (0, 1e12)),
    one("the largest quantity ends at the maximum", 2, (0, 9e15)),
    one("more than a quantity holds", 4, (0, 1e17)),
    Case(says="a huge level ends at the maximum", start=2, metrics=(level((0, 1e12)),)),
)

_SEVERAL = (
    Case(says="the highest of two totals wins", metrics=(total((0, 3.0)), total((0, 6.0))), seconds=12),
    Case(
        says="the highest of a total and a level wins",
        start=4,
        metrics=(total((0, 4.0)), level((0, 1.5), (3, 1.0))),
    ),
    Case(
        says="of two equal totals the first counts, of two zeros the last",
        start=3,
        metrics=(total((0, 3.0), (5, 0.0)), total((0, 3.0), (5, 0.0))),
        down=AT_ONCE,
    ),
    Case(
        says="of three the one that falls last holds the fleet",
        start=8,
        metrics=(total((0, 8.0), (5, 2.0)), total((0, 8.0), (7, 4.0)), total((0, 8.0), (11, 3.0))),
        down=AT_ONCE,
    ),
    Case(
        says="one of two fails and the other wants more",
        metrics=(total((0, 2.0), (5, None)), total((0, 2.0), (9, 5.0))),
    ),
    Case(
        says="one of two fails and the other wants fewer",
        start=6,
        metrics=(total((0, 6.0), (5, None)), total((0, 6.0), (7, 2.0))),
        down=AT_ONCE,
    ),
    Case(
        says="the second of two fails and the first keeps",
        start=6,
        metrics=(total((0, 6.0)), total((0, 6.0), (5, None))),
        down=AT_ONCE,
    ),
    Case(
        says="both of two fail and one comes back with fewer",
        start=6,
        metrics=(total((0, 6.0), (5, None)), total((0, 6.0), (5, None), (11, 2.0))),
        down=AT_ONCE,
        seconds=18,
    ),
    one("an outage holds and the fall comes after it", 6, (0, 6.0), (5, None), (11, 2.0), down=AT_ONCE),
    one("an outage longer than the window empties it", 6, (0, 6.0), (3, None), (15, 2.0), seconds=20),
)

CASES = (*_TOLERANCE, *_QUANTITIES, *_SEVERAL)
