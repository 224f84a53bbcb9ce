"""A bare control plane: the API, controllers, and pods that turn Ready without containers."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.cluster.cluster import Cluster
from tests.e2e.cluster.fake_kubelet import READY_AFTER
from tests.e2e.workloads import deployment


@pytest.fixture
def apply(bare: Cluster) -> Iterator[Any]:
    """Applies Deployments, and removes them afterwards."""
    made: list[str] = []

    def make(*deployments: dict[str, Any]) -> None:
        bare.apply(deployments)
        made.extend(one["metadata"]["name"] for one in deployments)

    yield make
    for name in made:
        bare.apps.delete_namespaced_deployment(name, "default")
        bare.wait_ready(f"app={name}", 0)


def test_pods_turn_ready_on_several_nodes(bare: Cluster, apply: Any) -> None:
    apply(deployment("asleep", 3))
    bare.wait_ready("app=asleep", 3)
    assert {pod.spec.node_name for pod in bare.pods("app=asleep")} == {"node1", "node2", "node3"}


def test_a_pod_that_shall_never_be_ready_stays_pending(bare: Cluster, apply: Any) -> None:
    never = deployment("never", 1)
    never["spec"]["template"]["metadata"]["annotations"] = {READY_AFTER: "never"}
    apply(never, deployment("after", 1))
    bare.wait_ready("app=after", 1)
    assert [pod.status.phase for pod in bare.pods("app=never")] == ["Pending"]


def test_the_api_server_comes_back_after_it_was_killed(bare: Cluster, apply: Any) -> None:
    late = deployment("late", 1)
    late["spec"]["template"]["metadata"]["annotations"] = {READY_AFTER: "1"}
    apply(late)
    bare.wait("it is bound", lambda: any(pod.spec.node_name for pod in bare.pods("app=late")))
    bare.kill("kube-apiserver")
    bare.wait("it is gone", lambda: bare.programs()["kube-apiserver"] == "was killed by SIGKILL")
    said = bare.at.logs / "fake-kubelet.log"
    bare.wait("the pod falls due", lambda: "late-" in said.read_text())
    bare.start("kube-apiserver")
    bare.wait("its objects are there", lambda: _nodes(bare) == {"node1", "node2", "node3"})
    bare.wait_ready("app=late", 1)  # what fell due meanwhile is made up for


def _nodes(cluster: Cluster) -> set[str]:
    try:
        return {node.metadata.name for node in cluster.core.list_node().items}
    except Exception:  # noqa: BLE001 - it is starting: any refusal will do
        return set()
