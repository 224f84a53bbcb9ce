"""Limits that no metric names: an engine's seats, the nodes that there are, a pod too young to be known."""

from dataclasses import replace

import pytest

from scaler.decision import capacity
from scaler.decision.capacity import Mix
from scaler.decision.decide import decide
from scaler.decision.learning import CONFIRMED
from scaler.decision.model import Pod, PodPhase
from scaler.decision.policy import Policy
from scaler.decision.state import State
from tests.decision.builders import pod, replicas, samples, snapshot, starting

POLICY = Policy()


def scraped(tick: int, running: float, waiting: float, kv_ratio: float = 0.2) -> Pod:
    """An engine at its ``tick``-th scrape: 20 tokens a request since the last one."""
    done = 100.0 * tick
    return pod(
        samples=samples(
            running=running,
            waiting=waiting,
            kv_usage_ratio=kv_ratio,
            generation_tokens_total=20.0 * done,
            requests_finished_total=done,
        )
    )


def seats_after(*ticks: Pod) -> tuple[float, int]:
    """What is believed of the seats after these scrapes, 5 s apart."""
    state = State.initial()
    for i, one in enumerate(ticks):
        _, state = decide(snapshot(5.0 * i, (one,), 1), state, POLICY)
    return state.learned.seats["c"]


def test_as_many_as_run_while_others_wait_and_the_cache_has_room_are_the_seats() -> None:
    assert seats_after(*(scraped(i, 16.0, 9.0) for i in range(6))) == (16.0, CONFIRMED)


@pytest.mark.parametrize(
    ("waiting", "kv_ratio", "why"),
    [
        (0.0, 0.2, "nobody waits"),
        (1.0, 0.2, "one that waits may be on its way in"),
        (9.0, 0.95, "the cache keeps them out"),
    ],
)
def test_no_seats_are_seen_where_something_else_binds(waiting: float, kv_ratio: float, why: str) -> None:
    assert seats_after(*(scraped(i, 16.0, waiting, kv_ratio) for i in range(6))) == (16.0, 0), why


def test_more_seen_running_begins_anew() -> None:
    ticks = [scraped(i, 16.0, 9.0) for i in range(6)] + [scraped(6, 17.0, 9.0)]
    assert seats_after(*ticks) == (17.0, 0)


def test_seats_bound_the_rate_as_a_full_batch_does() -> None:
    mix = Mix(500.0, 500.0, 500.0)
    rate = capacity.seat_rate(mix, 0.020, 0.013, 16.0)
    # a full batch: T = base/(1-λk), and λ·O·T = seats
    assert rate * 500.0 * 0.013 / (1.0 - rate * 0.020) == pytest.approx(16.0)
    assert capacity.seat_rate(mix, 0.020, 0.013, None) == float("inf")


def test_a_pod_that_became_ready_just_now_counts_as_empty_and_not_as_busy_as_the_others() -> None:
    busy = pod(samples=samples(running=50.0, waiting=400.0, kv_usage_ratio=0.9))
    state = decide(snapshot(0.0, (busy, starting()), 2), State.initial(), POLICY)[1]
    fresh = starting(phase=PodPhase.READY, since_s=3.0)
    unscraped = decide(snapshot(5.0, (busy, fresh), 2), state, POLICY)[0]
    empty = decide(snapshot(5.0, (busy, replace(fresh, samples=samples(age_s=0.0))), 2), state, POLICY)[0]
    assert replicas(unscraped) == replicas(empty)
    assert "PodsUnknown" not in {condition.type for condition in unscraped.conditions}


def test_its_start_is_counted_once_though_its_first_scrape_comes_later() -> None:
    state = decide(snapshot(0.0, (starting(),), 1), State.initial(), POLICY)[1]
    for now_s in (5.0, 10.0):
        fresh = starting(phase=PodPhase.READY, since_s=4.0)
        state = decide(snapshot(now_s, (fresh,), 1), state, POLICY)[1]
    scraped_now = replace(fresh, samples=samples(age_s=0.0))
    state = decide(snapshot(15.0, (scraped_now,), 1), state, POLICY)[1]
    assert state.learned.startups == {"n": (4.0,)}


def test_the_ceiling_outlives_the_pod_that_proved_it() -> None:
    busy = [pod(f"p{i}", samples=samples(running=90.0, waiting=300.0, kv_usage_ratio=0.99)) for i in range(3)]
    lost = starting(phase=PodPhase.UNSCHEDULED, since_s=-400.0, created_s=-400.0)
    decision, state = decide(snapshot(0.0, (*busy, lost), 4), State.initial(), POLICY)
    assert replicas(decision) == 4, "one beyond the three that found a node"
    young = replace(lost, name="young", since_s=0.0, created_s=0.0)
    decision, state = decide(snapshot(5.0, (*busy, young), 4), state, POLICY)
    assert replicas(decision) == 4
    decision, _ = decide(snapshot(310.0, (*busy, replace(young, since_s=300.0)), 4), state, POLICY)
    assert replicas(decision) > 4, "nothing confirmed it for as long as it took to see"
