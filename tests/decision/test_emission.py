"""The number that an HPA with its tolerance turns into what was decided."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.decision.emission import emitted
from scaler.decision.hysteresis import Churn, Needs, highest, lowered, record, spend, window_s
from scaler.decision.policy import Policy
from scaler.decision.targets import split
from tests.decision.builders import target

POLICY = Policy(down_window_factor=2.0, down_margin=0.92)


def hpa(metric: int, status: int, up: float = 0.1, down: float = 0.1) -> int:
    """AverageValue with target 1: replica_calculator.go's GetExternalPerPodMetricReplicas."""
    ratio = metric / status
    if 1.0 - down <= ratio <= 1.0 + up:
        return status
    return math.ceil(metric)


@pytest.mark.parametrize(
    ("wanted", "spec", "urgent", "spare", "number", "why"),
    [
        (10, 9, False, 0.0, 10, "9 to 10 is 11 %: it registers"),
        (11, 10, False, 0.0, 10, "10 to 11 is on the edge: kept, it is inside the headroom"),
        (11, 10, True, 0.0, 12, "on the edge and it matters: made to register"),
        (12, 11, True, 0.0, 13, "11 to 12 is 9 %"),
        (21, 20, True, 0.0, 23, "20 to 21 is 5 %: 22 is on the edge"),
        (21, 20, False, 0.0, 20, "and kept where it does not matter"),
        (25, 20, False, 0.0, 25, "beyond the tolerance"),
        (19, 20, False, 1.0, 20, "one spare of twenty does not register: kept"),
        (19, 20, False, 3.0, 17, "three really spare: made to register"),
        (8, 9, False, 1.0, 8, "9 to 8 is 11 %"),
        (20, 20, True, 5.0, 20, "nothing to do"),
    ],
)
def test_moves_within_the_tolerance(
    wanted: int, spec: int, urgent: bool, spare: float, number: int, why: str
) -> None:
    assert emitted(wanted, spec, spec, urgent, spare, POLICY)[0] == number, why


@given(st.integers(1, 200), st.integers(1, 200), st.booleans(), st.floats(0.0, 50.0))
def test_the_hpa_does_what_is_emitted_or_keeps(spec: int, wanted: int, urgent: bool, spare: float) -> None:
    number, held = emitted(wanted, spec, spec, urgent, spare, POLICY)
    result = hpa(number, spec)
    assert result in (number, spec)
    assert result == number or number == spec
    if wanted > spec and urgent:
        assert result >= wanted
    if wanted < spec:
        assert result >= min(wanted, spec - spare) - 1
    assert bool(held) == (number == spec != wanted)


@given(st.integers(1, 100), st.integers(1, 100))
def test_with_tolerance_zero_every_move_registers(spec: int, wanted: int) -> None:
    none = Policy(hpa_tolerance_up=0.0, hpa_tolerance_down=0.0)
    assert emitted(wanted, spec, spec, False, 0.0, none) == (wanted, "")


def test_the_tolerance_is_relative_to_the_pods_that_exist() -> None:
    """A scale-up in flight: spec 12, 6 pods created so far. The metric 12 must not be mistaken for a small
    move."""
    assert emitted(12, 12, 6, False, 0.0, POLICY) == (12, "")
    assert emitted(13, 12, 6, False, 0.0, POLICY) == (13, "")


def test_the_highest_need_of_the_window() -> None:
    needs = record((), 0.0, 5.0, 600.0)
    for i in range(1, 60):
        needs = record(needs, i * 5.0, 3.0 if i != 20 else 4.0, 600.0)
    assert highest(needs, 295.0, 600.0) == 5.0
    assert highest(needs, 295.0, 200.0) == 4.0
    assert highest(needs, 295.0, 60.0) == 3.0
    assert highest((), 0.0, 60.0) == 0.0


def test_needs_older_than_the_longest_window_are_forgotten() -> None:
    needs: Needs = ()
    for i in range(1000):
        needs = record(needs, i * 15.0, 1.0, 600.0)
    assert len(needs) <= 600 / 15 + 3


@pytest.mark.parametrize(
    ("current", "wanted", "need", "kept", "why"),
    [
        (8, 5, 5.0, 6, "5/.92 = 5.4: six stay"),
        (8, 2, 1.0, 6, "at most a quarter goes at once"),
        (2, 1, 0.5, 1, "but one always may"),
        (4, 3, 2.8, 4, "2.8/.92 = 3.04: the next tick would ask for four again"),
        (4, 3, 2.7, 3, "2.7/.92 = 2.93"),
        (5, 5, 9.0, 5, "never up"),
    ],
)
def test_what_stays(current: int, wanted: int, need: float, kept: int, why: str) -> None:
    assert lowered(current, wanted, need, POLICY) == kept, why


@pytest.mark.parametrize(
    ("reacquire_s", "churn", "seconds", "why"),
    [
        (100.0, Churn(), 200.0, "twice the time to get it back"),
        (10.0, Churn(), 60.0, "at least a minute"),
        (900.0, Churn(), 600.0, "at most ten"),
        (100.0, Churn(500.0, 4000.0, 5.0, 5.0), 400.0, "an eighth of the hour was spent on starts: doubled"),
        (100.0, Churn(500.0, 4000.0, 5.0, 0.0), 200.0, "but nothing had fallen: growth is no churn"),
        (100.0, Churn(300.0, 4000.0, 3.0, 3.0), 200.0, "within the budget of a tenth"),
        (100.0, Churn(100.0, 300.0, 1.0, 1.0), 200.0, "an hour that has only begun says nothing"),
    ],
)
def test_the_down_window(reacquire_s: float, churn: Churn, seconds: float, why: str) -> None:
    assert window_s(reacquire_s, churn, POLICY) == pytest.approx(seconds), why


def test_the_churn_account_forgets_within_hours() -> None:
    churn = spend(Churn(replicas=7), [100.0], 5, 5.0)
    assert (churn.starts, churn.falls) == (1.0, 2.0)
    for _ in range(720 * 3):
        churn = spend(churn, [], 5, 5.0)
    assert churn.startup_s < 6.0
    assert churn.starts < 0.06
    assert churn.falls < 0.12
    assert churn.replica_s == pytest.approx(5 * 3600.0, rel=0.06)


@pytest.mark.parametrize(
    ("total", "shares", "why"),
    [
        (2, [1, 1, 0], "everyone's minimum"),
        (5, [1, 4, 0], "the cheapest first"),
        (9, [3, 5, 1], "then by cost, and the given order among equals"),
        (99, [3, 5, 9], "up to each maximum"),
    ],
)
def test_several_targets_share_a_total(total: int, shares: list[int], why: str) -> None:
    targets = (
        target(name="a", cost=2.0, max_replicas=3),
        target(name="b", cost=1.0, max_replicas=5),
        target(name="c", cost=2.0, min_replicas=0, max_replicas=9),
    )
    assert split(total, targets) == shares, why
