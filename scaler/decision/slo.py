"""What the objective's own record says, and how far it may steer (scaling-law 15.3, 15.6, 18.2).

Latency is non-linear and late, so it never multiplies replicas. It moves three slow things: the residual
sigma of the
capacity, the headroom, and, when the model is plainly wrong, one emergency step per cold start. And only by
misses
that more replicas can cure: those that come with queueing delay.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from scaler.decision.flows import Flow, Steps
from scaler.decision.policy import Policy

WINDOW_S = 30.0
WARM_S = 60.0
"""A pod this young still compiles, loads lazily and finds its caches empty: its latency says nothing
(15.3)."""
ENOUGH = 20.0
"""Requests that a judgement on headroom needs."""
CURABLE_DELAY = 0.3
"""Queueing delay, as a share of the TTFT objective, from which on a miss counts wholly as curable."""
INCURABLE_WINDOWS = 4
"""Windows of misses in a row with nothing waiting, low KV and low load: the objective is out of reach."""
LOW_LOAD = 0.5
CARRIED_MIN = 0.05
"""What is served proves a residual down to this; misses alone only down to ``sigma_min``."""
EMERGENCY_STEP = 0.1
EMERGENCY_BOUND = 1.3


class Window(NamedTuple):
    """The open window (live state)."""

    start_s: float
    seconds: float = 0.0
    requests: float = 0.0
    missed: float = 0.0
    ttft_sum_s: float = 0.0
    queue_count: float = 0.0
    queue_sum_s: float = 0.0
    itl_tokens: float = 0.0
    itl_sum_s: float = 0.0
    load: float = 0.0
    """Integral of demand per ready replica, in replicas of the model (sigma 1) × seconds."""
    kv_ratio: float = 0.0
    """Highest mean usage."""
    arrived: float = 0.0
    """Requests that came, by the rate that counts."""
    served: float = 0.0
    """Requests that got their first token."""
    waited: bool = False
    standing: bool = True
    """At every tick at least half of the engines had a queue."""
    queue_at_start: bool = False
    disturbed: bool = False
    """Pods started, drained or were unknown: the window does not judge capacity."""


class Verdict(NamedTuple):
    """What a closed window said (live state)."""

    requests: float = 0.0
    ttft_missed: float = 0.0
    """Share beyond the TTFT objective (the larger of it and twice the idle engine's time)."""
    itl_missed: float = 0.0
    delay_s: float | None = None
    """Mean queueing delay; None without requests."""
    curable: float = 0.0
    """Share of misses that replicas can cure."""
    load: float = 0.0
    bad_windows: int = 0
    """Windows in a row with more than a tenth beyond the TTFT objective, curable."""


class Incurable(NamedTuple):
    """Windows in a row of misses that replicas cannot cure (learned state)."""

    ttft: int = 0
    itl: int = 0


def add(
    window: Window,
    flow: Flow,
    steps: Iterable[Steps],
    missed: float,
    dt_s: float,
    load: float,
    kv_ratio: float,
    waiting: float,
    rate_per_s: float,
    *,
    standing: bool,
) -> Window:
    """Add a tick: ``missed`` first tokens came too late, ``load`` is the demand per ready replica,
    ``standing``
    says that at least half of the engines have a queue."""
    itl_tokens, itl_sum_s = window.itl_tokens, window.itl_sum_s
    for one in steps:
        itl_tokens += one.tokens
        itl_sum_s += one.tokens * one.step_s
    return Window(
        window.start_s,
        window.seconds + dt_s,
        window.requests + (flow.first_tokens if flow.ttft_known else 0.0),
        window.missed + missed,
        window.ttft_sum_s + flow.ttft_sum_s,
        window.queue_count + flow.queue_count,
        window.queue_sum_s + flow.queue_sum_s,
        itl_tokens,
        itl_sum_s,
        window.load + load * dt_s,
        max(window.kv_ratio, kv_ratio),
        window.arrived + rate_per_s * dt_s,
        window.served + flow.first_tokens,
        window.waited or waiting > 0.0,
        window.standing and standing,
        window.queue_at_start,
        window.disturbed,
    )


def itl_missed(itl_s: float, slo_s: float) -> float:
    """Share of requests whose mean ITL exceeds the objective, from the fleet's mean: requests spread by
    about 10 %."""
    return min(1.0, max(0.0, (itl_s / slo_s - 0.9) / 0.2))


def _delay(window: Window, idle_s: float) -> float | None:
    """Mean queueing delay: the queue's own histogram, else TTFT less what an idle engine needs for the mean
    prompt."""
    if window.queue_count > 0.0:
        return window.queue_sum_s / window.queue_count
    if window.requests > 0.0:
        return max(0.0, window.ttft_sum_s / window.requests - idle_s)
    return None


def judge(window: Window, last: Verdict, idle_s: float, policy: Policy) -> Verdict:
    """Close a window; ``idle_s`` is the idle engine's TTFT of the mean prompt."""
    ttft_slo_s = policy.ttft_slo_ms / 1000.0
    ttft = window.missed / window.requests if window.requests > 0.0 else 0.0
    itl = 0.0
    if window.itl_tokens > 0.0:
        itl = itl_missed(window.itl_sum_s / window.itl_tokens, policy.itl_slo_ms / 1000.0)
    delay_s = _delay(window, idle_s)
    load = window.load / window.seconds if window.seconds > 0.0 else 0.0
    curable = min(1.0, (delay_s or 0.0) / (CURABLE_DELAY * ttft_slo_s))
    bad = ttft * curable > 0.1
    return Verdict(window.requests, ttft, itl, delay_s, curable, load, last.bad_windows + 1 if bad else 0)


def missed(verdict: Verdict, incurable: Incurable, *, itl_off: bool) -> float:
    """Share of requests that missed and that replicas can cure; ``itl_off``: an idle engine misses the
    ITL."""
    ttft = 0.0 if incurable.ttft >= INCURABLE_WINDOWS else verdict.ttft_missed * verdict.curable
    itl = 0.0 if itl_off or incurable.itl >= INCURABLE_WINDOWS else verdict.itl_missed
    return 1.0 - (1.0 - ttft) * (1.0 - itl)


def judge_incurable(incurable: Incurable, window: Window, verdict: Verdict, policy: Policy) -> Incurable:
    """Count windows of misses in an idle fleet; one window in which an idle fleet meets the objective clears
    them."""
    idle = (
        not window.waited
        and window.kv_ratio < LOW_LOAD
        and verdict.load < LOW_LOAD
        and verdict.requests >= 1.0
    )
    if not idle or window.disturbed:
        return incurable
    allowed = 1.0 - policy.slo_target
    ttft = incurable.ttft + 1 if verdict.ttft_missed > max(allowed, 0.05) and verdict.curable < 0.5 else 0
    itl = incurable.itl + 1 if verdict.itl_missed > max(allowed, 0.05) else 0
    return Incurable(min(ttft, 2 * INCURABLE_WINDOWS), min(itl, 2 * INCURABLE_WINDOWS))


def residual(sigma: float, window: Window, verdict: Verdict, bad: float, policy: Policy) -> float:
    """The residual of the capacity after a window (scaling-law 15.3 rules 2-4, 18.3): quick to fall, slow to
    rise.

    Falls when requests missed although the model saw room, and to what is really served while most engines
    have
    a queue for the whole window: whatever limit the model does not know, that is the capacity. Rises only on
    evidence: more was carried than it
    allows,
    with so many requests and no misses that the share of misses is below target at 95 % (rule of three: 3/n).
    Heals towards 1, since the model is fitted to what is seen.
    """
    if window.disturbed:
        return sigma
    if window.queue_at_start and window.standing and window.arrived > 0.0:
        carried = verdict.load * window.served / window.arrived
        return max(CARRIED_MIN, sigma + policy.sigma_fall * (min(sigma, carried) - sigma))
    if window.queue_at_start or verdict.requests < 1.0:
        return sigma
    load, allowed = verdict.load, 1.0 - policy.slo_target
    if bad > allowed:
        if 0.4 * sigma < load < sigma:
            return max(policy.sigma_min, sigma + policy.sigma_fall * (0.95 * load - sigma))
        return sigma
    if load > sigma and verdict.requests >= 3.0 / max(allowed, 1e-3):
        return min(policy.sigma_max, sigma + policy.sigma_rise * (load - sigma))
    return sigma + (1.0 - sigma) * min(1.0, WINDOW_S / policy.sigma_heal_s)


def trim(utilization: float, requests: float, bad: float, minutes: float, policy: Policy) -> float:
    """Target utilisation after some minutes of record: down on misses, up by a hair on a clean one, to the
    policy's own at most (15.6)."""
    if requests < ENOUGH:
        return utilization
    move = policy.trim_gain * ((1.0 - bad) - policy.slo_target)
    move = min(move, policy.trim_rise_per_min * minutes)
    floor = min(policy.trim_min, policy.target_utilization)
    return min(policy.target_utilization, max(floor, utilization + move))


class Emergency(NamedTuple):
    """A step that latency forced although the model saw enough (live state)."""

    at_s: float
    replicas: float


def emergency(verdict: Verdict, current: int, wanted: float, demand: float) -> float | None:
    """Replicas to ask for when two windows in a row missed curably and the model sees enough; else None.

    Bounded by 1.3 × demand + 1, so that a wrong objective cannot run the ask to the maximum.
    """
    if verdict.bad_windows < 2 or wanted > current:
        return None
    ask = current + max(1.0, math.floor(EMERGENCY_STEP * current))
    ask = min(ask, EMERGENCY_BOUND * demand + 1.0)
    return ask if ask > current else None
