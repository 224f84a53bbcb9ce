"""KEDA 2.21.0's part: to and from zero, cool-down, fallback, and the metrics that the HPA is given.

Sources: pkg/scaling/scale_handler.go (``checkScalers``, ``getScalerState``, ``GetScaledObjectMetrics``,
``startPushScalers``), pkg/scaling/executor/scale_scaledobjects.go (``RequestScale``),
pkg/fallback/fallback.go.
Every external metric of an answer is a trigger of its own; all share the answer's ``active``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from simulations.actuation.quantity import from_milli, to_milli
from simulations.actuation.settings import MICROS, Fallback, KedaSettings
from simulations.policies.base import Ask, Metric


class _State(Enum):
    """How one query of one trigger ended."""

    FINE = "fine"
    ERROR = "error"
    FALLBACK = "fallback"
    """It failed more often than the threshold, and a value was made up: counts as active, not as an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KedaResult:
    """One look of KEDA: ``spec.replicas`` after it (before it, if KEDA writes nothing), and why."""

    replicas: int
    reason: str


class Keda:
    """One ScaledObject with what KEDA remembers of it. Call :meth:`poll` every ``settings.polling_us``."""

    __slots__ = ("_failures", "_last_active_us", "_minimum", "_observed", "_settings", "_told_active")

    def __init__(self, settings: KedaSettings, *, min_replicas: int) -> None:
        self._settings = settings
        self._minimum = min_replicas
        self._failures: dict[str, int] = {}
        """Failures in a row by metric name, of either path: ``status.health``."""
        self._observed: dict[str, _State] = {}
        """What the HPA's last query of each metric came to."""
        self._last_active_us: int | None = None
        self._told_active = False
        """What the push stream said last."""

    def poll(
        self, now_us: int, ask: Ask, *, spec_replicas: int, ready_pods: int, hpa_queries: bool
    ) -> KedaResult:
        """One turn of the scale loop.

        ``hpa_queries``: the HPA's condition ScalingActive is true. With a minimum of at least 1 the loop then
        goes by what the HPA observed and asks nothing itself (new in 2.21), so that only the HPA counts
        failures; once every metric fails, ScalingActive is false and both count.
        """
        states: list[_State] = []
        for metric in ask.metrics:
            if metric.kind != "Utilization":
                seen = self._observed.get(metric.name) if hpa_queries and self._minimum > 0 else None
                states.append(seen or self._observe(metric, spec_replicas, ready_pods)[1])
        return self._request(now_us, spec_replicas, _active(ask, states), failing=_State.ERROR in states)

    def push(self, now_us: int, ask: Ask, *, spec_replicas: int) -> KedaResult:
        """What the push stream does at this moment; only for trigger type ``external-push``.

        The scaler says ``true`` when it turns active, and again while it is active and nothing runs (a stream
        that ticks ``true`` would keep a fleet from ever reaching zero: kedacore/http-add-on#1792). KEDA
        ignores ``false``.
        """
        active = ask.active is True
        turned, self._told_active = active and not self._told_active, active
        if self._settings.push and active and (turned or spec_replicas == 0):
            return self._be_active(now_us, spec_replicas, "pushed")
        return KedaResult(replicas=spec_replicas, reason="")

    def serve(self, ask: Ask, *, spec_replicas: int, ready_pods: int) -> tuple[Metric, ...]:
        """The metrics as the HPA gets them when it asks: values of now, errors counted, fallback applied.

        Metrics of kind ``Utilization`` pass through: the HPA has them from the resource metrics API.
        """
        answers: list[Metric] = []
        for metric in ask.metrics:
            if metric.kind != "Utilization":
                metric, self._observed[metric.name] = self._observe(metric, spec_replicas, ready_pods)
            answers.append(metric)
        return tuple(answers)

    def _observe(self, metric: Metric, spec: int, ready: int) -> tuple[Metric, _State]:
        """One query of one trigger by either path (``GetMetricsWithFallback``)."""
        name, fallback = metric.name, self._settings.fallback
        if metric.value is not None:
            self._failures[name] = 0
            return metric, _State.FINE
        if fallback is None:
            return metric, _State.ERROR
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] <= fallback.failures:
            return metric, _State.ERROR
        value = _made_up(metric, fallback, spec, ready)
        return replace(metric, value=value), _State.ERROR if value is None else _State.FALLBACK

    def _request(self, now_us: int, spec: int, active: bool | None, *, failing: bool) -> KedaResult:
        """``RequestScale``: what activity and errors mean for replicas."""
        if active is None:
            return KedaResult(replicas=spec, reason="KEDA: activity unknown")
        if not active:
            return self._inactive(now_us, spec, failing=failing)
        if failing and spec > 0:
            return KedaResult(replicas=spec, reason="KEDA: active, some triggers failing")
        return self._be_active(now_us, spec, "active")

    def _be_active(self, now_us: int, spec: int, why: str) -> KedaResult:
        """Leaves zero, if it is there, and notes the time."""
        self._note_active(now_us)
        if spec > 0:
            return KedaResult(replicas=spec, reason=f"KEDA: {why}")
        floor = max(1, self._minimum)
        return KedaResult(replicas=floor, reason=f"KEDA 0→{floor}: {why}")

    def _inactive(self, now_us: int, spec: int, *, failing: bool) -> KedaResult:
        fallback = self._settings.fallback
        if failing and (fallback is None or fallback.replicas != 0):
            return KedaResult(replicas=spec, reason="KEDA: trigger failing, replicas left alone")
        if spec > 0 and self._minimum == 0:
            return self._to_zero(now_us, spec)
        if spec < self._minimum:
            return KedaResult(replicas=self._minimum, reason=f"KEDA {spec}→{self._minimum}: minimum")
        return KedaResult(replicas=spec, reason="KEDA: inactive")

    def _to_zero(self, now_us: int, spec: int) -> KedaResult:
        """From any number straight to zero once the cool-down is over, or at once if never active."""
        last_us = self._last_active_us
        if last_us is None or last_us + self._settings.cooldown_us <= now_us:
            return KedaResult(replicas=0, reason=f"KEDA {spec}→0: inactive, cool-down over")
        left_s = (last_us + self._settings.cooldown_us - now_us) / MICROS
        return KedaResult(replicas=spec, reason=f"KEDA: cooling down for {left_s:.0f} s more")

    def _note_active(self, now_us: int) -> None:
        """``status.lastActiveTime``, which the API keeps in whole seconds, cut off.

        That is why :meth:`_to_zero` may compare with <= what the source compares with <: ten polls of 30 s
        after the last active one, a clock that does not tick in whole seconds is past floor(last) + 300 s.
        """
        self._last_active_us = now_us - now_us % MICROS


def _active(ask: Ask, states: Sequence[_State]) -> bool | None:
    """Whether any trigger is active: a made-up value counts, a failing trigger does not; None: unknown."""
    if ask.metrics and not states:
        return True  # resource metrics alone: KEDA never deactivates
    if _State.FALLBACK in states:
        return True
    if states and _State.FINE not in states:
        return False
    return ask.active


def _made_up(metric: Metric, fallback: Fallback, spec: int, ready: int) -> float | None:
    """``doFallback``: the value at which the HPA computes the fallback's replicas; None if it cannot be made.

    Source order of operations: target × 1000 × replicas in doubles, cut off to thousandths.
    """
    replicas = float(_fallback_replicas(fallback, spec))
    if metric.kind == "Value":
        if ready == 0:
            return None
        replicas /= float(ready)
    return int(from_milli(to_milli(metric.target)) * 1000 * replicas) / 1000


def _fallback_replicas(fallback: Fallback, spec: int) -> int:
    match fallback.behavior:
        case "static":
            return fallback.replicas
        case "currentReplicas":
            return spec
        case "currentReplicasIfHigher":
            return max(spec, fallback.replicas)
        case "currentReplicasIfLower":
            return min(spec, fallback.replicas)
