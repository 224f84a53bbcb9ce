"""How long the next replica takes, class by class, and what pending ones are worth (scaling-law 15.5, 18.4).

A class is what ``Snapshot.supply`` and ``Pod.node_class`` name: node pool × weights tier × compile cache.
Start-up
times are learned from pods that went from creation to ready under our eyes; until enough were seen, the
cache agents' estimate counts, and without one a prior.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scaler.decision.differences import Pending
from scaler.decision.model import Supply
from scaler.decision.policy import Policy

STARTS = 32
"""Starts remembered per class."""
CLASSES = 16
"""Classes remembered; the ones not seen for longest go first."""
ENOUGH = 4
"""Own observations that outweigh an estimate."""
SLACK_RATIO, SLACK_S = 1.2, 5.0
"""A credit does not end at the very second that a start without jitter took: one probe and a fifth more."""

Startups = Mapping[str, tuple[float, ...]]


def learn(startups: Startups, started: Sequence[tuple[str, float]]) -> Startups:
    """Remember the start-ups (s) of pods that became ready."""
    if not started:
        return startups
    known = dict(startups)
    for node_class, seconds in started:
        if seconds > 0.0:
            known[node_class] = (*known.pop(node_class, ())[-STARTS + 1 :], seconds)
    while len(known) > CLASSES:
        del known[next(iter(known))]
    return known


def _interpolate(points: Sequence[tuple[float, float]], level: float) -> float:
    """Seconds at ``level`` of (quantile, seconds) points; beyond the ends the end counts."""
    ranked = sorted(points)
    below = ranked[0]
    for above in ranked:
        if above[0] >= level:
            if above[0] <= below[0]:
                return above[1]
            return below[1] + (above[1] - below[1]) * (level - below[0]) / (above[0] - below[0])
        below = above
    return below[1]


def _of_sample(seconds: Sequence[float], level: float) -> float:
    ranked = sorted(seconds)
    position = level * (len(ranked) - 1)
    low = int(position)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (position - low)


def startup_s(
    startups: Startups, supply: Supply | None, node_class: str, level: float, policy: Policy
) -> float:
    """Quantile ``level`` of seconds from creation to ready in this class."""
    own = startups.get(node_class, ())
    if len(own) >= ENOUGH or (own and (supply is None or not supply.startup_s)):
        return _of_sample(own, level)
    if supply is not None and supply.startup_s:
        return _interpolate(supply.startup_s, level)
    elsewhere = [s for values in startups.values() for s in values]
    return _of_sample(elsewhere, level) if elsewhere else policy.startup_prior_s


class Lane(NamedTuple):
    """One way to get replicas: how far ahead to ask, and for how many at most."""

    node_class: str
    horizon_s: float
    slots: float
    """Free slots here and in all faster lanes, less those that pending pods take; inf in the last lane."""


def lanes(supply: Sequence[Supply], startups: Startups, policy: Policy) -> tuple[Lane, ...]:
    """Lanes by horizon, fastest first; the slowest has no limit of slots.

    Without supply there is one lane: the class that starts were last seen in.
    """
    wait_s = policy.actuation_s
    if not supply:
        node_class = list(startups)[-1] if startups else ""
        start = startup_s(startups, None, node_class, policy.horizon_quantile, policy)
        return (Lane(node_class, start + wait_s, float("inf")),)
    found = [
        (startup_s(startups, s, s.node_class, policy.horizon_quantile, policy) + wait_s, s) for s in supply
    ]
    found.sort(key=lambda pair: (pair[0], pair[1].node_class))
    if not policy.use_classes:
        return (Lane(found[-1][1].node_class, found[-1][0], float("inf")),)
    result: list[Lane] = []
    total = 0.0
    for horizon, s in found:
        total += max(0, s.free - s.claimed)
        result.append(Lane(s.node_class, horizon, total))
    result[-1] = result[-1]._replace(slots=float("inf"))
    return tuple(lane for i, lane in enumerate(result) if lane.slots > (result[i - 1].slots if i else 0.0))


def entering(
    pending: Sequence[Pending], supply: Sequence[Supply], startups: Startups, policy: Policy
) -> tuple[float, ...]:
    """Seconds from now at which each pending pod that deserves credit is expected to be ready, soonest first.

    A pod of age g is expected at the median start; past that, halfway to the quantile at which its credit
    ends.
    """
    by_class = {s.node_class: s for s in supply}
    times: dict[str, tuple[float, float]] = {}
    result = []
    for pod in pending:
        if pod.failing:
            continue
        if pod.node_class not in times:
            times[pod.node_class] = _expected(startups, by_class.get(pod.node_class), pod.node_class, policy)
        median, last = times[pod.node_class]
        if pod.age_s < median:
            result.append(median - pod.age_s)
        elif pod.age_s < last:
            result.append((last - pod.age_s) / 2.0)
    return tuple(sorted(result))


def _expected(
    startups: Startups, facts: Supply | None, node_class: str, policy: Policy
) -> tuple[float, float]:
    """(median start-up, when credit ends) of a class, in seconds."""
    median = startup_s(startups, facts, node_class, 0.5, policy)
    last = startup_s(startups, facts, node_class, policy.credit_quantile, policy)
    return median, max(last, median * SLACK_RATIO + SLACK_S)
