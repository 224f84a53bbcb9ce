"""``hpa-cpu``: Kubernetes' own autoscaler on CPU utilisation, as vLLM's own chart ships it.

Source: vllm-project/vllm examples/online_serving/chart-helm: values.yaml (``requests.cpu: 4``,
``targetCPUUtilizationPercentage: 80``) and templates/hpa.yaml (one resource metric, no ``behavior``). CPU
per pod is what metrics-server shows: the rate of the process's CPU seconds over its last 15 s
(kubernetes-sigs/metrics-server, ``--metric-resolution=15s``); the HPA averages it over the pods that count
(kubernetes pkg/controller/podautoscaler/replica_calculator.go ``GetResourceReplicas``, ``groupPods``).

An engine that serves keeps about one core busy, whatever its load, and a little more for each request: 80 %
of four cores is never reached, and as published the law stays at its minimum. ``policy.target`` is what its
users turn. Deviations, in its favour: a pod that has just become ready is left out until it has 15 s of its
own, even when its start took more than the five minutes in which Kubernetes would do so; and CPU is read
from the engine's own counter, so that loading weights never counts as load.
"""

from dataclasses import dataclass

from scaler.decision.model import Pod, PodPhase, Snapshot
from simulations.policies.base import Actuation, Ask, Gateway, Metric, Parameters, PodUsage, Policy
from simulations.policies.parameters import knob, read
from simulations.scenario import Scenario

RESOLUTION_S = 15.0
KEPT_S = 60.0
"""A rate that could not be renewed for longer is no sample any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The chart's values."""

    target: int = knob(80, least=1, most=1000)
    """``targetCPUUtilizationPercentage``: percent of the request."""
    request_cores: float = knob(4.0, least=0.001)
    """``resources.requests.cpu``."""


@dataclass(slots=True)
class Usage:
    """One pod's CPU as metrics-server last computed it."""

    start_id: str
    at_s: float
    cpu_s: float
    cores: float | None = None


class HpaCpu:
    """CPU utilisation of the ready pods against a target."""

    def __init__(self, settings: Settings) -> None:
        self.name = "hpa-cpu"
        self.actuation = Actuation()
        self.tick_s = RESOLUTION_S
        self._settings = settings
        self._usage: dict[str, Usage] = {}

    def tick(self, snapshot: Snapshot, _: Gateway) -> Ask:
        """One round of metrics-server at ``snapshot.now_s``."""
        pods = self._group(snapshot)
        used = None if pods.counted == 0 else 100 * pods.usage / (pods.request * pods.counted)
        metric = Metric(name="cpu", value=used, target=self._settings.target, kind="Utilization", usage=pods)
        if used is None:
            return Ask(metrics=(metric,), active=True, reason="no CPU samples of ready pods")
        return Ask(
            metrics=(metric,),
            wanted=pods.counted * used / self._settings.target,
            active=True,
            reason=f"CPU {used:.0f} % of {pods.request:g} cores at {pods.counted} pods, "
            f"target {self._settings.target} %",
        )

    def _group(self, snapshot: Snapshot) -> PodUsage:
        """Pods as ``groupPods`` sorts them; terminating ones are left out altogether."""
        cores: list[float] = []
        unready = missing = 0
        for pod in snapshot.pods:
            if pod.phase is PodPhase.READY:
                one = self._observe(snapshot.now_s, pod)
                if one is not None and one.cores is not None:
                    cores.append(one.cores)
                elif snapshot.now_s - pod.since_s < 2 * RESOLUTION_S:
                    unready += 1
                else:
                    missing += 1
            elif pod.phase is not PodPhase.TERMINATING:
                unready += 1
        self._forget(snapshot)
        return PodUsage(
            usage=sum(cores),
            request=self._settings.request_cores,
            counted=len(cores),
            unready=unready,
            missing=missing,
        )

    def _observe(self, now_s: float, pod: Pod) -> Usage | None:
        """The pod's usage with the newest scrape in it; None if there is none that is fresh."""
        samples, known = pod.samples, self._usage.get(pod.name)
        if samples is not None and samples.cpu_seconds_total is not None:
            at_s, cpu_s = now_s - samples.age_s, samples.cpu_seconds_total
            if known is None or known.start_id != samples.start_id:
                known = self._usage[pod.name] = Usage(samples.start_id, at_s, cpu_s)
            elif at_s - known.at_s >= RESOLUTION_S / 2:
                known.cores = (cpu_s - known.cpu_s) / (at_s - known.at_s)
                known.at_s, known.cpu_s = at_s, cpu_s
        return known if known is not None and now_s - known.at_s <= KEPT_S else None

    def _forget(self, snapshot: Snapshot) -> None:
        there = {pod.name for pod in snapshot.pods}
        for name in [name for name in self._usage if name not in there]:
            del self._usage[name]


def build(parameters: Parameters, scenario: Scenario) -> Policy:  # noqa: ARG001 - every law's factory alike
    """The law with the given parameters."""
    return HpaCpu(read(Settings, "hpa-cpu", parameters))
