"""What holds in every run: nothing lost, nothing early, no GPU held twice, same seed same bytes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.engine.engine import Engine
from simulations.fleet.cluster import Cluster
from simulations.fleet.joint import MakeEngine, Prefix
from simulations.requests import ABSENT, Outcomes
from simulations.result import FleetRecord, PodRecord
from simulations.scenario import Scenario
from tests.fleet.builders import FakeEngine, S, a_cluster, a_scenario, a_trace, at

END_S = 1500

ROWS = st.lists(
    st.tuples(st.integers(0, 1600), st.integers(1, 500), st.integers(1, 40)).map(
        lambda r: (r[0] / 4, r[1], r[2])
    ),
    max_size=80,
).map(sorted)
SCALES = st.lists(st.tuples(st.integers(0, 800), st.integers(0, 6)), max_size=8)


@st.composite
def scenarios(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Scenario:
    """Everything that can go wrong, in every mixture."""
    provisioning = {"max_nodes": draw(st.integers(0, 2)), "seconds_p50": 120, "idle_release_s": 60}
    return a_scenario(
        cluster={
            "min_replicas": draw(st.integers(0, 2)),
            "nodes": draw(st.integers(1, 2)),
            "gpus_per_node": draw(st.integers(2, 4)),
            "cached_fraction": draw(st.sampled_from([0, 0.5, 1])),
            "router": draw(st.sampled_from(["least-loaded", "round-robin", "prefix-aware"])),
            "scrape_loss": draw(st.sampled_from([0, 0.3])),
            "foreign_gpus": draw(st.sampled_from([(), ((50, 300, 2),)])),
            "provisioning": provisioning,
        },
        cold_start={
            "seconds": draw(st.sampled_from([None, 0, 30])),
            "jitter": draw(st.sampled_from([0, 0.3])),
            "failure": draw(st.sampled_from([0, 0.3])),
            "uncached_extra_s": 20,
        },
        client=draw(
            st.sampled_from([{}, {"timeout_s": 30}, {"timeout_s": 20, "retries": 2}, {"retries": 1}])
        ),
        changes=draw(st.sampled_from([[], [{"at_s": 200, "engine": {"max_num_seqs": 64}}]])),
    )


def played(
    scenario: Scenario,
    rows: list[tuple[float, int, int]],
    scales: list[tuple[int, int]],
    seed: int,
    *,
    make_engine: MakeEngine = FakeEngine,
    prepare: Callable[[Cluster], None] = lambda _: None,
) -> Cluster:
    prefixes: list[Prefix] = [((index % 3, 64), (10 + index % 7, 100)) for index in range(len(rows))]
    cluster = a_cluster(scenario, a_trace(*rows, prefixes=prefixes), seed, make_engine=make_engine)
    for when_s, replicas in scales:
        at(cluster, when_s, lambda t_us, n=replicas: cluster.scale(n, t_us))  # type: ignore[misc]
    prepare(cluster)
    cluster.kernel.run(END_S * S)
    cluster.settle(END_S * S)
    return cluster


def check_conservation(cluster: Cluster, t_us: int) -> None:
    """arrived = done + queued + running (or waiting at an engine) + between two attempts + failed."""
    cluster.settle(t_us)
    outcomes = cluster.outcomes
    inside = [i for pod in cluster.pods if pod.engine is not None for i in pod.engine.unfinished()]
    done = [i for i, finished_us in enumerate(outcomes.finished_us) if finished_us != ABSENT]
    failed = [i for i, dropped_us in enumerate(outcomes.dropped_us) if dropped_us != ABSENT]
    together = [*inside, *cluster.router.queue, *done, *failed]
    assert len(together) == len(set(together)), "a request is in two places"
    assert len(together) + cluster.callers.between == cluster.kernel.arrived


def check_causality(cluster: Cluster, outcomes: Outcomes, pods: tuple[PodRecord, ...]) -> None:
    for index, finished_us in enumerate(outcomes.finished_us):
        if finished_us == ABSENT:
            continue
        pod = pods[outcomes.replica[index]]
        scheduled_us, first_us = outcomes.scheduled_us[index], outcomes.first_token_us[index]
        assert cluster.trace.arrival_us[index] <= scheduled_us <= first_us <= finished_us
        assert pod.ready_us is not None
        assert pod.ready_us <= scheduled_us
        assert pod.deleted_us is None or finished_us <= pod.deleted_us


def check_gpus(cluster: Cluster, fleet: FleetRecord) -> None:
    """On every node, at every moment, bound pods and other tenants fit."""
    for node in cluster.nodes.up:
        assert 0 <= node.free <= node.gpus
        edges = sorted(
            edge
            for pod in fleet.pods
            if pod.node == node.serial and pod.bound_us is not None and pod.bound_us != pod.deleted_us
            for edge in (
                (pod.bound_us, 1, pod.gpus),
                (END_S * S + 1 if pod.deleted_us is None else pod.deleted_us, 0, -pod.gpus),
            )
        )
        held = 0
        for _, _, change in edges:
            held += change
            assert 0 <= held <= node.gpus


def check_lives(cluster: Cluster, fleet: FleetRecord) -> None:
    for pod in fleet.pods:
        moments = [m for m in (pod.created_us, pod.bound_us, pod.ready_us, pod.deleted_us) if m is not None]
        assert moments == sorted(moments)
        assert pod.ready_us is None or pod.bound_us is not None
    for gone in cluster.lifecycle.gone:
        assert gone.deleted_us is not None
        assert gone.deleted_us <= gone.since_us + 300 * S


@pytest.mark.parametrize("make_engine", [FakeEngine, Engine], ids=["simple engine", "real engine"])
@given(scenario=scenarios(), rows=ROWS, scales=SCALES, seed=st.integers(0, 3))
@settings(deadline=None, max_examples=75)
def test_laws(
    make_engine: MakeEngine,
    scenario: Scenario,
    rows: list[tuple[float, int, int]],
    scales: list[tuple[int, int]],
    seed: int,
) -> None:
    def prepare(cluster: Cluster) -> None:
        for when_s in range(0, END_S, 97):
            at(cluster, when_s, lambda t_us: check_conservation(cluster, t_us))

    cluster = played(scenario, rows, scales, seed, make_engine=make_engine, prepare=prepare)
    fleet = cluster.record()
    check_conservation(cluster, END_S * S)
    check_causality(cluster, cluster.outcomes, fleet.pods)
    check_gpus(cluster, fleet)
    check_lives(cluster, fleet)


@given(scenario=scenarios(), rows=ROWS, scales=SCALES, seed=st.integers(0, 3))
@settings(deadline=None, max_examples=30)
def test_the_same_seed_gives_the_same_run(
    scenario: Scenario, rows: list[tuple[float, int, int]], scales: list[tuple[int, int]], seed: int
) -> None:
    first, second = (played(scenario, rows, scales, seed, make_engine=Engine) for _ in range(2))
    assert first.record() == second.record()
    assert first.outcomes == second.outcomes


@given(rows=ROWS, scales=SCALES)
@settings(deadline=None, max_examples=30)
def test_looking_at_the_fleet_changes_nothing(
    rows: list[tuple[float, int, int]], scales: list[tuple[int, int]]
) -> None:
    scenario = a_scenario(cold_start={"seconds": 30, "jitter": 0.2})

    def look(cluster: Cluster) -> None:
        for quarter in range(0, 4 * END_S, 33):
            at(cluster, quarter / 4, cluster.settle)

    plain, watched = (
        played(scenario, rows, scales, 1, make_engine=Engine, prepare=prepare)
        for prepare in (lambda _: None, look)
    )
    assert plain.outcomes == watched.outcomes
    assert plain.record() == watched.record()
