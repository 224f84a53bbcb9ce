"""Routing: the view that is a second old, ties, prefixes, and the queue of those that find no replica."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.fleet.cluster import Cluster
from simulations.fleet.joint import Prefix
from simulations.kernel import Priority
from simulations.requests import Trace
from simulations.scenario import Scenario
from tests.fleet.builders import S, a_cluster, a_scenario, a_trace, at


def fleet_of(replicas: int, router: str = "least-loaded", **cluster: object) -> Scenario:
    return a_scenario(
        cluster={"min_replicas": replicas, "max_replicas": 8, "router": router, **cluster},
        cold_start={"seconds": 10},
    )


def where(scenario: Scenario, trace: Trace, until_s: float = 100) -> list[int]:
    cluster = a_cluster(scenario, trace)
    cluster.kernel.run(round(until_s * S))
    return list(cluster.outcomes.replica)


def test_round_robin_takes_turns() -> None:
    trace = a_trace(*((n, 1, 50) for n in range(5)))
    assert where(fleet_of(3, "round-robin"), trace) == [0, 1, 2, 0, 1]


def test_the_least_loaded_replica_is_chosen_by_what_was_seen_and_what_was_sent_since() -> None:
    """All within one second: the view says 0 for both, and the router counts its own dispatches."""
    trace = a_trace((0.1, 1, 50), (0.2, 1, 50), (0.3, 1, 50), (0.4, 1, 50))
    assert where(fleet_of(2), trace) == [0, 1, 0, 1]


def test_what_finished_since_the_last_look_is_not_known() -> None:
    """Replica 0 finished its request at 1.2 s; at 1.5 s the router still believes what it saw at 1.0 s."""
    trace = a_trace((0.2, 1, 1), (0.3, 1, 50), (0.4, 1, 50), (1.5, 1, 50), (2.1, 1, 50))
    assert where(fleet_of(2), trace) == [0, 1, 0, 1, 0]


def test_ties_go_round_so_that_an_idle_fleet_shares_its_work() -> None:
    trace = a_trace(*((3 * n, 1, 1) for n in range(6)))
    assert where(fleet_of(3), trace) == [0, 1, 2, 0, 1, 2]


def a_prefix(*blocks: int) -> Prefix:
    return tuple((block, 16) for block in blocks)


def test_a_prefix_leads_to_the_replica_that_saw_most_of_it() -> None:
    prefixes = [a_prefix(1, 2), a_prefix(1, 3), a_prefix(9), a_prefix(1, 2, 4), a_prefix(9), a_prefix(1, 3)]
    trace = a_trace(*((3 * n, 1, 1) for n in range(6)), prefixes=prefixes)
    assert where(fleet_of(2, "prefix-aware"), trace) == [0, 0, 1, 0, 1, 0]


def test_a_replica_that_is_far_busier_is_passed_over() -> None:
    trace = a_trace(*((0.01 * n, 1, 900) for n in range(11)), prefixes=[a_prefix(7)] * 11)
    assert where(fleet_of(2, "prefix-aware"), trace) == [0] * 9 + [1, 1]


def test_a_single_replica_is_remembered_too() -> None:
    cluster = a_cluster(
        fleet_of(1, "prefix-aware"), a_trace((1, 1, 1), (20, 1, 1), prefixes=[a_prefix(5), a_prefix(5)])
    )
    at(cluster, 2, lambda t_us: cluster.scale(2, t_us))
    cluster.kernel.run(100 * S)
    assert list(cluster.outcomes.replica) == [0, 0]


def test_without_a_replica_requests_wait_and_are_served_in_order_when_one_is_ready() -> None:
    trace = a_trace((1, 1, 1), (2, 1, 1), (3, 1, 1))
    cluster = a_cluster(fleet_of(0), trace)
    at(cluster, 5, lambda t_us: cluster.scale(1, t_us))
    waits: list[int | None] = []
    at(cluster, 6, lambda t_us: waits.append(cluster.router.oldest_wait_us(t_us)))
    cluster.kernel.run(100 * S)
    assert waits == [5 * S]
    assert list(cluster.outcomes.scheduled_us) == [15 * S, 15 * S, 16 * S]
    assert cluster.router.oldest_wait_us(100 * S) is None


def test_a_prompt_beyond_the_context_is_refused_at_once() -> None:
    cluster = a_cluster(fleet_of(1), a_trace((1, 10**7, 5), (2, 1, 1)))
    cluster.kernel.run(10 * S)
    assert list(cluster.outcomes.dropped_us) == [1 * S, -1]
    assert list(cluster.outcomes.finished_us) == [-1, 3 * S]


def test_a_replica_that_comes_is_looked_at_at_once() -> None:
    """Replica 1 is ready at 10.5 s, between two looks, and gets the next request."""
    trace = a_trace((10.2, 1, 50), (10.6, 1, 50))
    cluster = a_cluster(fleet_of(1), trace)
    at(cluster, 0.5, lambda t_us: cluster.scale(2, t_us))
    cluster.kernel.run(100 * S)
    assert list(cluster.outcomes.replica) == [0, 1]


ARRIVALS = st.lists(
    st.tuples(st.integers(0, 60), st.just(1), st.integers(1, 8)).map(lambda r: (r[0] / 4, r[1], r[2])),
    max_size=60,
).map(sorted)


@given(
    rows=ARRIVALS,
    router=st.sampled_from(["least-loaded", "round-robin", "prefix-aware"]),
    looks=st.lists(st.integers(0, 80).map(lambda n: n / 4), max_size=10),
    scales=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 4)), max_size=5),
)
@settings(deadline=None, max_examples=60)
def test_looking_late_is_the_same_as_looking_every_second(
    rows: list[tuple[float, int, int]], router: str, looks: list[float], scales: list[tuple[int, int]]
) -> None:
    trace = a_trace(*rows, prefixes=[a_prefix(n % 3) for n in range(len(rows))])

    def play(prepare: Callable[[Cluster], None]) -> tuple[list[int], list[int]]:
        cluster = a_cluster(fleet_of(2, router, router_view_s=1), trace)
        for look_s in looks:
            at(cluster, look_s, cluster.settle)
        for scale_s, replicas in scales:
            at(cluster, scale_s, lambda t_us, n=replicas: cluster.scale(n, t_us))  # type: ignore[misc]
        prepare(cluster)
        cluster.kernel.run(120 * S)
        cluster.settle(120 * S)
        return list(cluster.outcomes.replica), list(cluster.outcomes.finished_us)

    lazy = play(lambda _: None)
    eager = play(lambda cluster: cluster.kernel.every(S, Priority.CAPACITY, cluster.router.catch_up))
    assert lazy == eager
