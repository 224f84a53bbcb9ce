"""Who is created and who is deleted: the ReplicaSet's order of victims, and a rolling update."""

import random

import pytest

from scaler.decision.model import PodPhase
from simulations.fleet.nodes import Node
from simulations.fleet.pods import Pod
from simulations.fleet.replicaset import plan, victims
from tests.fleet.builders import S, a_revision, a_scenario

REVISIONS = (a_revision(a_scenario(), 0), a_revision(a_scenario(), 1))
NOW_US = 1_000_000 * S


def a_pod(
    serial: int,
    phase: PodPhase = PodPhase.READY,
    *,
    node: Node | None = None,
    ready_for_s: float = 100.0,
    created_s_ago: float = 1000.0,
    failures: int = 0,
    revision: int = 0,
) -> Pod:
    return Pod(
        serial=serial,
        revision=REVISIONS[revision],
        max_prompt_tokens=999,
        created_us=NOW_US - round(created_s_ago * S),
        since_us=0,
        rng=random.Random(0),
        uid=serial,
        phase=phase,
        node=None if phase is PodPhase.UNSCHEDULED else node or Node(serial=1000 + serial, gpus=8),
        ready_us=NOW_US - round(ready_for_s * S) if phase is PodPhase.READY else None,
        failures=failures,
    )


SHARED = Node(serial=1, gpus=8)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            a_pod(2, PodPhase.UNSCHEDULED, created_s_ago=9999),
            a_pod(1, PodPhase.STARTING, created_s_ago=1),
            id="a pod without a node goes before one that is starting",
        ),
        pytest.param(
            a_pod(2, PodPhase.STARTING, created_s_ago=9999),
            a_pod(1, ready_for_s=1),
            id="a pod that is starting goes before one that is ready, even if it is older",
        ),
        pytest.param(
            a_pod(2, node=SHARED, ready_for_s=5000),
            a_pod(1, ready_for_s=1),
            id="a pod that shares its node goes before one that is alone on its node, even if it is older",
        ),
        pytest.param(
            a_pod(2, ready_for_s=100),
            a_pod(1, ready_for_s=300),
            id="a pod that is ready for less time goes first",
        ),
        pytest.param(
            a_pod(1, ready_for_s=100),
            a_pod(2, ready_for_s=95),
            id="ages within one power of two are alike: chance (the uid) decides",
        ),
        pytest.param(
            a_pod(2, PodPhase.STARTING, failures=1, created_s_ago=900),
            a_pod(1, PodPhase.STARTING, created_s_ago=10),
            id="of starting pods the one that failed goes first",
        ),
        pytest.param(
            a_pod(2, PodPhase.STARTING, created_s_ago=10),
            a_pod(1, PodPhase.STARTING, created_s_ago=900),
            id="of starting pods the newest goes first",
        ),
        pytest.param(
            a_pod(2, ready_for_s=0),
            a_pod(1, ready_for_s=0.000001),
            id="a pod that has become ready this very moment goes first",
        ),
    ],
)
def test_order_of_victims(first: Pod, second: Pod) -> None:
    bystander = a_pod(3, node=SHARED, ready_for_s=500_000)
    for pods in ([first, second, bystander], [bystander, second, first]):
        order = victims(pods, 3, NOW_US)
        assert order.index(first) < order.index(second)


def test_as_many_victims_as_asked_for() -> None:
    pods = [a_pod(n) for n in range(3)]
    assert victims(pods, 0, NOW_US) == ()
    assert victims(pods, -2, NOW_US) == ()
    assert len(victims(pods, 2, NOW_US)) == 2


def test_terminating_pods_do_not_count() -> None:
    pods = [a_pod(0), a_pod(1, PodPhase.TERMINATING), a_pod(2)]
    assert plan(pods, 3, 0, NOW_US).create == 1
    assert plan(pods, 2, 0, NOW_US) == plan([], 0, 0, NOW_US)
    assert pods[1] not in plan(pods, 0, 0, NOW_US).delete


class TestARollingUpdate:
    """maxSurge 1, maxUnavailable 0: capacity never falls below what is asked for."""

    def test_begins_with_one_new_pod_and_deletes_nothing_that_serves(self) -> None:
        todo = plan([a_pod(0), a_pod(1)], 2, 1, NOW_US)
        assert (todo.create, todo.delete) == (1, ())

    def test_waits_while_the_new_pod_is_starting(self) -> None:
        todo = plan([a_pod(0), a_pod(1), a_pod(2, PodPhase.STARTING, revision=1)], 2, 1, NOW_US)
        assert (todo.create, todo.delete) == (0, ())

    def test_lets_an_old_pod_go_once_the_new_one_is_ready(self) -> None:
        old, young = a_pod(0, ready_for_s=5000), a_pod(1, ready_for_s=100)
        todo = plan([old, young, a_pod(2, revision=1, ready_for_s=1)], 2, 1, NOW_US)
        assert (todo.create, todo.delete) == (0, (young,))

    def test_then_surges_again(self) -> None:
        todo = plan([a_pod(0), a_pod(2, revision=1, ready_for_s=1)], 2, 1, NOW_US)
        assert (todo.create, todo.delete) == (1, ())

    def test_replaces_old_pods_that_do_not_serve_at_once(self) -> None:
        stuck = a_pod(1, PodPhase.UNSCHEDULED)
        todo = plan([a_pod(0), stuck, a_pod(2, revision=1)], 2, 1, NOW_US)
        assert stuck in todo.delete

    def test_scales_up_with_new_pods_only(self) -> None:
        assert plan([a_pod(0), a_pod(1)], 5, 1, NOW_US).create == 4

    def test_scales_to_zero(self) -> None:
        pods = [a_pod(0), a_pod(1), a_pod(2, revision=1)]
        assert set(plan(pods, 0, 1, NOW_US).delete) == set(pods)
