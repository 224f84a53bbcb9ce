"""Drives cases through real KEDA and a real HPA controller, all at once, and brings home what they logged."""

import functools
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.cluster.cluster import Cluster, running
from tests.e2e.cluster.fake_kubelet import READY, READY_AFTER, ready_after_s
from tests.e2e.cluster.progress import Told
from tests.e2e.cluster.spec import Spec
from tests.e2e.hpa.audit import POLICY
from tests.e2e.hpa.case import DOWN_WINDOW_S, SYNC_S, Case
from tests.e2e.hpa.manifests import ADDRESS, NAMESPACE, deployment, scaled_object

_FAST = ("--kube-api-qps=500", "--kube-api-burst=1000")
"""The clients' own brakes are for big clusters; here they would make syncs late."""
_WAVE = 45
_PODS_WITHIN_S, _CALLED_WITHIN_S, _SETTLE_S, _AFTER_S = 180.0, 60.0, 2.0, 0.5


def spec(name: str, folder: Path) -> Spec:
    """A bare control plane with KEDA beside it, short clocks, and an audit log in ``folder``."""
    (folder / "policy.json").write_text(json.dumps(POLICY))
    return Spec(
        name=name,
        fake_nodes=3,
        keda="processes",
        hpa_sync_s=SYNC_S,
        flags={
            "kube-apiserver": (
                f"--audit-policy-file={folder}/policy.json",
                f"--audit-log-path={folder}/audit.jsonl",
            ),
            "kube-controller-manager": (
                *_FAST,
                "--concurrent-horizontal-pod-autoscaler-syncs=20",
                f"--horizontal-pod-autoscaler-downscale-stabilization={DOWN_WINDOW_S}s",
            ),
            "kube-scheduler": _FAST,
            "keda": _FAST,
            "keda-adapter": _FAST,
            "keda-admission-webhooks": _FAST,
        },
    )


@contextmanager
def ready(name: str, folder: Path, tell: Told) -> Iterator[Cluster]:
    """A cluster with the scripted scaler in it."""
    with running(spec(name, folder), tell) as cluster:
        argv = (sys.executable, "-m", "tests.e2e.hpa.scaler", ADDRESS, str(folder / "calls.jsonl"))
        with cluster.process(*argv, log=folder / "scaler.log"):
            yield cluster


def drive(cluster: Cluster, cases: Sequence[Case], folder: Path, tell: Told) -> None:
    """All cases, in waves that two cores can follow."""
    for first in range(0, len(cases), _WAVE):
        wave = cases[first : first + _WAVE]
        begun = time.monotonic()
        _drive(cluster, wave, folder, tell)
        tell(f"{first + len(wave)} of {len(cases)} cases driven ({time.monotonic() - begun:.0f} s)")


def _drive(cluster: Cluster, cases: Sequence[Case], folder: Path, tell: Told) -> None:
    """Make every case, interfere where its script says so, and take it away when the last is over."""
    cluster.apply(deployment(case) for case in cases)
    wanted = sum(case.start for case in cases)
    tell.step(f"waiting for {wanted} pods")
    cluster.wait("every pod is there", lambda: _pods(cluster) == wanted, _PODS_WITHIN_S)
    time.sleep(_SETTLE_S)
    cluster.apply(scaled_object(case) for case in cases)
    began = _beginnings(cluster, cases, folder)
    tell.step("watching")
    for at_s, act in sorted(_acts(cluster, cases, began), key=lambda one: one[0]):
        _sleep_until(at_s)
        act()
    _sleep_until(max(began[case.name] + case.seconds for case in cases) + _AFTER_S)
    for kind in ("scaledobjects.keda.sh", "deployments.apps"):
        cluster.kubectl("delete", kind, "--all", "--wait=false")
    cluster.wait("every pod is gone", lambda: _pods(cluster) == 0, _PODS_WITHIN_S)


def _pods(cluster: Cluster) -> int:
    """Pods that are Ready, or will never be."""
    pods = cluster.core.list_namespaced_pod(NAMESPACE).items
    return sum(1 for pod in pods if pod.status.phase == "Running" or ready_after_s(pod) is None)


def _beginnings(cluster: Cluster, cases: Sequence[Case], folder: Path) -> dict[str, float]:
    """When KEDA first called for each case, once it has for all."""
    began: dict[str, float] = {}

    def all_began() -> bool:
        for line in (folder / "calls.jsonl").read_text().splitlines():
            at_s, name, *_ = json.loads(line)
            began.setdefault(name, at_s)
        return all(case.name in began for case in cases)

    cluster.wait("KEDA has called for every case", all_began, _CALLED_WITHIN_S)
    return began


def _acts(
    cluster: Cluster, cases: Sequence[Case], began: Mapping[str, float]
) -> Iterator[tuple[float, Callable[[], None]]]:
    """What the driver itself does to a case, and when in wall time."""
    for case in cases:
        for at_s, replicas in case.hands:
            yield began[case.name] + at_s, functools.partial(_write_by_hand, cluster, case, replicas)
        for at_s, count in case.unready:
            yield began[case.name] + at_s, functools.partial(_make_unready, cluster, case, count)
        for at_s, (low, high) in case.bounds:
            yield began[case.name] + at_s, functools.partial(_bound, cluster, case, low, high)
        for at_s in case.rollouts:
            yield began[case.name] + at_s, functools.partial(_roll_out, cluster, case)


def _write_by_hand(cluster: Cluster, case: Case, replicas: int) -> None:
    body = {"spec": {"replicas": replicas}}
    cluster.apps.patch_namespaced_deployment_scale(case.name, NAMESPACE, body)


def _bound(cluster: Cluster, case: Case, low: int, high: int) -> None:
    body = {"spec": {"minReplicaCount": low, "maxReplicaCount": high}}
    cluster.custom.patch_namespaced_custom_object(
        "keda.sh", "v1alpha1", NAMESPACE, "scaledobjects", case.name, body
    )


def _roll_out(cluster: Cluster, case: Case) -> None:
    template = {"metadata": {"annotations": {READY_AFTER: "never"}}}
    body = {"spec": {"template": template}}
    cluster.apps.patch_namespaced_deployment(case.name, NAMESPACE, body)


def _make_unready(cluster: Cluster, case: Case, count: int) -> None:
    for pod in cluster.pods(f"case={case.name}", NAMESPACE)[:count]:
        body = {"metadata": {"annotations": {READY: "false"}}}
        cluster.core.patch_namespaced_pod(pod.metadata.name, NAMESPACE, body)


def _sleep_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.time()))
