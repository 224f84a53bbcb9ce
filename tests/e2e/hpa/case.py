"""One case: a scale target, its ScaledObject, and what happens to it in time.

The same value tells the scripted scaler what to answer, the driver what to make and when to interfere, and
the model what to compute. Times are seconds from the case's start: the first call that KEDA makes for it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from simulations.actuation.settings import (
    MICROS,
    ActuationSettings,
    Fallback,
    HpaSettings,
    resolve,
)
from simulations.policies.base import Actuation, Ask, Metric, PodUsage
from simulations.scenario import Direction, Hpa, Scenario

SURGE = 2
"""``maxSurge`` of every Deployment."""

_NAME_MOST = 46
"""Of a Deployment whose pods' names, which are cut too, still show both words that are added to it."""

T = TypeVar("T")
Steps = Sequence[tuple[float, T]]
"""(from second, value); the first is from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Flags of the controller manager."""

    sync_s: int
    """``--horizontal-pod-autoscaler-sync-period``."""
    down_window_s: int
    """``--horizontal-pod-autoscaler-downscale-stabilization``: without ``behavior``, and its default."""


FAST = Clocks(sync_s=2, down_window_s=7)
"""Windows and periods of the cases are odd, so that none ends at a sync."""
TRUE = Clocks(sync_s=15, down_window_s=300)
"""Kubernetes' defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One metric, a trigger of its own: its values in time. None: the scaler answers UNAVAILABLE.

    Kind ``Utilization`` is a ``cpu`` trigger: cores that every pod uses of the one that it requests.
    """

    steps: Steps[float | None]
    target: float = 1.0
    kind: str = "AverageValue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is made, what happens, and for how long it is watched."""

    says: str
    """A sentence: what the real ones are expected to do."""
    metrics: tuple[Script, ...]
    seconds: int = 16
    start: int = 2
    """Replicas before the ScaledObject is made."""
    low: int = 1
    high: int = 20
    active: Steps[bool] = ((0, True),)
    push: bool = False
    polling_s: int = 30
    cooldown_s: int = 300
    fallback: Fallback | None = None
    up: Direction | None = None
    down: Direction | None = None
    """Both None: no ``behavior``."""
    hands: Steps[int] = ()
    """(second, replicas): ``spec.replicas`` written by a person."""
    bounds: Steps[tuple[int, int]] = ()
    """(second, (minimum, maximum)): the ScaledObject is given others."""
    rollouts: Sequence[float] = ()
    """Seconds at which a rolling update begins whose pods never turn Ready: :data:`SURGE` more pods stay."""
    ready_after_s: float | None = 0.0
    """Seconds from a pod's start until it is Ready; None: never."""
    drain_s: float = 0.0
    """Seconds that a pod goes on, Ready, after its deletion was asked."""
    unready: Steps[int] = ()
    """(second, pods): so many pods turn un-Ready."""
    silent: Steps[int] = ((0, 0),)
    """(second, pods): so many Ready pods have no CPU sample."""
    clocks: Clocks = FAST
    race: str = ""
    """Which race of the real ones decides; who loses it acts one sync later. An exception, and why."""

    @property
    def name(self) -> str:
        """The Kubernetes name of everything that belongs to it: the sentence, cut."""
        words = re.sub(r"[^a-z0-9]+", "-", self.says.lower())
        return words[:_NAME_MOST].strip("-")

    def ask(self, at_s: float, *, ready: int, unready: int) -> Ask:
        """What the scaler says at a moment; the numbers of pods matter for kind ``Utilization``."""
        usage = self._usage(at_s, ready, unready)
        metrics = tuple(
            Metric(
                name="cpu" if one.kind == "Utilization" else f"s{i}-m",
                value=at(one.steps, at_s),
                target=one.target,
                kind=one.kind,
                usage=usage,
            )
            for i, one in enumerate(self.metrics)
        )
        return Ask(metrics=metrics, active=at(self.active, at_s))

    def _usage(self, at_s: float, ready: int, unready: int) -> PodUsage | None:
        cores = at(self.metrics[0].steps, at_s)
        if self.metrics[0].kind != "Utilization" or cores is None:
            return None
        missing = at(self.silent, at_s)
        counted = ready - missing
        return PodUsage(usage=cores * counted, request=1, counted=counted, unready=unready, missing=missing)

    def settings(self) -> ActuationSettings:
        """As the model has them, by the way that a scenario's settings go, on this cluster's clocks."""
        asked = Actuation(
            polling_s=self.polling_s,
            cooldown_s=self.cooldown_s,
            scale_up=self.up or Direction(),
            scale_down=self.down or Direction(),
            push=self.push,
        )
        made = resolve(asked, Scenario(hpa=Hpa(sync_s=self.clocks.sync_s)))
        hpa = _with_the_flag(made.hpa, self.clocks.down_window_s, self.down)
        return replace(made, hpa=hpa, keda=replace(made.keda, fallback=self.fallback))


def at(steps: Steps[T], at_s: float) -> T:
    """The value that holds at ``at_s``; before the first step, the first."""
    value = steps[0][1]
    for from_s, new in steps:
        if from_s > at_s:
            break
        value = new
    return value


def _with_the_flag(made: HpaSettings, window_s: int, down: Direction | None) -> HpaSettings:
    """The controller's window is a flag of the cluster's, where the model has Kubernetes' default."""
    window_us = window_s * MICROS
    limits = made.down
    if limits is not None and (down is None or down.stabilization_s is None):
        limits = replace(limits, window_us=window_us)
    return replace(made, down=limits, down_window_us=window_us)
