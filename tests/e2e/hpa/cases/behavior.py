"""``behavior``: windows and policies, and what holds without it."""

from typing import Literal

from simulations.scenario import Direction, Rule
from tests.e2e.hpa.case import Case
from tests.e2e.hpa.cases.metrics import AT_ONCE, one

Select = Literal["Max", "Min", "Disabled"]


def rules(*given: Rule, select: Select = "Max") -> Direction:
    """Policies without a window."""
    return Direction(stabilization_s=0, rules=given, select=select)


def pods(value: int, period_s: int) -> Rule:
    """So many pods a period."""
    return Rule(type="Pods", value=value, period_s=period_s)


def percent(value: int, period_s: int) -> Rule:
    """So many percent a period."""
    return Rule(type="Percent", value=value, period_s=period_s)


_WINDOWS = (
    one(
        "an up window waits until all of it wants more",
        2,
        (0, 2.0),
        (5, 6.0),
        up=Direction(stabilization_s=5),
    ),
    one(
        "an up window takes the lowest of it",
        2,
        (0, 2.0),
        (3, 9.0),
        (5, 5.0),
        (7, 9.0),
        up=Direction(stabilization_s=5),
        seconds=20,
    ),
    one(
        "a spike shorter than the up window is not followed",
        2,
        (0, 2.0),
        (5, 9.0),
        (9, 2.0),
        up=Direction(stabilization_s=7),
        seconds=18,
    ),
    one(
        "a down window takes the highest of it",
        10,
        (0, 10.0),
        (3, 4.0),
        (5, 6.0),
        (9, 3.0),
        down=Direction(stabilization_s=5),
        seconds=22,
    ),
    one("no down window falls at once", 10, (0, 10.0), (5, 3.0), down=AT_ONCE),
    one(
        "a dip shorter than the down window is not followed",
        8,
        (0, 8.0),
        (5, 2.0),
        (9, 8.0),
        down=Direction(stabilization_s=7),
        seconds=18,
    ),
    one("the default down window is the controller's flag", 8, (0, 8.0), (3, 2.0), up=AT_ONCE, seconds=18),
    one(
        "between two windows the fleet stays",
        5,
        (0, 5.0),
        (3, 8.0),
        (7, 2.0),
        (11, 8.0),
        up=Direction(stabilization_s=9),
        down=Direction(stabilization_s=9),
        seconds=26,
    ),
    one(
        "a long up window begins with the fleet as found",
        6,
        (0, 3.0),
        (5, 9.0),
        up=Direction(stabilization_s=11),
    ),
)

_POLICIES = (
    one("two pods up in five seconds", 2, (0, 10.0), up=rules(pods(2, 5)), seconds=26),
    one("half more in five seconds", 4, (0, 20.0), up=rules(percent(50, 5)), seconds=26),
    one("a tenth more of one is one", 1, (0, 4.0), up=rules(percent(10, 3))),
    one("the larger of two up policies", 3, (0, 20.0), up=rules(pods(4, 5), percent(100, 5)), seconds=18),
    one("the smaller of two up policies", 3, (0, 20.0), up=rules(pods(4, 5), percent(100, 5), select="Min")),
    one("up is disabled", 3, (0, 3.0), (5, 20.0), (9, 2.0), up=rules(select="Disabled"), down=AT_ONCE),
    one("down is disabled", 6, (0, 2.0), (7, 8.0), down=rules(select="Disabled")),
    one("one pod down in five seconds", 6, (0, 2.0), down=rules(pods(1, 5)), seconds=26),
    one("a tenth less in three seconds", 50, (0, 10.0), high=50, down=rules(percent(10, 3)), seconds=20),
    one("the larger of two down policies", 20, (0, 2.0), down=rules(pods(4, 5), percent(50, 5)), seconds=20),
    one(
        "the smaller of two down policies",
        20,
        (0, 2.0),
        down=rules(pods(4, 5), percent(50, 5), select="Min"),
        seconds=24,
    ),
    one("half of five is cut to two", 5, (0, 1.0), down=rules(percent(50, 5)), seconds=20),
    one(
        "two periods of one direction roll on their own",
        2,
        (0, 20.0),
        up=rules(pods(3, 3), pods(8, 11), select="Min"),
        seconds=24,
    ),
    one(
        "what was added counts for the way down",
        4,
        (0, 4.0),
        (5, 8.0),
        (9, 2.0),
        up=AT_ONCE,
        down=rules(pods(2, 13)),
        seconds=30,
    ),
    one(
        "climbs share a slot and the descent begins too high",
        4,
        (0, 6.0),
        (7, 8.0),
        (13, 3.0),
        up=rules(pods(4, 3)),
        down=rules(pods(2, 21)),
        seconds=26,
    ),
    one("policies of a long period", 2, (0, 2.0), (5, 20.0), up=rules(pods(5, 1800))),
    one("the default policies add four or double in 15 s", 1, (0, 20.0), up=AT_ONCE, seconds=36),
    one("the default down policy takes all at once", 20, (0, 1.0), down=AT_ONCE, seconds=10),
    one(
        "a policy of one period and a window together",
        3,
        (0, 3.0),
        (5, 12.0),
        (15, 3.0),
        up=Direction(stabilization_s=3, rules=(pods(3, 5),)),
        down=Direction(stabilization_s=5, rules=(percent(50, 5),)),
        seconds=34,
    ),
    one(
        "tolerance, window and policy of one direction",
        10,
        (0, 11.0),
        (5, 14.0),
        up=Direction(tolerance=0.2, stabilization_s=3, rules=(pods(3, 5),)),
        seconds=22,
    ),
)

_WITHOUT = (
    one("without behavior the fleet doubles every sync", 1, (0, 20.0)),
    one(
        "without behavior a cut climb goes on after the demand is gone",
        3,
        (0, 3.0),
        (5, 20.0),
        (7, 3.0),
        seconds=24,
    ),
    one("without behavior the highest of the window holds", 8, (0, 8.0), (3, 2.0), seconds=18),
    one("without behavior a dip is bridged", 8, (0, 8.0), (3, 2.0), (7, 8.0), seconds=18),
)

CASES: tuple[Case, ...] = (*_WINDOWS, *_POLICIES, *_WITHOUT)
