"""Pods that are not ready or go slowly, bounds, and a person's hand."""

from simulations.scenario import Direction
from tests.e2e.hpa.case import Case
from tests.e2e.hpa.cases.metrics import AT_ONCE, level, one, total

_READY = (
    Case(
        says="a level runs away with the fleet",
        start=4,
        metrics=(level((0, 1.0), (5, 1.5)),),
        seconds=20,
    ),
    Case(says="a level of a half halves until the minimum", start=8, metrics=(level((0, 0.5)),), seconds=26),
    Case(
        says="a level multiplies ready pods, not those that load",
        start=4,
        metrics=(level((0, 1.0), (5, 1.5)),),
        ready_after_s=7,
        high=9,
        seconds=24,
    ),
    Case(
        says="a loading fleet shrinks under a level of mild overload",
        start=6,
        metrics=(level((0, 1.0), (7, 1.2)),),
        unready=((3, 4),),
        down=AT_ONCE,
        seconds=20,
    ),
    Case(
        says="a level within the tolerance keeps what is asked for",
        start=6,
        metrics=(level((0, 1.0)),),
        unready=((3, 4),),
        down=AT_ONCE,
    ),
    Case(
        says="a level of two with no pod ready falls to the minimum",
        start=3,
        metrics=(level((0, 2.0)),),
        ready_after_s=None,
        down=AT_ONCE,
    ),
    Case(
        says="pods that drain still count for a level",
        start=8,
        metrics=(level((0, 1.0), (5, 0.5)),),
        drain_s=7,
        down=AT_ONCE,
        seconds=26,
    ),
    one("readiness plays no part for a total", 2, (0, 2.0), (5, 6.0), ready_after_s=None),
    one("pods that drain are not in the status", 8, (0, 8.0), (5, 4.0), drain_s=9, down=AT_ONCE),
)

_SURGE = (
    Case(
        says="a surge within the tolerance is written back and sticks",
        start=8,
        metrics=(total((0, 8.0)),),
        rollouts=(5,),
        up=Direction(tolerance=0.1, stabilization_s=0),
        down=Direction(tolerance=0.25, stabilization_s=0),
        seconds=14,
    ),
)

_BOUNDS = (
    one("above the maximum comes down before metrics are asked", 12, (0, 12.0), high=10),
    one("above the maximum, then what the metric says", 12, (0, 3.0), high=10, down=AT_ONCE),
    one("below the minimum goes up to it", 2, (0, 2.0), low=5, polling_s=5),
    one("below the minimum and inactive", 2, (0, 2.0), low=5, polling_s=5, active=((0, False),)),
    one("the metric asks for more than the maximum", 4, (0, 30.0), high=7),
    one("the metric asks for less than the minimum", 6, (0, 1.0), low=4, down=AT_ONCE),
    one("a lower maximum cuts at once", 8, (0, 8.0), bounds=((7, (1, 5)),)),
    one("a higher maximum lets the fleet grow", 5, (0, 9.0), high=5, bounds=((7, (1, 12)),)),
    one("a higher minimum lifts at once", 3, (0, 3.0), bounds=((7, (6, 20)),)),
    one(
        "a lower minimum lets the window fall due",
        6,
        (0, 2.0),
        low=6,
        bounds=((7, (1, 20)),),
        down=AT_ONCE,
    ),
    one("minimum and maximum are the same", 3, (0, 9.0), (7, 1.0), low=3, high=3, down=AT_ONCE),
)

_HANDS = (
    one("a hand adds replicas and the HPA takes them back", 4, (0, 4.0), hands=((7, 15),)),
    one("a hand goes above the maximum", 4, (0, 4.0), high=10, hands=((7, 15),)),
    one("a hand takes replicas and the HPA adds them again", 6, (0, 6.0), hands=((7, 2),)),
    one("a hand at zero: KEDA wakes what is active", 4, (0, 4.0), polling_s=5, hands=((7, 0),), seconds=20),
    one(
        "a hand at zero: KEDA raises what is inactive to the minimum",
        4,
        (0, 4.0),
        low=3,
        polling_s=5,
        active=((0, False),),
        hands=((7, 0),),
        seconds=20,
    ),
    one("a hand goes below the minimum", 4, (0, 4.0), low=3, hands=((7, 1),)),
    one(
        "a hand's change is in no book of policies",
        4,
        (0, 4.0),
        (9, 2.0),
        hands=((5, 10),),
        up=AT_ONCE,
        down=AT_ONCE,
    ),
)

CASES: tuple[Case, ...] = (*_READY, *_SURGE, *_BOUNDS, *_HANDS)
