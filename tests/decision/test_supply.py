"""Start-up times by class, lanes to replicas, and credit for pending pods."""

import pytest

from scaler.decision import supply
from scaler.decision.differences import Pending
from scaler.decision.model import Supply
from scaler.decision.policy import Policy

POLICY = Policy()
INF = float("inf")
ESTIMATE = ((0.5, 60.0), (0.8, 80.0), (0.95, 110.0))


def class_of(name: str, free: int = 1, **given: object) -> Supply:
    fields: dict[str, object] = {"node_class": name, "weights": "disk", "free": free, "startup_s": ESTIMATE}
    return Supply(**(fields | given))  # type: ignore[arg-type]


def pending(age_s: float, node_class: str = "a", **given: bool) -> Pending:
    fields = {"failing": False, "unscheduled": False} | given
    return Pending(node_class, age_s, fields["failing"], fields["unscheduled"], age_s)


@pytest.mark.parametrize(
    ("starts", "facts", "level", "seconds", "why"),
    [
        ((), None, 0.8, 120.0, "nothing known: the prior"),
        ((), class_of("a"), 0.8, 80.0, "the cache agents' estimate"),
        ((), class_of("a"), 0.65, 70.0, "interpolated"),
        ((), class_of("a"), 0.99, 110.0, "beyond the last point its value"),
        ((), class_of("a"), 0.1, 60.0, "below the first point its value"),
        ((30.0,), class_of("a"), 0.8, 80.0, "one start does not outweigh an estimate"),
        ((30.0,), None, 0.8, 30.0, "but it does outweigh a prior"),
        ((30.0, 40.0, 50.0, 60.0), class_of("a"), 0.5, 45.0, "four do"),
        ((), class_of("a", startup_s=()), 0.8, 120.0, "an estimate without points is none"),
    ],
)
def test_start_up_times(
    starts: tuple[float, ...], facts: Supply | None, level: float, seconds: float, why: str
) -> None:
    startups = {"a": starts} if starts else {}
    assert supply.startup_s(startups, facts, "a", level, POLICY) == pytest.approx(seconds), why


def test_an_unknown_class_is_like_the_known_ones() -> None:
    assert supply.startup_s({"b": (50.0, 50.0)}, None, "a", 0.8, POLICY) == 50.0


def test_the_last_starts_of_the_last_classes_are_remembered() -> None:
    startups: supply.Startups = {}
    for i in range(100):
        startups = supply.learn(startups, [(f"class{i % 20}", float(i + 1))])
    assert len(startups) == supply.CLASSES
    for _ in range(50):
        startups = supply.learn(startups, [("a", 9.0)])
    assert startups["a"] == (9.0,) * supply.STARTS


def test_impossible_starts_are_not_learned() -> None:
    assert supply.learn({}, [("a", 0.0), ("a", -5.0)]) == {}


def test_lanes_are_ordered_by_horizon_and_the_last_has_no_limit() -> None:
    classes = (
        class_of("cold", 5, startup_s=((0.8, 200.0),)),
        class_of("warm", 2, claimed=1, startup_s=((0.8, 50.0),)),
        class_of("full", 0, startup_s=((0.8, 90.0),)),
    )
    found = supply.lanes(classes, {}, POLICY)
    assert [(lane.node_class, lane.horizon_s, lane.slots) for lane in found] == [
        ("warm", 70.0, 1.0),
        ("cold", 220.0, INF),
    ]


def test_without_classes_there_is_one_lane() -> None:
    assert supply.lanes((), {}, POLICY) == (supply.Lane("", 140.0, INF),)
    assert supply.lanes((), {"a": (70.0,)}, POLICY) == (supply.Lane("a", 90.0, INF),)


def test_without_the_class_aware_ask_the_slowest_class_decides() -> None:
    classes = (class_of("warm", 9, startup_s=((0.8, 50.0),)), class_of("cold", 9))
    assert supply.lanes(classes, {}, Policy(use_classes=False)) == (supply.Lane("cold", 100.0, INF),)


@pytest.mark.parametrize(
    ("pod", "expected", "why"),
    [
        (pending(0.0), (60.0,), "at the median"),
        (pending(50.0), (10.0,), "of which 50 s have passed"),
        (pending(90.0), (10.0,), "late: half of what is left until its credit ends at 110 s"),
        (pending(111.0), (), "later than 95 % of starts"),
        (pending(5.0, failing=True), (), "CrashLoopBackOff, ErrImagePull, Unschedulable: at once"),
    ],
)
def test_credit_of_pending_pods(pod: Pending, expected: tuple[float, ...], why: str) -> None:
    assert supply.entering([pod], [class_of("a")], {}, POLICY) == pytest.approx(expected), why


def test_a_start_without_jitter_keeps_its_credit_a_little_longer() -> None:
    startups = {"a": (100.0,) * 10}
    assert supply.entering([pending(110.0)], (), startups, POLICY) != ()
    assert supply.entering([pending(126.0)], (), startups, POLICY) == ()


def test_pending_pods_enter_soonest_first() -> None:
    found = supply.entering([pending(10.0), pending(40.0)], [class_of("a")], {}, POLICY)
    assert found == (20.0, 50.0)
