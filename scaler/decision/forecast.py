"""Arrivals at the time when help can be there (scaling-law 15.5): damped Holt, its error H ahead, burst
reserve.

    λ̂(t+τ) = level + trend·φ(1-φ^k)/(1-φ),  k = τ / 5 s

φ damps the slope: a rise seen for a minute is not expected to go on for ten. The same runs, more calmly, on
the logarithm of the rate (a damped multiplicative trend: Taylor 2003), since a crowd grows by a share a
minute; while that grows, the larger of the two counts. The margin on top is either z one-step errors, or
the learned quantile of what really came H later relative to what was forecast: the newsvendor's level.
A forecast only ever raises the ask.
"""

import math
from itertools import accumulate
from typing import NamedTuple

from scaler.decision.arrivals import BUCKET_S, WINDOW
from scaler.decision.policy import Policy

LAG = (WINDOW - 1) / 2.0
"""Buckets by which a 30-s mean lags behind the present."""
ERROR_KEEP = 1.0 - 1.0 / 60.0
"""One-step errors of about 5 min."""
FEW_PER_S = 0.2
"""Six requests in a window: growth from less is chance."""
LOG_MOST = 34.0
"""ln(6·10¹⁴): nothing grows beyond (the cap on growth comes later)."""
SAMPLE = 3
"""Every third bucket is remembered for the H-ahead error: neighbours overlap almost wholly."""
TRUST_KEEP = 1.0 - 1.0 / 60.0
"""Trust rests on about 60 forecasts that rose."""
ERRORS = 120
"""H-ahead errors remembered: half an hour."""
RECENT = 40
"""Of them a single rise is believed for ten minutes; longer only if it came twice."""
STALE_S = 1800.0
"""What was learned of rises before such a gap says nothing of now."""


class Holt(NamedTuple):
    """Level and trend (requests/s and requests/s per bucket), squared one-step error, buckets seen (live
    state)."""

    level: float = 0.0
    trend: float = 0.0
    error: float = 0.0
    buckets: int = 0
    log_level: float = 0.0
    log_trend: float = 0.0
    """Of ln(requests/s), per bucket."""


class Ahead(NamedTuple):
    """Forecasts waiting for the truth, and how wrong past ones were (live state; the errors are learned)."""

    waiting: tuple[tuple[float, float, float], ...] = ()
    """(due_s, forecast, rate when it was made), oldest first."""
    sampled: int = 0


class Errors(NamedTuple):
    """How wrong forecasts H ahead were (learned state)."""

    foreseen: float = 0.0
    """Decaying sum of (rise forecast)², over forecasts that rose."""
    came: float = 0.0
    """Decaying sum of (rise forecast)·(rise that came)."""

    relative: tuple[float, ...] = ()
    """(came - forecast) / max(forecast, floor), newest last."""
    increase: tuple[float, ...] = ()
    """Requests/s by which the rate exceeded both the forecast and what it was H before (negative when it did
    not), newest last."""
    rates: tuple[float, ...] = ()
    """The rates that came (requests/s), newest last."""
    at_s: float = 0.0
    """When the last one came."""


def step(holt: Holt, rate_per_s: float, policy: Policy) -> Holt:
    """One more 5-s value of the 30-s mean rate."""
    log_rate = math.log(max(rate_per_s, FEW_PER_S))
    if holt.buckets == 0:
        return Holt(rate_per_s, 0.0, 0.0, 1, log_rate, 0.0)
    damped = policy.holt_damping * holt.trend
    expected = holt.level + damped
    error = rate_per_s - expected
    level = expected + policy.holt_level * error
    trend = damped + policy.holt_trend * (level - holt.level - damped)
    keep = min(ERROR_KEEP, holt.buckets / (holt.buckets + 1.0))
    squared = keep * holt.error + (1.0 - keep) * error * error
    return Holt(level, trend, squared, holt.buckets + 1, *_log_step(holt, log_rate, policy))


def _log_step(holt: Holt, log_rate: float, policy: Policy) -> tuple[float, float]:
    damped = policy.surge_damping * holt.log_trend
    expected = holt.log_level + damped
    level = expected + policy.surge_level * (log_rate - expected)
    return level, damped + policy.surge_trend * (level - holt.log_level - damped)


def point(holt: Holt, ahead_s: float, policy: Policy) -> float:
    """Requests/s expected ``ahead_s`` from now, without margin; never negative."""
    k = ahead_s / BUCKET_S + LAG
    linear = max(0.0, holt.level + holt.trend * _damped(policy.holt_damping, k))
    if holt.log_trend <= 0.0:
        return linear
    log_rate = holt.log_level + holt.log_trend * _damped(policy.surge_damping, k)
    return max(linear, math.exp(min(log_rate, LOG_MOST)))


def _damped(phi: float, steps: float) -> float:
    """φ + φ² + … over ``steps``: what a damped slope still adds up to."""
    return steps if phi >= 1.0 else phi * (1.0 - phi**steps) / (1.0 - phi)


def level_of(policy: Policy) -> float:
    """Newsvendor's quantile: stop adding where an idle replica costs what the demand it may miss costs."""
    return policy.miss_cost / (policy.miss_cost + 1.0)


def quantile(values: tuple[float, ...], level: float) -> float | None:
    """The value below which a share ``level`` lies; None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(level * len(ranked)))]


def remember(
    ahead: Ahead, holt: Holt, now_s: float, closed: int, horizon_s: float, rate_per_s: float, policy: Policy
) -> Ahead:
    """Note a forecast at every third bucket, to be compared when its time has come; ``closed`` are over."""
    sampled = ahead.sampled + closed
    if sampled // SAMPLE == ahead.sampled // SAMPLE:
        return ahead._replace(sampled=sampled)
    made = (now_s + horizon_s, point(holt, horizon_s, policy), rate_per_s)
    return Ahead((*ahead.waiting, made), sampled)


def compare(ahead: Ahead, errors: Errors, now_s: float, rate_per_s: float) -> tuple[Ahead, Errors]:
    """Compare forecasts whose time has come with the rate that really is."""
    due = 0
    if now_s - errors.at_s > STALE_S:
        errors = errors._replace(relative=(), increase=(), rates=())
    foreseen, came, relative, increase, rates, _ = errors
    for due_s, forecast, was in ahead.waiting:
        if due_s > now_s:
            break
        due += 1
        rise = forecast - was
        if rise > 0.0:
            foreseen = TRUST_KEEP * foreseen + rise * rise
            came = TRUST_KEEP * came + rise * (rate_per_s - was)
        floor = max(forecast, 1.0 / (WINDOW * BUCKET_S))
        relative = (*relative[-ERRORS + 1 :], (rate_per_s - forecast) / floor)
        increase = (*increase[-ERRORS + 1 :], rate_per_s - max(forecast, was))
        rates = (*rates[-ERRORS + 1 :], rate_per_s)
    if not due:
        return ahead, errors
    learned = Errors(foreseen, came, relative, increase, rates, now_s)
    return ahead._replace(waiting=ahead.waiting[due:]), learned


def trust(errors: Errors, rate_per_s: float, policy: Policy) -> float:
    """How much of a foreseen rise tends to come (0-1): the slope of what came on what was foreseen.

    Starts from 1 and is shrunk towards it by the worth of ``trust_prior`` forecasts of a quarter's rise, so
    that a
    slope is believed at first and mistrusted where rises keep falling back (bursts).
    """
    worth = policy.trust_prior * (0.25 * rate_per_s) ** 2
    if errors.foreseen + worth <= 0.0:
        return 1.0
    return min(1.0, max(policy.trust_min, (errors.came + worth) / (errors.foreseen + worth)))


class Outlook(NamedTuple):
    """What to expect: call :func:`expect` with a time ahead."""

    holt: Holt
    rate_per_s: float
    """The present."""
    trust: float
    """Share of a foreseen rise that is believed."""
    margin_per_s: float
    """Added to the point forecast (``band = z``)."""
    margin_ratio: float
    """Added to the point forecast as its share (``band = quantile``)."""
    reserve_per_s: float
    peak_per_s: float
    """Highest rate of the last half hour: the reserve never reaches beyond it."""
    season_per_s: float
    """Same time on earlier days; 0 unless it earned its trust."""
    on: bool
    policy: Policy


def outlook(
    holt: Holt, errors: Errors, rate_per_s: float, reserve: float, season_per_s: float, policy: Policy
) -> Outlook:
    """Put the parts together; ``reserve`` is the learned burst reserve (requests/s)."""
    margin = policy.band_z * math.sqrt(holt.error) if policy.band == "z" else 0.0
    ratio = 0.0
    if policy.band == "quantile":
        ratio = max(0.0, quantile(errors.relative, level_of(policy)) or 0.0)
    on = policy.forecast == "on"
    return Outlook(
        holt,
        rate_per_s,
        trust(errors, rate_per_s, policy),
        margin,
        ratio,
        policy.burst_reserve * reserve,
        max(errors.rates, default=0.0),
        season_per_s,
        on,
        policy,
    )


def predicted(outlook: Outlook, ahead_s: float) -> float:
    """Forecast with its margin (requests/s), within the growth cap; what ``shadow`` explains."""
    value = point(outlook.holt, ahead_s, outlook.policy)
    if value > outlook.rate_per_s:
        value = outlook.rate_per_s + outlook.trust * (value - outlook.rate_per_s)
    value = value * (1.0 + outlook.margin_ratio) + outlook.margin_per_s
    floor = 2.0 / (WINDOW * BUCKET_S)
    return min(max(value, outlook.season_per_s), outlook.policy.growth_cap * outlook.rate_per_s + floor)


def expect(outlook: Outlook, ahead_s: float) -> float:
    """Requests/s to plan for ``ahead_s`` from now: never less than the present."""
    base = max(outlook.rate_per_s, predicted(outlook, ahead_s)) if outlook.on else outlook.rate_per_s
    return max(base, min(base + outlook.reserve_per_s, outlook.peak_per_s))


def burst_reserve(errors: Errors, per_rate: float, utilization: float, policy: Policy) -> float:
    """The learned reserve (requests/s): with it all but the allowed share of the last half hour's requests
    would have found their replicas, as far as that came more than once.

    Each remembered time lacked ``ceil(what came) - ceil(what was planned)`` replicas. The reserve is the
    quantile of that, each time weighing as many requests as came then, and at most what was lacking at two
    separate times or lately: one spike is no pattern. ``per_rate``: replicas per request/s.
    Example: a replica carries 10 requests/s; 60 came twice for 30 s in half an hour, and 10 else. That is
    3 % of the time but 17 % of all requests: four replicas are held beyond the planned two.
    """
    if per_rate <= 0.0:
        return 0.0
    share = utilization / per_rate
    lacking = [
        math.ceil(came * per_rate - 1e-6) - math.ceil((came - more) / share - 1e-6)
        for came, more in zip(errors.rates, errors.increase, strict=True)
    ]
    allowed = (1.0 - policy.slo_target) * sum(errors.rates)
    believed = max(_twice(lacking), *lacking[-RECENT:], 0)
    return max(0, min(_weighted(lacking, errors.rates, allowed), believed)) * share


def _weighted(lacking: list[int], rates: tuple[float, ...], allowed: float) -> int:
    """The least level beyond which no more than ``allowed`` of the rates' sum lies."""
    for level, rate in sorted(zip(lacking, rates, strict=True), reverse=True):
        allowed -= rate
        if allowed < 0.0:
            return level
    return 0


def _twice(lacking: list[int]) -> int:
    """The highest level that was reached twice with half of it or less between (noise is no second time)."""
    before, after = [*accumulate(lacking, max)], [*accumulate(reversed(lacking), max)][::-1]
    between = zip(before, lacking[1:], after[2:], strict=False)
    return max((min(left, right) for left, low, right in between if 2 * low <= min(left, right)), default=0)
