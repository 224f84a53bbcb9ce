"""Lives of pods, as stories: start, serve, drain, fail, wait for a GPU, be replaced."""

import pytest

from scaler.decision.model import PodPhase
from simulations.accounting import gpu_time_us
from simulations.errors import InputError
from simulations.fleet.cluster import Cluster
from simulations.kernel import Priority
from simulations.requests import Trace
from simulations.result import StartClass
from simulations.scenario import Scenario
from tests.fleet.builders import FakeEngine, S, a_cluster, a_scenario, a_trace, at

IDLE = a_trace()


def scaled(
    scenario: Scenario, trace: Trace, *writes: tuple[float, int], until_s: float = 1000, seed: int = 1
) -> Cluster:
    """A run in which somebody writes these (s, replicas)."""
    cluster = a_cluster(scenario, trace, seed)
    for when_s, replicas in writes:
        at(cluster, when_s, lambda t_us, n=replicas: cluster.scale(n, t_us))  # type: ignore[misc]
    cluster.kernel.run(round(until_s * S))
    cluster.settle(round(until_s * S))
    return cluster


def test_the_first_replicas_are_ready_and_warm_when_the_run_begins() -> None:
    cluster = scaled(a_scenario(cluster={"min_replicas": 2}), IDLE, until_s=1)
    records = cluster.record().pods
    assert [(r.start_class, r.bound_us, r.ready_us) for r in records] == [(StartClass.INITIAL, 0, 0)] * 2
    assert all(isinstance(p.engine, FakeEngine) and p.engine.cold_requests == 0 for p in cluster.pods)


def test_a_new_replica_is_ready_after_the_cold_start_and_slow_at_first() -> None:
    cluster = scaled(a_scenario(cold_start={"seconds": 100, "slow_requests": 4}), IDLE, (10, 2))
    record = cluster.record().pods[1]
    assert (record.created_us, record.bound_us, record.ready_us) == (10 * S, 10 * S, 110 * S)
    assert record.start_class is StartClass.CACHED
    engine = cluster.pods[1].engine
    assert isinstance(engine, FakeEngine)
    assert engine.cold_requests == 4


def test_a_pod_that_is_starting_is_deleted_at_once_and_never_becomes_ready() -> None:
    cluster = scaled(a_scenario(), IDLE, (10, 2), (50, 1))
    record = cluster.record().pods[1]
    assert (record.ready_us, record.deleted_us) == (None, 50 * S)
    assert gpu_time_us(cluster.record(), 1000 * S) == 1000 * S + 40 * S


def test_a_draining_replica_gets_no_new_requests_and_goes_when_it_is_empty() -> None:
    trace = a_trace((10, 1, 30), (10.1, 1, 30), (20, 1, 1), (21, 1, 1))
    cluster = scaled(a_scenario(cluster={"min_replicas": 2}), trace, (15, 1))
    gone = cluster.record().pods[cluster.outcomes.replica[0 if cluster.pods[0].serial else 1]]
    assert gone.deleted_us is not None
    assert 40 * S <= gone.deleted_us <= 40.2 * S
    kept = cluster.pods[0].serial
    assert list(cluster.outcomes.replica[2:]) == [kept, kept]


def test_an_idle_replica_goes_at_once() -> None:
    cluster = scaled(a_scenario(cluster={"min_replicas": 2}), IDLE, (15, 1))
    assert sorted(r.deleted_us or 0 for r in cluster.record().pods) == [0, 15 * S]


def test_after_300_s_a_draining_replica_is_killed_and_what_it_had_is_lost() -> None:
    cluster = scaled(a_scenario(), a_trace((10, 1, 900), (12, 1, 5)), (15, 0))
    assert cluster.record().pods[0].deleted_us == 315 * S
    assert list(cluster.outcomes.dropped_us) == [315 * S, -1]
    assert list(cluster.outcomes.finished_us) == [-1, 17 * S]


def test_what_a_killed_replica_had_is_sent_again_where_callers_retry() -> None:
    scenario = a_scenario(client={"retries": 1, "retry_delay_s": 2})
    cluster = scaled(scenario, a_trace((10, 1, 400)), (15, 0), (20, 1))
    assert list(cluster.outcomes.dropped_us) == [-1]
    assert list(cluster.outcomes.finished_us) == [(315 + 2 + 400) * S]
    assert list(cluster.outcomes.attempts) == [2]


def test_a_failed_start_begins_again_after_the_back_off_and_keeps_its_gpu() -> None:
    scenario = a_scenario(cold_start={"seconds": 100, "failure": 0.5})
    cluster = scaled(scenario, IDLE, (0, 8), until_s=5000)
    failed = [pod for pod in cluster.pods if pod.failures]
    assert failed
    for pod in failed:
        waits = sum((10, 20, 40, 80, 160, 300)[: pod.failures])
        assert pod.ready_us is not None
        assert waits + 100 <= pod.ready_us / S <= waits + 100 * (pod.failures + 1)
        assert isinstance(pod.engine, FakeEngine)
        assert pod.engine.start_id == f"{pod.name}/{pod.failures}"


def test_while_it_backs_off_its_reason_says_so() -> None:
    scenario = a_scenario(cold_start={"seconds": 100, "failure": 1})
    cluster = a_cluster(scenario, IDLE)
    at(cluster, 0, lambda t_us: cluster.scale(2, t_us))
    seen: set[tuple[PodPhase, str]] = set()
    cluster.kernel.every(
        S, Priority.RECORD, lambda _: seen.add((cluster.pods[1].phase, cluster.pods[1].reason))
    )
    cluster.kernel.run(2000 * S)
    assert seen == {(PodPhase.STARTING, ""), (PodPhase.STARTING, "CrashLoopBackOff")}


class TestWithoutGpus:
    """Exhaustion: pods wait, the oldest first, and say why."""

    FULL = a_scenario(cluster={"nodes": 1, "gpus_per_node": 2, "max_replicas": 8})

    def test_pods_wait_for_a_gpu_without_costing_anything(self) -> None:
        cluster = scaled(self.FULL, IDLE, (10, 4), until_s=500)
        waiting = cluster.lifecycle.unscheduled()
        assert [(pod.serial, pod.reason) for pod in waiting] == [(2, "Unschedulable"), (3, "Unschedulable")]
        assert gpu_time_us(cluster.record(), 500 * S) == (500 + 490) * S

    def test_the_oldest_gets_the_gpu_that_comes_free(self) -> None:
        scenario = a_scenario(
            cluster={"nodes": 1, "gpus_per_node": 3, "foreign_gpus": [(5, 100, 2)], "max_replicas": 8}
        )
        cluster = scaled(scenario, IDLE, (10, 3), until_s=500)
        assert [record.bound_us for record in cluster.record().pods] == [0, 100 * S, 100 * S]

    def test_another_tenant_takes_a_gpu_that_a_pod_gives_back(self) -> None:
        scenario = a_scenario(
            cluster={"nodes": 1, "gpus_per_node": 1, "foreign_gpus": [(5, 100, 1)], "max_replicas": 8}
        )
        cluster = scaled(scenario, IDLE, (10, 0), (20, 1), until_s=500)
        assert cluster.record().pods[1].bound_us == 100 * S

    def test_unscheduled_pods_are_the_first_to_go(self) -> None:
        cluster = scaled(self.FULL, IDLE, (10, 4), (50, 2), until_s=500)
        assert [record.deleted_us for record in cluster.record().pods] == [None, None, 50 * S, 50 * S]


class TestProvisioning:
    """Nodes come when pods find no GPU, and go when they stand empty."""

    ELASTIC = a_scenario(
        cluster={
            "nodes": 1,
            "gpus_per_node": 2,
            "max_replicas": 8,
            "provisioning": {"max_nodes": 2, "seconds_p50": 200, "sigma": 0, "idle_release_s": 60},
        },
        cold_start={"seconds": 100, "uncached_extra_s": 50},
    )

    def test_a_node_comes_and_the_pod_starts_without_weights(self) -> None:
        cluster = scaled(self.ELASTIC, IDLE, (10, 3), until_s=1000)
        record = cluster.record().pods[2]
        assert (record.bound_us, record.ready_us) == (210 * S, 360 * S)
        assert record.start_class is StartClass.NEW_NODE
        assert [node.requested_us for node in cluster.record().nodes] == [10 * S]

    def test_as_many_nodes_as_the_pods_need_and_no_more_than_there_are(self) -> None:
        assert len(scaled(self.ELASTIC, IDLE, (10, 4)).record().nodes) == 1
        assert len(scaled(self.ELASTIC, IDLE, (10, 5)).record().nodes) == 2
        assert len(scaled(self.ELASTIC, IDLE, (10, 8)).record().nodes) == 2

    def test_the_second_start_on_a_provisioned_node_finds_the_weights(self) -> None:
        cluster = scaled(self.ELASTIC, IDLE, (10, 3), (400, 4), until_s=1000)
        record = cluster.record().pods[3]
        assert (record.start_class, record.ready_us) == (StartClass.CACHED, 500 * S)

    def test_an_empty_node_is_released_and_paid_from_request_to_release(self) -> None:
        cluster = scaled(self.ELASTIC, IDLE, (10, 3), (400, 0), until_s=1000)
        (node,) = cluster.record().nodes
        assert (node.requested_us, node.released_us) == (10 * S, 460 * S)
        pods_of_the_fleet_us = (400 + 390) * S
        assert gpu_time_us(cluster.record(), 1000 * S) == pods_of_the_fleet_us + 2 * 450 * S

    def test_a_node_that_nobody_needs_any_more_is_released_too(self) -> None:
        cluster = scaled(self.ELASTIC, IDLE, (10, 3), (20, 2), until_s=1000)
        (node,) = cluster.record().nodes
        assert node.released_us == (210 + 60) * S

    def test_a_node_that_is_used_again_stays(self) -> None:
        cluster = scaled(self.ELASTIC, IDLE, (10, 3), (400, 0), (430, 3))
        assert [node.released_us for node in cluster.record().nodes] == [None]


class TestAnEngineChange:
    """A setting changes mid-run: a rolling update, and the fleet never serves with less than it had."""

    def test_every_pod_is_replaced_one_after_the_other(self) -> None:
        scenario = a_scenario(
            cluster={"min_replicas": 2},
            changes=[{"at_s": 50, "engine": {"max_num_seqs": 64}}],  # type: ignore[arg-type]
        )
        cluster = scaled(scenario, IDLE, until_s=1000)
        ready = [(record.created_us // S, record.deleted_us) for record in cluster.record().pods]
        assert [created for created, _ in ready] == [0, 0, 50, 150]
        assert sorted(deleted or 0 for _, deleted in ready) == [0, 0, 150 * S, 250 * S]
        configs = [pod.revision.config_id for pod in cluster.pods]
        assert configs[0] == configs[1] != cluster.lifecycle.gone[0].revision.config_id

    @pytest.mark.parametrize(
        ("engine", "message"),
        [
            pytest.param(
                {"tensor_parallel": 2}, "tensor_parallel cannot change during a run", id="GPUs of a replica"
            ),
            pytest.param({"max_num_sequences": 2}, "engine.max_num_sequences", id="an unknown key"),
            pytest.param({"kv_tokens": 3}, "engine.kv_tokens", id="a value out of range"),
        ],
    )
    def test_a_change_that_cannot_be(self, engine: dict[str, object], message: str) -> None:
        scenario = a_scenario(changes=[{"at_s": 5, "engine": engine}])  # type: ignore[arg-type]
        with pytest.raises(InputError, match=message):
            a_cluster(scenario, IDLE)


def test_luck_depends_on_the_seed_and_on_the_pod_alone() -> None:
    scenario = a_scenario(cold_start={"seconds": 100, "jitter": 0.3})

    def ready(seed: int, *writes: tuple[float, int]) -> list[int | None]:
        return [record.ready_us for record in scaled(scenario, IDLE, *writes, seed=seed).record().pods]

    assert ready(1, (10, 3)) == ready(1, (10, 3))
    assert ready(1, (10, 3)) != ready(2, (10, 3))
    assert ready(1, (10, 3))[:2] == ready(1, (10, 2))
