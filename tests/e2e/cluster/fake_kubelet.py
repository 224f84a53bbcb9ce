"""A kubelet for control planes without nodes: registers nodes with GPUs, and says that pods are Ready.

It honours annotations of a pod, so that a test decides what becomes of it:
``hearth.test/ready-after: "5"`` (seconds; ``never``), ``hearth.test/ready: "false"`` (and back), and
``hearth.test/drain: "5"`` (seconds that it stays Ready after its deletion was asked; else it goes at once).

    python -m tests.e2e.cluster.fake_kubelet <kubeconfig> --nodes=3 --gpus=8
"""

import argparse
import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import urllib3
from kubernetes import client, config, watch

READY_AFTER = "hearth.test/ready-after"
"""Pod annotation: seconds from binding to Ready, or ``never``."""
READY = "hearth.test/ready"
"""Pod annotation: ``false`` makes it un-Ready, anything else or nothing Ready again."""
DRAIN = "hearth.test/drain"
"""Pod annotation: seconds from the wish to delete it to its end; its grace period has to be longer."""
Act = Callable[[Any], None]
_AGAIN_S = 0.5
_CAPACITY = {"cpu": "64", "memory": "512Gi", "pods": "1000", "ephemeral-storage": "1Ti"}


def node(name: str, gpus: int) -> dict[str, Any]:
    """A Ready node."""
    capacity = _CAPACITY | {"nvidia.com/gpu": str(gpus)}
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "status": {"capacity": capacity, "allocatable": capacity, "conditions": [_condition("Ready", now())]},
    }


def now() -> str:
    """As the API wants it."""
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(kind: str, since: str) -> dict[str, str]:
    return {"type": kind, "status": "True", "lastTransitionTime": since, "lastHeartbeatTime": since}


def ready_status(pod: Any, address: str) -> dict[str, Any]:
    """The status of a pod all of whose containers run."""
    at = now()
    containers = [
        {
            "name": container.name,
            "image": container.image,
            "imageID": "",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": at}},
        }
        for container in pod.spec.containers
    ]
    kinds = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": at} for kind in kinds]
    return {
        "phase": "Running",
        "startTime": at,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": conditions,
        "containerStatuses": containers,
    }


def ready_after_s(pod: Any) -> float | None:
    """Seconds from binding to Ready; None: never."""
    asked = _asked(pod, READY_AFTER, "0")
    return None if asked == "never" else float(asked)


def _asked(pod: Any, annotation: str, otherwise: str) -> str:
    return str((pod.metadata.annotations or {}).get(annotation, otherwise))


def _is_ready(pod: Any) -> bool:
    conditions = pod.status.conditions or ()
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


class FakeKubelet:
    """Of all nodes at once. What is to become of a pod waits in ``due``."""

    def __init__(self, core: client.CoreV1Api) -> None:
        self._core = core
        self._due: dict[tuple[str, Act], tuple[float, Any]] = {}
        """(uid, what) -> when, and with which pod."""
        self._serial = 0

    def see(self, kind: str, pod: Any, at_s: float) -> None:
        """A pod's newest state."""
        uid = pod.metadata.uid
        if kind == "DELETED":
            self._due = {key: due for key, due in self._due.items() if key[0] != uid}
        elif pod.metadata.deletion_timestamp is not None:
            self._due.pop((uid, self._make_ready), None)
            self._due.setdefault((uid, self._delete), (at_s + float(_asked(pod, DRAIN, "0")), pod))
        elif _asked(pod, READY, "true") == "false" and _is_ready(pod):
            self._due.setdefault((uid, self._make_unready), (at_s, pod))
        elif _asked(pod, READY, "true") != "false" and pod.status.phase == "Running" and not _is_ready(pod):
            self._due.setdefault((uid, self._make_ready_again), (at_s, pod))
        elif pod.spec.node_name and pod.status.phase == "Pending":
            after_s = ready_after_s(pod)
            if after_s is not None:
                self._due.setdefault((uid, self._make_ready), (at_s + after_s, pod))

    def turn(self, at_s: float) -> float:
        """Do what is due, later where the API server fails; seconds until the next thing is, at most 1."""
        for (uid, act), (due_s, pod) in list(self._due.items()):
            if due_s <= at_s:
                try:
                    act(pod)
                except (client.ApiException, urllib3.exceptions.HTTPError) as error:
                    self._due[uid, act] = (at_s + _AGAIN_S, pod)
                    sys.stderr.write(f"{pod.metadata.name}: {str(error).splitlines()[0]}; trying again\n")
                else:
                    del self._due[uid, act]
        return min([1.0, *(max(0.01, due_s - at_s) for due_s, _ in self._due.values())])

    def _make_ready(self, pod: Any) -> None:
        self._serial += 1
        address = f"10.99.{self._serial // 250 % 250}.{self._serial % 250 + 1}"
        self._quietly(
            self._core.patch_namespaced_pod_status,
            pod,
            {"status": ready_status(pod, address)},
        )

    def _make_unready(self, pod: Any) -> None:
        self._turn(pod, "False")

    def _make_ready_again(self, pod: Any) -> None:
        self._turn(pod, "True")

    def _turn(self, pod: Any, status: str) -> None:
        kinds = ("ContainersReady", "Ready")
        conditions = [{"type": kind, "status": status, "lastTransitionTime": now()} for kind in kinds]
        self._quietly(self._core.patch_namespaced_pod_status, pod, {"status": {"conditions": conditions}})

    def _delete(self, pod: Any) -> None:
        self._quietly(self._core.delete_namespaced_pod, pod, {"gracePeriodSeconds": 0})

    def _quietly(self, call: Any, pod: Any, body: dict[str, Any]) -> None:
        """A pod that is gone by now is no error."""
        try:
            call(pod.metadata.name, pod.metadata.namespace, body=body)
        except client.ApiException as error:
            if error.status not in (404, 409):
                raise


def follow(core: client.CoreV1Api, events: "queue.SimpleQueue[tuple[str, Any]]") -> None:
    """Every change of every pod, for ever; lists again after an interruption."""
    while True:
        try:
            for event in watch.Watch().stream(core.list_pod_for_all_namespaces):
                events.put((event["type"], event["object"]))
        except (client.ApiException, urllib3.exceptions.HTTPError):
            time.sleep(_AGAIN_S)


def register(core: client.CoreV1Api, name: str, gpus: int) -> None:
    """Make the node, and lift the taint that admission puts on new ones."""
    core.create_node(node(name, gpus))
    core.patch_node(name, {"spec": {"taints": []}})


def main() -> None:
    """Run for ever."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kubeconfig")
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--gpus", type=int, required=True)
    given = parser.parse_args()
    config.load_kube_config(given.kubeconfig)
    core = client.CoreV1Api()
    for number in range(1, given.nodes + 1):
        register(core, f"node{number}", given.gpus)
    events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=follow, args=(core, events), daemon=True).start()
    kubelet = FakeKubelet(core)
    pause_s = 0.0
    while True:
        with contextlib.suppress(queue.Empty):
            kubelet.see(*events.get(timeout=max(pause_s, 0.001)), time.monotonic())
        pause_s = kubelet.turn(time.monotonic()) if events.empty() else 0.0


if __name__ == "__main__":
    main()
