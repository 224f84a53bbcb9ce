"""What a scaler sees: scrapes with their age, losses, restarts, supply by class; and what a gateway knows."""

import pytest

from scaler.decision.model import PodPhase, Snapshot
from simulations.fleet.cluster import Cluster
from simulations.fleet.gateway import GatewayView
from simulations.fleet.snapshot import snapshot
from simulations.requests import Trace
from simulations.scenario import Scenario
from tests.fleet.builders import S, a_cluster, a_scenario, a_trace, at

BUSY = a_trace(*((n, 7, 3) for n in range(200)))


def seen(
    scenario: Scenario, trace: Trace, *times_s: float, scale: tuple[float, int] | None = None
) -> list[Snapshot]:
    cluster = a_cluster(scenario, trace)
    found: list[Snapshot] = []
    for when_s in times_s:
        at(cluster, when_s, lambda t_us: found.append(snapshot(cluster, t_us)))
    if scale is not None:
        when_s, replicas = scale
        at(cluster, when_s, lambda t_us: cluster.scale(replicas, t_us))
    cluster.kernel.run(1000 * S)
    return found


def test_before_the_first_scrape_nothing_is_known_about_a_pod() -> None:
    (first,) = seen(a_scenario(), BUSY, 0)
    assert [pod.samples for pod in first.pods] == [None]


def test_each_scrape_is_as_old_as_it_is() -> None:
    for shot in seen(a_scenario(cluster={"scrape_interval_s": 10}), BUSY, 20, 23, 29.5, 31):
        (pod,) = shot.pods
        assert pod.samples is not None
        assert 0 <= pod.samples.age_s < 10


def test_pods_are_scraped_at_their_own_phase() -> None:
    (shot,) = seen(a_scenario(cluster={"min_replicas": 8}), BUSY, 20)
    ages = [pod.samples.age_s for pod in shot.pods if pod.samples is not None]
    assert len(ages) == 8
    assert len(set(ages)) == 8


def test_a_lost_scrape_leaves_the_old_one_to_age() -> None:
    shots = seen(a_scenario(cluster={"scrape_loss": 0.7}), BUSY, *range(20, 200))
    ages = [shot.pods[0].samples.age_s for shot in shots if shot.pods[0].samples is not None]
    assert max(ages) > 10
    assert all(shot.pods[0].phase is PodPhase.READY for shot in shots)


def test_with_every_scrape_lost_the_pod_is_there_and_silent() -> None:
    (shot,) = seen(a_scenario(cluster={"scrape_loss": 1}), BUSY, 100)
    assert [(pod.phase, pod.samples) for pod in shot.pods] == [(PodPhase.READY, None)]


def test_a_starting_pod_answers_no_scrape() -> None:
    (shot,) = seen(a_scenario(cold_start={"seconds": 100}), BUSY, 50, scale=(10, 2))
    assert [pod.phase for pod in shot.pods] == [PodPhase.READY, PodPhase.STARTING]
    assert shot.pods[1].samples is None
    assert (shot.pods[1].created_s, shot.pods[1].since_s, shot.pods[1].node_class) == (10, 10, "gpu/disk")


def test_target_and_demand() -> None:
    scenario = a_scenario(cluster={"min_replicas": 0, "max_replicas": 5})
    first, second = seen(scenario, a_trace((10, 1, 1), (12, 1, 1)), 5, 20)
    (target,) = first.targets
    assert (target.spec_replicas, target.status_replicas) == (0, 0)
    assert (target.min_replicas, target.max_replicas, target.gpus_per_replica) == (0, 5, 1)
    assert [(d.waiting, d.oldest_wait_s) for d in first.demand] == [(0, None)]
    assert [(d.waiting, d.oldest_wait_s, d.age_s) for d in second.demand] == [(2, 10, 0)]


def test_a_draining_pod_is_still_seen_and_no_longer_counted() -> None:
    scenario = a_scenario(cluster={"min_replicas": 2})
    (shot,) = seen(scenario, a_trace((1, 1, 100), (1, 1, 100)), 50, scale=(10, 1))
    assert sorted(pod.phase for pod in shot.pods) == [PodPhase.READY, PodPhase.TERMINATING]
    assert shot.targets[0].status_replicas == 1


def test_supply_by_class() -> None:
    scenario = a_scenario(
        cluster={
            "nodes": 2,
            "gpus_per_node": 4,
            "cached_fraction": 0.5,
            "provisioning": {"max_nodes": 3},
        }
    )
    (shot,) = seen(scenario, BUSY, 5)
    assert [(s.node_class, s.weights, s.free, s.claimed, s.startup_s) for s in shot.supply] == [
        ("gpu/disk", "disk", 3, 0, ()),
        ("gpu/none", "none", 4, 0, ()),
        ("gpu/new_node", "new_node", 12, 0, ()),
    ]


def test_supply_says_since_when_pods_find_no_gpu_and_what_is_coming() -> None:
    scenario = a_scenario(
        cluster={"nodes": 1, "gpus_per_node": 2, "provisioning": {"max_nodes": 1, "seconds_p50": 500}}
    )
    (shot,) = seen(scenario, BUSY, 50, scale=(10, 4))
    warm, coming = shot.supply
    assert (warm.free, warm.unschedulable_since_s) == (0, 10)
    assert (coming.free, coming.claimed) == (2, 2)
    assert [pod.reason for pod in shot.pods] == ["", "", "Unschedulable", "Unschedulable"]


def test_start_up_quantiles_are_told_where_phases_decide() -> None:
    (shot,) = seen(a_scenario(cold_start={"seconds": None}), BUSY, 5)
    assert [quantile for quantile, _ in shot.supply[0].startup_s] == [0.5, 0.8, 0.9, 0.95]


def gateway_at(cluster: Cluster, when_s: float) -> tuple[int, ...]:
    view, found = GatewayView(cluster), []
    at(cluster, when_s, lambda t_us: found.append(view.at(t_us)))
    cluster.kernel.run(round(when_s * S))
    (g,) = found
    return (
        g.in_flight,
        g.queued,
        g.in_flight_prompt_tokens,
        g.arrivals_total,
        g.input_tokens_total,
        g.output_tokens_total,
    )


@pytest.mark.parametrize(
    ("replicas", "when_s", "want"),
    [
        pytest.param(1, 3, (3, 0, 7, 3, 21, 0), id="two run, the third waits: its prompt is outstanding"),
        pytest.param(1, 6.5, (1, 0, 0, 3, 21, 10), id="the tokens of those that are done are counted"),
        pytest.param(0, 3, (3, 3, 21, 3, 21, 0), id="without a replica all of them are the router's"),
    ],
)
def test_what_a_gateway_knows(replicas: int, when_s: float, want: tuple[int, ...]) -> None:
    cluster = a_cluster(
        a_scenario(cluster={"min_replicas": replicas}), a_trace((0, 7, 5), (1, 7, 5), (2, 7, 5), (30, 7, 5))
    )
    assert gateway_at(cluster, when_s) == want
