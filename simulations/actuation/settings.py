"""How replicas follow a policy's answer: what its authors ship, with what the scenario overrides."""

from dataclasses import dataclass
from typing import Literal, get_args

from simulations.actuation.quantity import as_quantity
from simulations.errors import InputError
from simulations.policies.base import Actuation
from simulations.scenario import Direction, Rule, Scenario

MICROS = 1_000_000
"""Microseconds in a second."""

FallbackBehavior = Literal["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"]
Select = Literal["Max", "Min", "Disabled"]

DEFAULT_UP = (Rule(type="Pods", value=4, period_s=15), Rule(type="Percent", value=100, period_s=15))
DEFAULT_DOWN = (Rule(type="Percent", value=100, period_s=15),)
"""Kubernetes 1.37 pkg/apis/autoscaling/v2/defaults.go."""
UP_WINDOW_S = 0
DOWN_WINDOW_S = 300
"""The controller's ``--horizontal-pod-autoscaler-downscale-stabilization``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One direction of ``behavior`` with every default filled in."""

    window_us: int
    select: Select
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HpaSettings:
    """One HorizontalPodAutoscaler and its controller's flags."""

    sync_us: int = 15 * MICROS
    tolerance_up: float = 0.1
    """Ratios up to 1 + this keep the replicas."""
    tolerance_down: float = 0.1
    """Ratios down to 1 - this keep the replicas."""
    up: Limits | None = None
    down: Limits | None = None
    """Both None: ``behavior`` is absent, and the controller's older rules hold."""
    down_window_us: int = DOWN_WINDOW_S * MICROS
    """The controller's window, used where ``behavior`` is absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """``spec.fallback`` of a ScaledObject."""

    replicas: int
    failures: int = 3
    """``failureThreshold``: the metric is made up from the next failure in a row on."""
    behavior: FallbackBehavior = "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class KedaSettings:
    """What of a ScaledObject decides about zero and about errors."""

    polling_us: int = 30 * MICROS
    cooldown_us: int = 300 * MICROS
    fallback: Fallback | None = None
    push: bool = False
    """Trigger type ``external-push``: turning active is told at once, not at the next poll."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuationSettings:
    """Everything between a policy's answer and ``spec.replicas``, but for the bounds."""

    direct: bool = False
    """The policy's own controller writes replicas; no KEDA, no HPA."""
    hpa: HpaSettings = HpaSettings()
    keda: KedaSettings = KedaSettings()


def resolve(actuation: Actuation, scenario: Scenario) -> ActuationSettings:
    """The author's settings with ``scenario.keda`` and ``scenario.hpa`` on top.

    A direction that the scenario gives replaces the author's as a whole. Raises :class:`InputError` on
    fallback settings that KEDA's webhook would refuse.
    """
    return ActuationSettings(
        direct=actuation.direct, hpa=_hpa(actuation, scenario), keda=_keda(actuation, scenario)
    )


def _hpa(actuation: Actuation, scenario: Scenario) -> HpaSettings:
    flags = scenario.hpa
    up = actuation.scale_up if flags.scale_up is None else flags.scale_up
    down = actuation.scale_down if flags.scale_down is None else flags.scale_down
    given = (up, down) != (Direction(), Direction())
    return HpaSettings(
        sync_us=round(flags.sync_s * MICROS),
        tolerance_up=_tolerance(up, flags.tolerance),
        tolerance_down=_tolerance(down, flags.tolerance),
        up=_limits(up, UP_WINDOW_S, DEFAULT_UP) if given else None,
        down=_limits(down, DOWN_WINDOW_S, DEFAULT_DOWN) if given else None,
    )


def _tolerance(direction: Direction, flag: float) -> float:
    return flag if direction.tolerance is None else as_quantity(direction.tolerance)


def _limits(direction: Direction, window_s: int, rules: tuple[Rule, ...]) -> Limits:
    given_s = direction.stabilization_s
    return Limits(
        window_us=(window_s if given_s is None else given_s) * MICROS,
        select=direction.select,
        rules=direction.rules or rules,
    )


def _keda(actuation: Actuation, scenario: Scenario) -> KedaSettings:
    own = scenario.keda
    polling_s = actuation.polling_s if own.polling_s is None else own.polling_s
    cooldown_s = actuation.cooldown_s if own.cooldown_s is None else own.cooldown_s
    return KedaSettings(
        polling_us=round(polling_s * MICROS),
        cooldown_us=round(cooldown_s * MICROS),
        fallback=_fallback(actuation),
        push=actuation.push,
    )


def _fallback(actuation: Actuation) -> Fallback | None:
    if actuation.fallback_replicas is None:
        return None
    behavior = actuation.fallback_behavior
    for known in get_args(FallbackBehavior):
        if behavior == known:
            return _counted(actuation.fallback_replicas, actuation.fallback_failures, known)
    known_names = ", ".join(get_args(FallbackBehavior))
    raise InputError("fallback_behavior", f"unknown behaviour {behavior!r}", f"use one of {known_names}")


def _counted(replicas: int, failures: int, behavior: FallbackBehavior) -> Fallback:
    if replicas < 0 or failures < 0:
        raise InputError(
            "fallback", f"{replicas} replicas after {failures} failures", "use numbers of at least 0"
        )
    return Fallback(replicas=replicas, failures=failures, behavior=behavior)
