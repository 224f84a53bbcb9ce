"""From a proposal to the replicas that are written: windows, rates, bounds.

Source: Kubernetes 1.37.2 pkg/controller/podautoscaler/horizontal.go, ``normalizeDesiredReplicas`` (no
``behavior``) and ``normalizeDesiredReplicasWithBehaviors``. The two differ in more than defaults: without
``behavior`` the highest recommendation of the last five minutes wins in *both* directions, so that a fleet
whose climb was cut to twice its size goes on climbing after the demand is gone.

Ages are compared as the controller's clock has them: a recommendation made exactly one window ago is out,
since between two syncs pass the period *and* the time that a sync takes.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from simulations.actuation.settings import MICROS, HpaSettings, Limits
from simulations.scenario import Rule


class Limited(StrEnum):
    """What bounded the answer: the reasons of the condition ScalingLimited."""

    NO = "DesiredWithinRange"
    UP_RATE = "ScaleUpLimit"
    DOWN_RATE = "ScaleDownLimit"
    MAXIMUM = "TooManyReplicas"
    MINIMUM = "TooFewReplicas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalized:
    """Where a proposal ended."""

    replicas: int
    stabilized: int
    limited: Limited


class History:
    """What the controller remembers of one HPA: recommendations, and changes that it made itself."""

    __slots__ = ("_added", "_begun", "_recommendations", "_removed")

    def __init__(self) -> None:
        self._begun = False
        self._recommendations: deque[tuple[int, int]] = deque()
        """(µs, replicas), oldest first: as the metrics proposed them, before windows and rates."""
        self._added: list[tuple[int, int]] = []
        """(µs, replicas) of each scale-up."""
        self._removed: list[tuple[int, int]] = []
        """(µs, replicas) of each scale-down."""

    def begin(self, now_us: int, replicas: int) -> None:
        """The first sync of all counts as a recommendation of what is there."""
        if not self._begun:
            self._begun = True
            self._recommendations.append((now_us, replicas))

    def recommend(self, now_us: int, replicas: int, window_us: int) -> None:
        """Adds a recommendation and forgets those that no window can reach any more."""
        past = self._recommendations
        while past and past[0][0] <= now_us - window_us:
            past.popleft()
        past.append((now_us, replicas))

    def highest(self, since_us: int, replicas: int) -> int:
        """The highest of ``replicas`` and the recommendations made after ``since_us``."""
        for t, recommended in self._recommendations:
            if t > since_us and recommended > replicas:
                replicas = recommended
        return replicas

    def lowest(self, since_us: int, replicas: int) -> int:
        """The lowest of ``replicas`` and the recommendations made after ``since_us``."""
        for t, recommended in self._recommendations:
            if t > since_us and recommended < replicas:
                replicas = recommended
        return replicas

    def moved(self, now_us: int, change: int, up: Limits, down: Limits) -> None:
        """A write of ``spec.replicas`` by the HPA; what others write is not in its books."""
        if change > 0:
            _store(self._added, now_us, change, up)
        else:
            _store(self._removed, now_us, -change, down)

    def net_change(self, since_us: int) -> int:
        """Replicas added less replicas removed after ``since_us``."""
        added = sum(count for t, count in self._added if t > since_us)
        return added - sum(count for t, count in self._removed if t > since_us)


def _store(events: list[tuple[int, int]], now_us: int, count: int, limits: Limits) -> None:
    """Puts an event in the slot of one that is older than the direction's own longest period.

    The source's quirk (``storeScaleEvent``): the other direction may have a longer period and still need it.
    Up rules of 15 s and down rules of 120 s: of two climbs half a minute apart the first is forgotten, and
    the next descent takes the fleet of two minutes ago for larger than it was.
    """
    outdated_us = now_us - max(rule.period_s for rule in limits.rules) * MICROS
    for slot in range(len(events) - 1, -1, -1):
        if events[slot][0] <= outdated_us:
            events[slot] = (now_us, count)
            return
    events.append((now_us, count))


def limit(
    history: History,
    settings: HpaSettings,
    *,
    now_us: int,
    current: int,
    desired: int,
    bounds: tuple[int, int],
) -> Normalized:
    """Windows, then rates and bounds, and the recommendation goes into ``history``."""
    up, down = settings.up, settings.down
    if up is None or down is None:
        return _without_behavior(history, settings.down_window_us, now_us, current, desired, bounds)
    lowest = history.lowest(now_us - up.window_us, desired)
    highest = history.highest(now_us - down.window_us, desired)
    history.recommend(now_us, desired, max(up.window_us, down.window_us))
    # Fewer than every recommendation of the up window: climb to its lowest. More than every one of the down
    # window: sink to its highest. In between, stay.
    stabilized = min(max(current, lowest), highest)
    replicas, limited = _rated(history, (up, down), now_us, current, stabilized, bounds)
    return Normalized(replicas=replicas, stabilized=stabilized, limited=limited)


def _without_behavior(
    history: History, window_us: int, now_us: int, current: int, desired: int, bounds: tuple[int, int]
) -> Normalized:
    stabilized = history.highest(now_us - window_us, desired)
    history.recommend(now_us, desired, window_us)
    minimum, maximum = bounds
    rate = max(2 * current, 4)
    cap, why = (rate, Limited.UP_RATE) if maximum > rate else (maximum, Limited.MAXIMUM)
    if stabilized < minimum:
        return Normalized(replicas=minimum, stabilized=stabilized, limited=Limited.MINIMUM)
    if stabilized > cap:
        return Normalized(replicas=cap, stabilized=stabilized, limited=why)
    return Normalized(replicas=stabilized, stabilized=stabilized, limited=Limited.NO)


def _rated(
    history: History,
    limits: tuple[Limits, Limits],
    now_us: int,
    current: int,
    wanted: int,
    bounds: tuple[int, int],
) -> tuple[int, Limited]:
    up, down = limits
    minimum, maximum = bounds
    if wanted > current:
        rate = max(current, _highest_allowed(history, up, now_us, current))
        cap, why = (rate, Limited.UP_RATE) if maximum > rate else (maximum, Limited.MAXIMUM)
        return (cap, why) if wanted > cap else (wanted, Limited.NO)
    if wanted < current:
        rate = min(current, _lowest_allowed(history, down, now_us, current))
        floor, why = (rate, Limited.DOWN_RATE) if minimum < rate else (minimum, Limited.MINIMUM)
        return (floor, why) if wanted < floor else (wanted, Limited.NO)
    return wanted, Limited.NO


def _highest_allowed(history: History, up: Limits, now_us: int, current: int) -> int:
    if up.select == "Disabled":
        return current
    allowed = [_above(rule, _at_period_start(history, rule, now_us, current)) for rule in up.rules]
    return min(allowed) if up.select == "Min" else max(allowed)


def _lowest_allowed(history: History, down: Limits, now_us: int, current: int) -> int:
    if down.select == "Disabled":
        return current
    allowed = [_below(rule, _at_period_start(history, rule, now_us, current)) for rule in down.rules]
    return max(allowed) if down.select == "Min" else min(allowed)  # the smallest change leaves the most


def _at_period_start(history: History, rule: Rule, now_us: int, current: int) -> int:
    return current - history.net_change(now_us - rule.period_s * MICROS)


def _above(rule: Rule, start: int) -> int:
    if rule.type == "Pods":
        return start + rule.value
    return math.ceil(start * (1 + rule.value / 100))  # rounded up: 10 % of 1 must be able to move


def _below(rule: Rule, start: int) -> int:
    if rule.type == "Pods":
        return start - rule.value
    return int(start * (1 - rule.value / 100))  # cut off, so that 10 % of 5 is one pod
