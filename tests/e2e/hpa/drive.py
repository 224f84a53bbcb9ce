"""Drives cases through real KEDA and a real HPA controller, all at once, and brings home what they logged."""

import functools
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster.cluster import Cluster, running
from tests.e2e.cluster.fake_kubelet import READY, READY_AFTER, ready_after_s
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.progress import Told
from tests.e2e.cluster.spec import CONTROL_IP, Spec
from tests.e2e.hpa import resource_metrics
from tests.e2e.hpa.audit import POLICY
from tests.e2e.hpa.case import Case, Clocks
from tests.e2e.hpa.manifests import ADDRESS, NAMESPACE, deployment, scaled_object

_FAST = ("--kube-api-qps=500", "--kube-api-burst=1000")
"""The clients' own brakes are for big clusters; here they would make syncs late."""
_WAVE = 26
_PODS_WITHIN_S, _CALLED_WITHIN_S, _SETTLE_S, _AFTER_S, _LOOK_S = 180.0, 60.0, 2.0, 0.5, 0.02


def spec(name: str, clocks: Clocks, folder: Path) -> Spec:
    """A bare control plane with KEDA beside it, clocks as asked, and an audit log in ``folder``."""
    (folder / "policy.json").write_text(json.dumps(POLICY))
    return Spec(
        name=name,
        fake_nodes=3,
        keda="processes",
        hpa_sync_s=clocks.sync_s,
        flags={
            "kube-apiserver": (
                f"--audit-policy-file={folder}/policy.json",
                f"--audit-log-path={folder}/audit.jsonl",
            ),
            "kube-controller-manager": (
                *_FAST,
                "--concurrent-horizontal-pod-autoscaler-syncs=20",
                f"--horizontal-pod-autoscaler-downscale-stabilization={clocks.down_window_s}s",
            ),
            "kube-scheduler": _FAST,
            "keda": _FAST,
            "keda-adapter": _FAST,
            "keda-admission-webhooks": _FAST,
        },
    )


@contextmanager
def ready(name: str, clocks: Clocks, folder: Path, tell: Told) -> Iterator[Cluster]:
    """A cluster with the scripted scaler in it."""
    with running(spec(name, clocks, folder), tell) as cluster:
        calls = str(folder / "calls.jsonl")
        python = (sys.executable, "-m")
        scaler = (*python, "tests.e2e.hpa.scaler", ADDRESS, calls)
        root, host, port = str(cluster.at.root), CONTROL_IP, str(resource_metrics.PORT)
        metrics = (*python, "tests.e2e.hpa.resource_metrics", root, host, port, calls)
        with (
            cluster.process(*scaler, log=folder / "scaler.log"),
            cluster.process(*metrics, log=folder / "metrics.log"),
        ):
            cluster.apply(resource_metrics.manifests())
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
    tell.step("watching")
    _watch(_Beginnings(folder / "calls.jsonl"), cases, _acts(cluster, cases), folder / "acts.jsonl")
    for kind in ("scaledobjects.keda.sh", "deployments.apps"):
        cluster.kubectl("delete", kind, "--all", "--wait=false")
    cluster.wait("every pod is gone", lambda: _pods(cluster) == 0, _PODS_WITHIN_S)


def _pods(cluster: Cluster) -> int:
    """Pods that are Ready, or will never be."""
    pods = cluster.core.list_namespaced_pod(NAMESPACE).items
    return sum(1 for pod in pods if pod.status.phase == "Running" or ready_after_s(pod) is None)


class _Beginnings:
    """When KEDA first called for each case: what its script's time counts from."""

    def __init__(self, calls: Path) -> None:
        self._calls = calls
        self._read = 0
        self.began: dict[str, float] = {}

    def look(self) -> None:
        """Reads what the scaler has written since."""
        with self._calls.open() as file:
            file.seek(self._read)
            for line in file.readlines():
                if line.endswith("\n"):
                    self._read += len(line)
                    at_s, name, *_ = json.loads(line)
                    self.began.setdefault(name, at_s)


@dataclass(frozen=True, slots=True)
class _Act:
    """Something that the driver does to a case, at a second of it."""

    case: str
    at_s: float
    do: Callable[[], None]


def _watch(clock: _Beginnings, cases: Sequence[Case], acts: list[_Act], log: Path) -> None:
    """Interfere when it is time, until the last case is over."""
    until_s = time.monotonic() + _CALLED_WITHIN_S
    left = list(acts)
    while not _over(clock.began, cases):
        clock.look()
        if len(clock.began) < len(cases) and time.monotonic() > until_s:
            raise ClusterError(f"KEDA has not called for every case after {_CALLED_WITHIN_S:.0f} s")
        for act in [act for act in left if _due(act, clock.began)]:
            left.remove(act)
            with log.open("a") as file:
                file.write(json.dumps([act.case, act.at_s, time.time()]) + "\n")
            act.do()
        time.sleep(_LOOK_S)


def _due(act: _Act, began: Mapping[str, float]) -> bool:
    return act.case in began and began[act.case] + act.at_s <= time.time()


def _over(began: Mapping[str, float], cases: Sequence[Case]) -> bool:
    ends_s = [began.get(case.name, math.inf) + case.seconds for case in cases]
    return max(ends_s) + _AFTER_S < time.time()


def _acts(cluster: Cluster, cases: Sequence[Case]) -> list[_Act]:
    acts: list[_Act] = []
    for case in cases:
        acts += [_act(case, at_s, _write_by_hand, cluster, replicas) for at_s, replicas in case.hands]
        acts += [_act(case, at_s, _make_unready, cluster, count) for at_s, count in case.unready]
        acts += [_act(case, at_s, _bound, cluster, *bounds) for at_s, bounds in case.bounds]
        acts += [_act(case, at_s, _roll_out, cluster) for at_s in case.rollouts]
    return acts


def _act(case: Case, at_s: float, do: Callable[..., None], *rest: object) -> _Act:
    return _Act(case.name, at_s, functools.partial(do, case, *rest))


def _write_by_hand(case: Case, cluster: Cluster, replicas: int) -> None:
    body = {"spec": {"replicas": replicas}}
    cluster.apps.patch_namespaced_deployment_scale(case.name, NAMESPACE, body)


def _bound(case: Case, cluster: Cluster, low: int, high: int) -> None:
    body = {"spec": {"minReplicaCount": low, "maxReplicaCount": high}}
    cluster.custom.patch_namespaced_custom_object(
        "keda.sh", "v1alpha1", NAMESPACE, "scaledobjects", case.name, body
    )


def _roll_out(case: Case, cluster: Cluster) -> None:
    template = {"metadata": {"annotations": {READY_AFTER: "never"}}}
    body = {"spec": {"template": template}}
    cluster.apps.patch_namespaced_deployment(case.name, NAMESPACE, body)


def _make_unready(case: Case, cluster: Cluster, count: int) -> None:
    for pod in cluster.pods(f"case={case.name}", NAMESPACE)[:count]:
        body = {"metadata": {"annotations": {READY: "false"}}}
        cluster.core.patch_namespaced_pod(pod.metadata.name, NAMESPACE, body)
