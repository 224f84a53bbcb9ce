"""To and from zero, errors, and the fallback."""

from typing import Unpack

from simulations.actuation.settings import Fallback, FallbackBehavior
from tests.e2e.hpa.case import Case
from tests.e2e.hpa.cases.metrics import AT_ONCE, Settings, level, one, total

OFF, ON = False, True

_ZERO = (
    one("from zero by poll", 0, (0, 0.0), (7, 5.0), low=0, polling_s=3, active=((0, OFF), (7, ON))),
    one(
        "active at zero from the start",
        0,
        (0, 3.0),
        low=0,
        polling_s=5,
        race="the HPA's first sync and KEDA's first write come within 0.1 s; in the model KEDA is first",
    ),
    one("with a minimum of three zero becomes three", 0, (0, 3.0), low=3, polling_s=5),
    one("inactive at zero with a minimum of three", 0, (0, 3.0), low=3, polling_s=5, active=((0, OFF),)),
    one(
        "a value without activity wakes nobody",
        0,
        (0, 5.0),
        low=0,
        polling_s=3,
        active=((0, OFF),),
        seconds=12,
    ),
    one("activity without a value makes one", 0, (0, 0.0), low=0, polling_s=3, seconds=12),
    one("never active goes to zero at the first poll", 5, (0, 5.0), low=0, polling_s=5, active=((0, OFF),)),
    one(
        "with a minimum inactivity takes nothing", 3, (0, 3.0), polling_s=3, cooldown_s=1, active=((0, OFF),)
    ),
    one(
        "to zero once the cool-down is over",
        4,
        (0, 4.0),
        low=0,
        polling_s=3,
        cooldown_s=8,
        active=((0, ON), (5, OFF)),
        seconds=22,
    ),
    one(
        "to zero from any number before the window is over",
        9,
        (0, 9.0),
        (5, 0.0),
        low=0,
        polling_s=3,
        cooldown_s=1,
        active=((0, ON), (5, OFF)),
    ),
    one(
        "an active poll begins the cool-down anew",
        4,
        (0, 4.0),
        low=0,
        polling_s=3,
        cooldown_s=8,
        active=((0, ON), (5, OFF), (11, ON), (13, OFF)),
        seconds=32,
    ),
    one(
        "to zero and back",
        2,
        (0, 2.0),
        (5, 0.0),
        (17, 3.0),
        low=0,
        polling_s=3,
        cooldown_s=4,
        active=((0, ON), (5, OFF), (17, ON)),
        seconds=28,
    ),
    one(
        "recommendations from before zero are still there",
        6,
        (0, 6.0),
        (11, 1.0),
        low=0,
        polling_s=3,
        cooldown_s=1,
        active=((0, ON), (5, OFF), (11, ON)),
        seconds=24,
    ),
)

_PUSH = (
    one(
        "a push wakes at once",
        0,
        (0, 0.0),
        (7, 5.0),
        low=0,
        push=True,
        active=((0, OFF), (7, ON)),
    ),
    one(
        "a push wakes to the minimum",
        0,
        (0, 0.0),
        low=0,
        push=True,
        active=((0, OFF), (7, ON)),
    ),
    one(
        "from zero by push and back by poll",
        0,
        (0, 0.0),
        (7, 5.0),
        (11, 0.0),
        low=0,
        push=True,
        polling_s=5,
        cooldown_s=5,
        active=((0, OFF), (7, ON), (11, OFF)),
        seconds=24,
    ),
    one(
        "a push renews the last active time",
        3,
        (0, 3.0),
        low=0,
        push=True,
        polling_s=5,
        cooldown_s=8,
        active=((0, ON), (3, OFF), (11, ON), (13, OFF)),
        seconds=28,
    ),
    one(
        "a push at a hand's zero",
        3,
        (0, 3.0),
        push=True,
        active=((0, ON), (5, OFF), (11, ON)),
        hands=((7, 0),),
        seconds=18,
    ),
)

_ERRORS = (
    one("an error at zero wakes nobody", 0, (0, None), low=0, polling_s=5),
    one("an outage holds", 4, (0, 4.0), (7, None), polling_s=5, seconds=20),
    one(
        "an outage with a floor of zero holds",
        4,
        (0, 4.0),
        (7, None),
        low=0,
        polling_s=5,
        cooldown_s=3,
        seconds=20,
    ),
    one(
        "an outage ages the last active time",
        4,
        (0, 4.0),
        (5, None),
        (13, 0.0),
        low=0,
        polling_s=5,
        cooldown_s=8,
        active=((0, ON), (13, OFF)),
        seconds=24,
    ),
    Case(
        says="an active trigger beside a failing one does not renew the last active time",
        start=3,
        low=0,
        polling_s=5,
        cooldown_s=8,
        metrics=(total((0, 3.0)), total((0, 3.0), (7, None), (13, 3.0))),
        active=((0, ON), (13, OFF)),
        seconds=24,
    ),
    Case(
        says="one failing trigger beside an inactive one holds at a floor of zero",
        start=3,
        low=0,
        polling_s=5,
        cooldown_s=3,
        metrics=(total((0, 3.0), (7, None)), total((0, 3.0))),
        active=((0, ON), (7, OFF)),
        seconds=22,
    ),
)


def fallback(replicas: int, *, failures: int = 3, behavior: FallbackBehavior = "static") -> Fallback:
    """``spec.fallback``."""
    return Fallback(replicas=replicas, failures=failures, behavior=behavior)


def failing(says: str, start: int, given: Fallback, **more: Unpack[Settings]) -> Case:
    """What is there is wanted, until the metric fails for good."""
    settings: Settings = {"polling_s": 5, "seconds": 22, "fallback": given}
    settings.update(more)
    return one(says, start, (0, float(start)), (7, None), **settings)


_FALLBACK = (
    Case(
        says="beside a sibling that keeps the HPA active only the HPA counts failures",
        start=4,
        metrics=(total((0, 4.0)), total((0, 4.0), (7, None))),
        fallback=fallback(6),
        polling_s=1,
        seconds=20,
    ),
    failing("three failures are endured, the fourth falls back", 2, fallback(6)),
    failing("a threshold of zero falls back at the first failure", 2, fallback(6, failures=0)),
    failing("with a floor of zero both paths count failures", 2, fallback(6), low=0),
    failing("a fallback to the current replicas holds", 4, fallback(9, behavior="currentReplicas")),
    failing("a fallback if higher lifts", 3, fallback(6, behavior="currentReplicasIfHigher")),
    failing("a fallback if higher holds what is more", 7, fallback(4, behavior="currentReplicasIfHigher")),
    failing("a fallback if lower sinks", 7, fallback(4, behavior="currentReplicasIfLower"), seconds=26),
    failing("a fallback if lower holds what is less", 3, fallback(6, behavior="currentReplicasIfLower")),
    failing("a fallback is bounded by the maximum", 3, fallback(9), high=5),
    failing("a fallback of zero lets an error count as inactivity", 3, fallback(0), low=0, cooldown_s=3),
    one(
        "a fallback ends with the outage",
        2,
        (0, 2.0),
        (7, None),
        (17, 3.0),
        fallback=fallback(6),
        polling_s=5,
        down=AT_ONCE,
        seconds=24,
    ),
    one(
        "a success begins the count anew",
        2,
        (0, 2.0),
        (5, None),
        (9, 2.0),
        (11, None),
        fallback=fallback(6),
        seconds=24,
    ),
    one(
        "a fallback wakes from zero",
        0,
        (0, None),
        low=0,
        fallback=fallback(3, failures=2),
        polling_s=3,
        active=((0, OFF),),
    ),
    Case(
        says="a level falls back to target times replicas by ready pods",
        start=4,
        metrics=(level((0, 1.0), (7, None)),),
        unready=((3, 1),),
        fallback=fallback(7, failures=2),
        polling_s=5,
        seconds=22,
    ),
    Case(
        says="a level with no pod ready has no fallback",
        start=3,
        metrics=(level((0, 1.0), (7, None)),),
        ready_after_s=None,
        fallback=fallback(7, failures=1),
        polling_s=5,
        seconds=20,
    ),
    Case(
        says="one of two falls back and the other wants fewer",
        start=4,
        metrics=(total((0, 4.0), (7, None)), total((0, 4.0), (7, 2.0))),
        fallback=fallback(6, failures=2),
        polling_s=5,
        seconds=24,
    ),
    Case(
        says="a fallback with a target of a half",
        start=2,
        metrics=(total((0, 1.0), (7, None), target=0.5),),
        fallback=fallback(5, failures=1),
        polling_s=5,
        seconds=18,
    ),
)

CASES: tuple[Case, ...] = (*_ZERO, *_PUSH, *_ERRORS, *_FALLBACK)
