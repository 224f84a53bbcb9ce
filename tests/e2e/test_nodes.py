"""Real nodes: containers on files, GPUs and addresses of their own, found by Service and by name."""

import errno
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import node
from tests.e2e.cluster.cluster import Cluster
from tests.e2e.cluster.images import Image
from tests.e2e.cluster.marks import processes_of
from tests.e2e.workloads import ENGINE_PORT, deployment, engine

HOST_FOLDER = "/var/lib/hearth"


@pytest.fixture(scope="module")
def engines(cluster: Cluster, engine_image: Image) -> Iterator[Cluster]:
    """Two engines behind a Service, one on each node; each mounts its node's folder."""
    made = engine("tiny", engine_image.reference, 2)
    pod = made[0]["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "models", "hostPath": {"path": HOST_FOLDER}}]
    pod["containers"][0]["volumeMounts"] = [{"name": "models", "mountPath": "/models"}]
    for name in ("node1", "node2"):
        (cluster.files(name, HOST_FOLDER) / "name").write_text(name)
    cluster.apply(made)
    cluster.wait_ready("app=tiny", 2)
    yield cluster
    cluster.kubectl("delete", "deployment,service", "tiny", "--wait=false")


def test_nodes_offer_gpus(cluster: Cluster) -> None:
    assert [one.status.allocatable["nvidia.com/gpu"] for one in cluster.core.list_node().items] == [
        "8",
        "8",
    ]


def test_the_scheduler_counts_gpus(cluster: Cluster) -> None:
    cluster.apply([deployment("greedy", 3, resources={"limits": {"nvidia.com/gpu": "5"}})])
    cluster.wait("two run, one each", lambda: _phases(cluster) == ["Pending", "Running", "Running"])
    cluster.apps.delete_namespaced_deployment("greedy", "default")
    cluster.wait_ready("app=greedy", 0)


def _phases(cluster: Cluster) -> list[str]:
    return sorted(pod.status.phase for pod in cluster.pods("app=greedy"))


def test_each_pod_reads_the_files_of_its_own_node(engines: Cluster) -> None:
    for pod in engines.pods("app=tiny"):
        read = engines.kubectl("exec", pod.metadata.name, "--", "cat", "/models/name")
        assert read == pod.spec.node_name


def test_a_pod_finds_the_others_by_name_through_a_service(engines: Cluster) -> None:
    pod = engines.pods("app=tiny")[0].metadata.name
    fetch = (
        "import urllib.request as u; print(u.urlopen('http://tiny.default.svc/v1/models', timeout=5).status)"
    )
    answers = {engines.kubectl("exec", pod, "--", "python3", "-c", fetch).strip() for _ in range(4)}
    assert answers == {"200"}


def test_no_packet_leaves(engines: Cluster) -> None:
    pod = engines.pods("app=tiny")[0].metadata.name
    dial = "import socket; print(socket.socket().connect_ex(('192.0.2.1', 53)))"
    unreachable = {str(errno.ENETUNREACH), str(errno.EHOSTUNREACH)}
    assert engines.kubectl("exec", pod, "--", "python3", "-c", dial).strip() in unreachable


def test_a_test_reaches_a_pod_from_outside(engines: Cluster) -> None:
    port = engines.forward(engines.pods("app=tiny")[0].status.pod_ip, ENGINE_PORT)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5) as answer:
        assert json.load(answer)["data"][0]["id"] == "tiny"


def test_what_a_kubelet_writes_for_the_whole_machine_it_finds_written_on_its_node(cluster: Cluster) -> None:
    kubelets = [pid for pid in processes_of(cluster.spec.name) if _words(pid)[:1] == ["kubelet"]]
    assert len(kubelets) == 2
    for pid in kubelets:
        mounts = {line.split()[4] for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()}
        assert {f"/proc/sys/{name}" for name in node.KERNEL} | {"/run", "/var", *node.OWN} <= mounts


def _words(pid: int) -> list[str]:
    """Its command line, the program without its folder; empty if it is gone."""
    try:
        first, *rest = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []
    return [Path(first).name, *rest]
