"""What one metric of an HPA proposes (Kubernetes 1.37 pkg/controller/podautoscaler/replica_calculator.go).

All in thousandths and IEEE doubles, in the controller's own order of operations: whether ten replicas and a
metric of eleven move hangs on the last bit (11000 / 10000.0 equals 1.0 + 0.1, so they stay; until 1.32 the
test was |1 - ratio| <= 0.1, where 1 - 1.1 is -0.10000000000000009, and they moved).
"""

import math
from dataclasses import dataclass

from simulations.actuation.quantity import to_milli
from simulations.errors import InputError
from simulations.policies.base import Metric, PodUsage

MOST = 2**31 - 1
"""The largest int32: where huge proposals end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """The ratios around 1 that move nothing."""

    up: float
    down: float

    def hold(self, ratio: float) -> bool:
        """Whether ``ratio`` is near enough to 1; never true of NaN."""
        return (1.0 - self.down) <= ratio <= (1.0 + self.up)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Replicas that one metric asks for."""

    metric: str
    replicas: int
    kept: bool
    """The ratio lay within the tolerance: ``replicas`` is the current number, not the metric's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The scale target as the controller sees it at one sync."""

    spec: int
    status: int
    """``status.replicas``: pods that exist and are not being deleted."""
    ready: int
    """Pods whose Ready condition is true; pods that drain still count."""


def propose(metric: Metric, fleet: Fleet, tolerances: Tolerances) -> Proposal | None:
    """The proposal of ``metric``, or None where the controller would report an error.

    Raises :class:`InputError` on a target that the API server would refuse.
    """
    target = to_milli(metric.target)
    if target == 0:
        raise InputError(f"metric {metric.name}", f"target {metric.target}", "use a target of at least 0.001")
    if metric.value is None:
        return None
    match metric.kind:
        case "AverageValue":
            return _average(metric.name, to_milli(metric.value), target, fleet, tolerances)
        case "Value":
            return _level(metric.name, to_milli(metric.value), target, fleet, tolerances)
        case "Utilization":
            return _utilization(metric, fleet, tolerances)
    raise ValueError(f"metric {metric.name}: unknown kind {metric.kind!r}")


def _average(name: str, total: int, target: int, fleet: Fleet, tolerances: Tolerances) -> Proposal:
    """``GetExternalPerPodMetricReplicas``: inside the tolerance it answers *status* replicas."""
    if tolerances.hold(_quotient(float(total), float(target) * float(fleet.status))):
        return Proposal(metric=name, replicas=fleet.status, kept=True)
    return Proposal(metric=name, replicas=_whole(_quotient(float(total), float(target))), kept=False)


def _level(name: str, level: int, target: int, fleet: Fleet, tolerances: Tolerances) -> Proposal | None:
    """``GetExternalMetricReplicas``: the ratio scales the *ready* pods; inside the tolerance spec stays."""
    ratio = _quotient(float(level), float(target))
    if tolerances.hold(ratio):
        return Proposal(metric=name, replicas=fleet.spec, kept=True)
    if fleet.status == 0 and fleet.ready == 0:
        return None  # "no pods returned by selector": an error, not a zero
    return Proposal(metric=name, replicas=_whole(ratio * float(fleet.ready)), kept=False)


def _utilization(metric: Metric, fleet: Fleet, tolerances: Tolerances) -> Proposal | None:
    """``GetResourceReplicas``: unready pods count (as idle) on the way up only, missing ones against it."""
    pods = metric.usage
    if pods is None or pods.counted == 0:
        return None
    target = int(metric.target)
    usage, request = to_milli(pods.usage), to_milli(pods.request)
    ratio = _percent(usage, request * pods.counted) / target
    if not (pods.unready and ratio > 1.0) and not pods.missing:
        if tolerances.hold(ratio):
            return Proposal(metric=metric.name, replicas=fleet.spec, kept=True)
        return Proposal(metric=metric.name, replicas=_whole(ratio * float(pods.counted)), kept=False)
    return _with_the_rest(metric.name, pods, target, ratio, fleet.spec, tolerances)


def _with_the_rest(
    name: str, pods: PodUsage, target: int, ratio: float, current: int, tolerances: Tolerances
) -> Proposal:
    """The second pass, with pods that had no say in the first."""
    usage, request, count = to_milli(pods.usage), to_milli(pods.request), pods.counted
    if ratio != 1.0:
        count += pods.missing
    if ratio < 1.0:
        usage += pods.missing * (request * max(100, target) // 100)
    if ratio > 1.0:
        count += pods.unready
    again = _percent(usage, request * count) / target
    replicas = _whole(again * float(count))
    turned = (ratio < 1.0 < again) or (again < 1.0 < ratio)
    crossed = (again < 1.0 and replicas > current) or (again > 1.0 and replicas < current)
    if tolerances.hold(again) or turned or crossed:
        return Proposal(metric=name, replicas=current, kept=True)
    return Proposal(metric=name, replicas=replicas, kept=False)


def _percent(usage: int, requests: int) -> int:
    """Whole percent, cut off: 1.999 cores of 2.5 are 79 %, as ``GetResourceUtilizationRatio`` has it."""
    return usage * 100 // requests


def _quotient(a: float, b: float) -> float:
    """IEEE division: x/0 is infinite and 0/0 is NaN, where Python would raise."""
    if b != 0.0:
        return a / b
    return math.nan if a == 0.0 else math.inf


def _whole(replicas: float) -> int:
    """Rounded up, into an int32."""
    return MOST if replicas > MOST else math.ceil(replicas)
