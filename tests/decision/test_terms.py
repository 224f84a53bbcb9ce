"""KV, backlog, evidence, and the class-aware ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.decision import backlog, evidence, kv
from scaler.decision.capacity import Mix
from scaler.decision.needs import Need, ask
from scaler.decision.supply import Lane

INF = float("inf")
LARGE = Mix(4000.0, 4000.0, 1000.0)


def test_the_worked_example_of_the_kv_term() -> None:
    """Usages .62 on five pods, three waiting requests of 4,500 tokens, 300k tokens each: 3.7 (scaling-law
    15.10b)."""
    assert kv.replicas(3.1, 3.0, LARGE, 300_000.0, 1.0, 0.85, 0.5) == pytest.approx(3.70, abs=0.01)


def test_a_long_queue_is_worked_off_and_not_held_at_once() -> None:
    """5,000 requests of 4,500 tokens would fill 75 replicas; half of what is held and one are asked for."""
    assert kv.replicas(2.0, 5000.0, LARGE, 300_000.0, 1.0, 1.0, 0.5) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("growth", "factor"),
    [(0.5, 1.0), (1.0, 1.0), (1.2, 1.2), (3.0, 1.5)],
    ids=["falls", "stays", "grows", "capped"],
)
def test_kv_follows_expected_growth_within_bounds(growth: float, factor: float) -> None:
    assert kv.replicas(1.7, 0.0, LARGE, 300_000.0, growth, 0.85, 0.5) == pytest.approx(2.0 * factor)


def test_waiting_requests_count_only_where_their_size_is_known() -> None:
    assert kv.replicas(0.85, 50.0, None, 300_000.0, 1.0, 0.85, 0.5) == pytest.approx(1.0)
    assert kv.replicas(0.85, 50.0, LARGE, None, 1.0, 0.85, 0.5) == pytest.approx(1.0)


def test_early_slack_does_not_cancel_a_later_overload() -> None:
    """An integral clipped once would end at 0: 50 s of slack 3 outweigh 50 s of overload 2."""

    def demand(ahead: float) -> float:
        return 1.0 if ahead < 50.0 else 6.0

    assert backlog.project(0.0, demand, 4.0, (), [100.0])[0] == pytest.approx(100.0, rel=0.15)


def test_pending_replicas_enter_when_they_are_expected() -> None:
    without = backlog.project(0.0, lambda _: 3.0, 1.0, (), [60.0])[0]
    with_one = backlog.project(0.0, lambda _: 3.0, 1.0, (30.0,), [60.0])[0]
    assert without == pytest.approx(120.0)
    assert with_one == pytest.approx(90.0)
    assert backlog.project(0.0, lambda _: 3.0, 1.0, (90.0,), [60.0])[0] == without


def test_each_horizon_is_a_point_of_one_projection() -> None:
    assert backlog.project(0.0, lambda _: 2.0, 1.0, (), [10.0, 20.0, 40.0]) == pytest.approx(
        [10.0, 20.0, 40.0]
    )
    assert backlog.project(0.0, lambda _: 2.0, 1.0, (), []) == []


@given(
    st.floats(0.0, 1e4),
    st.floats(0.0, 100.0),
    st.floats(0.0, 100.0),
    st.lists(st.floats(0.0, 300.0), max_size=5).map(sorted),
)
def test_a_backlog_is_never_negative_and_never_falls_with_demand(
    waiting: float, demand: float, ready: float, entering: list[float]
) -> None:
    (less,) = backlog.project(waiting, lambda _: demand, ready, entering, [120.0])
    (more,) = backlog.project(waiting, lambda _: demand + 1.0, ready, entering, [120.0])
    assert 0.0 <= less <= more


def test_the_backlog_asks_for_what_drains_it_within_a_bound() -> None:
    assert backlog.replicas(4.0, 60.0, 0.0, 60.0, 0.5) == pytest.approx(5.0)
    assert backlog.replicas(4.0, 60.0, 30.0, 60.0, 0.5) == pytest.approx(4.5)
    assert backlog.replicas(4.0, 1e6, 0.0, 60.0, 0.5) == pytest.approx(7.0)  # 4 + half of 4 + 1
    assert backlog.replicas(4.0, 5.0, 30.0, 60.0, 0.5) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("ready", "running", "waiting", "itl_s", "hopeless", "asked", "why"),
    [
        (2, 20.0, 0.0, 0.02, False, 0.0, "nothing waits, latency is well: no evidence"),
        (2, 20.0, 10.0, 0.02, False, 3.0, "ten a replica run, thirty are in flight"),
        (2, 20.0, 1000.0, 0.02, False, 5.0, "at most twice the replicas and one"),
        (2, 0.0, 1.5, None, False, 1.5, "nothing runs: one a replica is carried"),
        (0, 0.0, 7.0, None, False, 1.0, "no replica: one will tell"),
        (0, 0.0, 0.0, None, False, 0.0, "and nothing to do"),
        (2, 20.0, 0.0, 0.075, False, 3.0, "latency half above the objective"),
        (2, 20.0, 0.0, 0.075, True, 0.0, "which no replica would cure"),
    ],
)
def test_evidence(
    ready: int, running: float, waiting: float, itl_s: float | None, hopeless: bool, asked: float, why: str
) -> None:
    assert evidence.replicas(ready, running, waiting, itl_s, 0.05, hopeless) == pytest.approx(asked), why


def needing(ahead_s: float, replicas: float) -> Need:
    return Need(ahead_s, replicas, 0.0, 0.0, 0.0, replicas)


@pytest.mark.parametrize(
    ("now", "soon", "later", "slots", "asked", "why"),
    [
        (5.0, 6.0, 7.0, 1.0, 7.0, "15.10b: beyond the cached slot, the seventh starts slowly, so ask now"),
        (5.0, 6.0, 7.0, 2.0, 6.0, "15.10b: two cached slots: the seventh may wait for its own horizon"),
        (5.0, 9.0, 9.0, 1.0, 9.0, "more than cached slots can give"),
        (3.0, 3.5, 4.0, 2.0, 3.5, "less than there is: still what is needed soon"),
        (8.0, 8.0, 8.0, 1.0, 8.0, "needed at once"),
    ],
)
def test_the_class_aware_ask(
    now: float, soon: float, later: float, slots: float, asked: float, why: str
) -> None:
    lanes = (Lane("cached", 75.0, slots), Lane("uncached", 130.0, INF))
    needs = [needing(0.0, now), needing(75.0, soon), needing(130.0, later)]
    assert ask(needs, lanes, 5)[0] == pytest.approx(asked), why


def test_the_winner_is_the_largest_term() -> None:
    need = Need(60.0, rate=2.0, kv=3.0, backlog=2.5, evidence=0.0, demand=1.0)
    assert (need.most(), need.winner()) == (3.0, "kv")
