"""What a cluster is: pods run on their own node's files and GPUs, and find each other by Service and name."""

from typing import Any

import pytest

from tests.e2e.cluster.cluster import Cluster
from tests.e2e.cluster.node import PAUSE_IMAGE


def pod_template(labels: dict[str, str], **container: Any) -> dict[str, Any]:
    """A pod of one container that just sits there."""
    inner = {"name": "main", "image": PAUSE_IMAGE, "imagePullPolicy": "Never", **container}
    return {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [inner]},
    }


def deployment(name: str, replicas: int, **container: Any) -> dict[str, Any]:
    """Of :func:`pod_template`."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": pod_template(labels, **container),
        },
    }


@pytest.fixture
def asleep(bare: Cluster) -> Any:
    """A Deployment of three, removed afterwards."""
    bare.apply([deployment("asleep", 3)])
    yield bare
    bare.apps.delete_namespaced_deployment("asleep", "default")
    bare.wait_ready("app=asleep", 0)


def test_pods_turn_ready_on_a_bare_control_plane(asleep: Cluster) -> None:
    asleep.wait_ready("app=asleep", 3)
    assert {pod.spec.node_name for pod in asleep.pods("app=asleep")} <= {"node1", "node2", "node3"}


def test_a_pod_that_shall_never_be_ready_stays_pending(bare: Cluster) -> None:
    never = deployment("never", 1)
    never["spec"]["template"]["metadata"]["annotations"] = {"hearth.test/ready-after": "never"}
    bare.apply([never, deployment("after", 1)])
    bare.wait_ready("app=after", 1)
    assert [pod.status.phase for pod in bare.pods("app=never")] == ["Pending"]
    for name in ("never", "after"):
        bare.apps.delete_namespaced_deployment(name, "default")
        bare.wait_ready(f"app={name}", 0)


def test_the_api_server_comes_back_after_it_was_killed(bare: Cluster) -> None:
    bare.kill("kube-apiserver")
    bare.wait("it is gone", lambda: bare.programs()["kube-apiserver"] == "was killed by SIGKILL")
    bare.start("kube-apiserver")
    bare.wait("it answers", lambda: bare.programs()["kube-apiserver"] == "runs")
    bare.wait("objects are there", lambda: _names(bare) >= {"node1", "node2", "node3"})


def _names(cluster: Cluster) -> set[str]:
    try:
        return {node.metadata.name for node in cluster.core.list_node().items}
    except Exception:  # noqa: BLE001 - it is starting: any refusal will do
        return set()


def test_nodes_offer_gpus(cluster: Cluster) -> None:
    for node in cluster.core.list_node().items:
        assert node.status.allocatable["nvidia.com/gpu"] == "8"


def test_gpus_are_counted_by_the_scheduler(cluster: Cluster) -> None:
    limits = {"resources": {"limits": {"nvidia.com/gpu": "5"}}}
    cluster.apply([deployment("greedy", 3, **limits)])
    cluster.wait("two run, one each", lambda: _phases(cluster) == ["Pending", "Running", "Running"])
    cluster.apps.delete_namespaced_deployment("greedy", "default")
    cluster.wait_ready("app=greedy", 0)


def _phases(cluster: Cluster) -> list[str]:
    return sorted(pod.status.phase for pod in cluster.pods("app=greedy"))
