"""The HorizontalPodAutoscaler controller, one object of it, as Kubernetes 1.37.2 computes.

Source: pkg/controller/podautoscaler/horizontal.go (``reconcileAutoscaler``, ``computeReplicasForMetrics``).
Feature gates are at their defaults: HPAConfigurableTolerance is on, and HPAScaleToZero (on since 1.37) has
nothing to do, because KEDA never gives an HPA a minimum below 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from simulations.actuation.normalize import History, Limited, Normalized, limit
from simulations.actuation.proposal import Fleet, Proposal, Tolerances, propose
from simulations.actuation.settings import HpaSettings
from simulations.policies.base import Metric


class Verdict(StrEnum):
    """How one sync ended; the words are the controller's reasons where it has one."""

    COMPUTED = "ValidMetricFound"
    DISABLED = "ScalingDisabled"
    """``spec.replicas`` is 0: the HPA keeps its hands off."""
    ABOVE_MAXIMUM = "above Spec.MaxReplicas"
    BELOW_MINIMUM = "below Spec.MinReplicas"
    FAILED = "FailedGetExternalMetric"
    """Every metric failed, or some did and the others propose fewer replicas: nothing moves."""
    FAILED_RESOURCE = "FailedGetResourceMetric"
    """The same, where the first that failed is a resource metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HpaResult:
    """One sync: the new ``spec.replicas`` (the old one where nothing moves), and how it came about."""

    replicas: int
    current: int
    verdict: Verdict
    metric: str = ""
    """The metric that decided: the first of the highest (of zeros the last); empty when none was read."""
    desired: int | None = None
    """Its proposal, before the history is asked."""
    kept: bool = False
    """It lay within the tolerance, so ``desired`` is what was there."""
    failed: tuple[str, ...] = ()
    """Metrics that could not be read."""
    stabilized: int | None = None
    """After the stabilisation windows."""
    limited: Limited = Limited.NO
    """What then kept the answer from ``stabilized``."""

    def explain(self) -> str:
        """One line for the timeline."""
        lead = f"HPA {self.current}→{self.replicas}: "
        if self.desired is None:
            return lead + self.verdict + (f" ({', '.join(self.failed)})" if self.failed else "")
        text = f"{self.metric} {'within tolerance, keeps' if self.kept else 'wants'} {self.desired}"
        if self.stabilized != self.desired:
            text += f", stabilised to {self.stabilized}"
        if self.limited is not Limited.NO:
            text += f", {self.limited}"
        if self.failed:
            text += f" (failed: {', '.join(self.failed)})"
        return lead + text


class Hpa:
    """One HPA with what its controller remembers. Call :meth:`sync` every ``settings.sync_us``."""

    __slots__ = ("_history", "_maximum", "_minimum", "_settings", "_tolerances", "scaling_active")

    def __init__(self, settings: HpaSettings, *, min_replicas: int, max_replicas: int) -> None:
        self._settings = settings
        self._minimum = min_replicas
        self._maximum = max_replicas
        self._tolerances = Tolerances(up=settings.tolerance_up, down=settings.tolerance_down)
        self._history = History()
        self.scaling_active: bool | None = None
        """The condition ScalingActive, which KEDA reads; None until the first sync sets it."""

    def reads_metrics(self, spec_replicas: int) -> bool:
        """Whether a sync at this scale asks for metrics at all: outside the bounds it corrects first."""
        return self._minimum <= spec_replicas <= self._maximum

    def sync(
        self,
        now_us: int,
        spec_replicas: int,
        status_replicas: int,
        ready_pods: int,
        metrics: Sequence[Metric],
    ) -> HpaResult:
        """One reconciliation. ``now_us`` never goes back.

        ``status_replicas`` are pods that exist and are not being deleted, ``ready_pods`` those whose Ready
        condition is true (draining ones included: only the metric kind ``Value`` looks at them).
        """
        self._history.begin(now_us, spec_replicas)
        fleet = Fleet(spec=spec_replicas, status=status_replicas, ready=ready_pods)
        result = self._decide(now_us, fleet, metrics)
        up, down = self._settings.up, self._settings.down
        if result.replicas != spec_replicas and up is not None and down is not None:
            self._history.moved(now_us, result.replicas - spec_replicas, up, down)
        return result

    def _decide(self, now_us: int, fleet: Fleet, metrics: Sequence[Metric]) -> HpaResult:
        spec = fleet.spec
        if spec == 0:
            self.scaling_active = False
            return HpaResult(replicas=0, current=0, verdict=Verdict.DISABLED)
        if spec > self._maximum:
            return HpaResult(replicas=self._maximum, current=spec, verdict=Verdict.ABOVE_MAXIMUM)
        if spec < self._minimum:
            return HpaResult(replicas=self._minimum, current=spec, verdict=Verdict.BELOW_MINIMUM)
        return self._from_metrics(now_us, fleet, metrics)

    def _from_metrics(self, now_us: int, fleet: Fleet, metrics: Sequence[Metric]) -> HpaResult:
        best, failed = self._highest(fleet, metrics)
        self.scaling_active = best is not None and not (failed and best.replicas < fleet.spec)
        if best is None or not self.scaling_active:
            verdict = _failure(metrics, failed)
            return HpaResult(replicas=fleet.spec, current=fleet.spec, verdict=verdict, failed=failed)
        end = self._limit(now_us, fleet.spec, best.replicas)
        return HpaResult(
            replicas=end.replicas,
            current=fleet.spec,
            verdict=Verdict.COMPUTED,
            metric=best.metric,
            desired=best.replicas,
            kept=best.kept,
            failed=failed,
            stabilized=end.stabilized,
            limited=end.limited,
        )

    def _highest(self, fleet: Fleet, metrics: Sequence[Metric]) -> tuple[Proposal | None, tuple[str, ...]]:
        """The highest proposal, and the names of the metrics that failed."""
        best: Proposal | None = None
        failed: list[str] = []
        for metric in metrics:
            proposal = propose(metric, fleet, self._tolerances)
            if proposal is None:
                failed.append(metric.name)
            elif best is None or best.replicas == 0 or proposal.replicas > best.replicas:
                best = proposal
        return best, tuple(failed)

    def _limit(self, now_us: int, current: int, desired: int) -> Normalized:
        return limit(
            self._history,
            self._settings,
            now_us=now_us,
            current=current,
            desired=desired,
            bounds=(self._minimum, self._maximum),
        )


def _failure(metrics: Sequence[Metric], failed: Sequence[str]) -> Verdict:
    """The reason is that of the first metric that failed."""
    resource = any(metric.name == failed[0] and metric.kind == "Utilization" for metric in metrics if failed)
    return Verdict.FAILED_RESOURCE if resource else Verdict.FAILED
