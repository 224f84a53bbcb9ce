"""Kubernetes' and KEDA's defaults as they are: a sync of 15 s, a window of 300 s, a poll of 30 s."""

from typing import Unpack

from simulations.actuation.settings import Fallback
from simulations.scenario import Direction, Rule
from tests.e2e.hpa.case import TRUE, Case, Script
from tests.e2e.hpa.cases.metrics import AT_ONCE, Settings, one

OFF, ON = False, True


def slow(says: str, start: int, *steps: tuple[float, float | None], **more: Unpack[Settings]) -> Case:
    """A total with target 1 on the true clocks."""
    settings: Settings = {"seconds": 100, "clocks": TRUE}
    settings.update(more)
    return one(f"defaults: {says}", start, *steps, **settings)


CASES: tuple[Case, ...] = (
    slow("the fleet doubles every sync", 1, (0, 20.0)),
    slow("eleven of ten are swallowed, 11.001 not", 10, (0, 11.0), (40, 11.001)),
    slow("a fall waits for five minutes", 8, (0, 8.0), (40, 2.0), seconds=380),
    slow("a cut climb goes on for five minutes", 3, (0, 3.0), (40, 20.0), (57, 3.0), seconds=400),
    slow("four or double in fifteen seconds", 1, (0, 20.0), up=AT_ONCE),
    slow(
        "a tenth a minute down after a window of one",
        20,
        (0, 20.0),
        (40, 2.0),
        high=20,
        down=Direction(stabilization_s=50, rules=(Rule(type="Percent", value=10, period_s=55),)),
        seconds=380,
    ),
    slow("from zero by poll", 0, (0, 0.0), (40, 3.0), low=0, active=((0, OFF), (40, ON))),
    slow("from zero by push", 0, (0, 0.0), (40, 3.0), low=0, push=True, active=((0, OFF), (40, ON))),
    slow(
        "to zero five minutes after the last active poll",
        3,
        (0, 3.0),
        (40, 0.0),
        low=0,
        active=((0, ON), (40, OFF)),
        seconds=400,
    ),
    slow(
        "three failures and the fallback", 2, (0, 2.0), (40, None), fallback=Fallback(replicas=6), seconds=140
    ),
    slow(
        "with a floor of zero the fallback is there sooner",
        2,
        (0, 2.0),
        (40, None),
        low=0,
        fallback=Fallback(replicas=6),
        seconds=140,
    ),
    slow("an outage holds", 4, (0, 4.0), (40, None), seconds=200),
    Case(
        says="defaults: a level multiplies what is ready while pods load for a minute",
        start=4,
        metrics=(Script(steps=((0, 1.0), (40, 1.5)), kind="Value"),),
        ready_after_s=61,
        high=9,
        clocks=TRUE,
        seconds=200,
    ),
)
