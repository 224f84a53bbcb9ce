"""What a Deployment does about the difference between the replicas that are and those that should be.

Pure: plans say how many pods to create and which ones to delete. Sources: Kubernetes 1.37
``pkg/controller/controller_utils.go`` (order of victims, LogarithmicScaleDown), ``pkg/controller/deployment/
rolling.go`` (rolling update; here maxSurge 1 and maxUnavailable 0: no capacity is given up while an engine
takes minutes to start).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scaler.decision.model import PodPhase
from simulations.fleet.pods import Pod

MAX_SURGE = 1
_NS_PER_US = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Pods to create (of the current revision) and pods to delete, first one first."""

    create: int = 0
    delete: tuple[Pod, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return self.create > 0 or bool(self.delete)


def plan(pods: Sequence[Pod], spec: int, revision: int, now_us: int) -> Plan:
    """One turn of the controller. ``pods`` may hold terminating ones; they do not count."""
    active = [pod for pod in pods if pod.active]
    old = [pod for pod in active if pod.revision.number != revision]
    if old:
        return _roll(active, old, spec, now_us)
    missing = spec - len(active)
    return Plan(create=max(0, missing), delete=victims(active, -missing, now_us))


def _roll(active: list[Pod], old: list[Pod], spec: int, now_us: int) -> Plan:
    """One turn of a rolling update: surge by one, and let an old pod go once a new one is ready."""
    new = [pod for pod in active if pod not in old]
    ready = sum(pod.phase is PodPhase.READY for pod in active)
    idle_new = sum(pod.phase is not PodPhase.READY for pod in new)
    idle_old = [pod for pod in old if pod.phase is not PodPhase.READY]
    serving_old = [pod for pod in old if pod.phase is PodPhase.READY]
    return Plan(
        create=max(0, min(spec - len(new), spec + MAX_SURGE - len(active))),
        delete=victims(idle_old, len(active) - spec - idle_new, now_us)
        + victims(serving_old, ready - spec, now_us)
        + victims(new, len(new) - spec, now_us),
    )


def victims(pods: Sequence[Pod], count: int, now_us: int) -> tuple[Pod, ...]:
    """The ``count`` pods that a ReplicaSet of ``pods`` deletes first.

    unscheduled < starting < ready; then those that share their node with most siblings; then, of pods that
    are not ready, the ones with most failures and the newest; of ready ones those that are ready for less
    time. Ages are compared in powers of two (so that age hardly matters between old pods), and chance (the
    uid) decides within one power.
    """
    if count <= 0:
        return ()
    siblings = Counter(pod.node.serial for pod in pods if pod.node is not None)
    return tuple(sorted(pods, key=lambda pod: _rank(pod, siblings, now_us))[:count])


def _rank(pod: Pod, siblings: Counter[int], now_us: int) -> tuple[int, int, int, int, int]:
    together = 0 if pod.node is None else siblings[pod.node.serial]
    if pod.phase is PodPhase.READY and pod.ready_us is not None:
        return (_ORDER[pod.phase], -together, 0, _power(now_us - pod.ready_us), pod.uid)
    return (_ORDER[pod.phase], -together, -pod.failures, _power(now_us - pod.created_us), pod.uid)


def _power(age_us: int) -> int:
    """floor(log2(age in ns)), -1 for none: the controller's ``logarithmicRankDiff``."""
    return (age_us * _NS_PER_US).bit_length() - 1


_ORDER = {PodPhase.UNSCHEDULED: 0, PodPhase.STARTING: 1, PodPhase.READY: 2}
