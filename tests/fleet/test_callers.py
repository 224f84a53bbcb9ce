"""Callers that give up: time-outs in the queue and at the engine, retries, the last moment."""

from typing import Any

from simulations.fleet.cluster import Cluster
from simulations.requests import ABSENT, Trace
from tests.fleet.builders import S, a_cluster, a_scenario, a_trace, at


def played(trace: Trace, client: dict[str, Any], *, replicas: int = 1, until_s: float = 200) -> Cluster:
    cluster = a_cluster(a_scenario(client=client, cluster={"min_replicas": replicas}), trace)
    cluster.kernel.run(round(until_s * S))
    cluster.settle(round(until_s * S))
    return cluster


def test_a_request_that_takes_too_long_is_aborted_and_its_seat_is_free() -> None:
    trace = a_trace((0, 1, 50), (0, 1, 50), (5, 1, 2))
    outcomes = played(trace, {"timeout_s": 10}).outcomes
    assert list(outcomes.dropped_us) == [10 * S, 10 * S, ABSENT]
    assert list(outcomes.finished_us) == [ABSENT, ABSENT, 12 * S]


def test_a_last_token_at_the_very_end_of_patience_counts() -> None:
    outcomes = played(a_trace((0, 1, 10)), {"timeout_s": 10}).outcomes
    assert (outcomes.finished_us[0], outcomes.dropped_us[0]) == (10 * S, ABSENT)


def test_a_request_leaves_the_routers_queue() -> None:
    cluster = played(a_trace((5, 1, 1), (6, 1, 1)), {"timeout_s": 10}, replicas=0)
    assert list(cluster.outcomes.dropped_us) == [15 * S, 16 * S]
    assert not cluster.router.queue


def test_a_retry_is_the_same_request_with_a_second_attempt() -> None:
    trace = a_trace((0, 1, 50), (0, 1, 50), (6, 1, 5))
    outcomes = played(trace, {"timeout_s": 8, "retries": 1, "retry_delay_s": 2}).outcomes
    assert list(outcomes.attempts) == [2, 2, 1]
    assert list(outcomes.dropped_us) == [18 * S, 18 * S, ABSENT]
    assert outcomes.finished_us[2] == 13 * S


def test_a_retry_forgets_the_times_of_the_attempt_before() -> None:
    cluster = a_cluster(
        a_scenario(client={"timeout_s": 8, "retries": 1, "retry_delay_s": 2}, cluster={"min_replicas": 1}),
        a_trace((0, 1, 50)),
    )
    seen: list[tuple[int, int, int]] = []
    at(cluster, 9, lambda _: seen.append((cluster.outcomes.first_token_us[0], cluster.callers.between, 9)))
    at(cluster, 11, lambda _: seen.append((cluster.outcomes.first_token_us[0], cluster.callers.between, 11)))
    cluster.kernel.run(12 * S)
    assert seen == [(ABSENT, 1, 9), (10 * S, 0, 11)]


def test_nobody_gives_up_without_a_time_out() -> None:
    outcomes = played(a_trace((0, 1, 150)), {"retries": 5}).outcomes
    assert (outcomes.finished_us[0], outcomes.attempts[0]) == (150 * S, 1)


def test_a_refused_prompt_is_not_tried_again() -> None:
    outcomes = played(a_trace((0, 10**7, 1)), {"timeout_s": 8, "retries": 3}).outcomes
    assert (outcomes.dropped_us[0], outcomes.attempts[0]) == (0, 1)
