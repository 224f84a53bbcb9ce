"""Every knob of the law: meaning, unit, and why it has this default.

A :class:`Policy` belongs to one model. Bounds, costs and replicas belong to its targets and come with the
snapshot. Nothing here is tuned to a model or a GPU: figures are shares, seconds, or the objective itself.
"""

import math
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """Datasheet facts of one replica: the whole replica, i.e. all GPUs of a tensor-parallel group
    together."""

    weight_bytes: float
    """Bytes that every decode step reads."""
    active_parameters: float
    """Parameters that one token is multiplied with (all of them in a dense model)."""
    kv_bytes_per_token: float
    memory_bytes_per_s: float
    """Datasheet HBM bandwidth; the share that kernels reach is in ``roofline.py``."""
    flops_per_s: float
    """Datasheet dense FLOPS at the precision of the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed about one replica before it was seen; each part may be absent."""

    prefill_tokens_per_s: float | None = None
    decode_tokens_per_s: float | None = None
    roofline: Roofline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The knobs. ``Policy()`` is the one default configuration for every model, load and GPU."""

    # The objective
    ttft_slo_ms: float = 1000.0
    """Time to first token that a request shall meet (design 5.1)."""
    itl_slo_ms: float = 50.0
    """Mean inter-token latency that a request shall meet (design 5.1)."""
    slo_target: float = 0.98
    """Share of requests that shall meet both (design 5.1)."""

    # What a replica can do
    target_utilization: float = 0.9
    """Share of goodput capacity planned for: the cost knob. The capacity already leaves room for the tail of
    requests, and the burst reserve for rises: 0.75 cost a tenth more and gained 0.3 point (design 0002)."""
    target_kv_usage: float = 0.85
    """Share of KV tokens planned for: preemptions begin near 1, and running requests still grow."""
    prior: Prior | None = None
    """None: scale-free guesses from the objective, believed so little that the first minutes replace them."""
    prior_scale: float = 1.0
    """Multiplies the prior's capacity: 0.5 pessimistic, 1.6 optimistic (robustness runs)."""
    prior_caution: float = 0.5
    """Standard deviations of the step-time fit added to a request's cost: a roofline believed to ±50 %
    starts at
    0.8 of its capacity, and the discount fades as evidence comes in."""

    # Forecast
    forecast: Literal["on", "off", "shadow"] = "on"
    """``shadow`` computes and explains it, and decides without."""
    holt_level: float = 0.4
    """Share of a new 5-s value that enters the level (per 5-s step)."""
    holt_trend: float = 0.1
    """Share of a new slope that enters the trend (per 5-s step). Calmer (0.3/0.05) costs 3 % less and loses
    1.7 points of a sine at a 180 s cold start; livelier (0.5/0.15) gains nothing more."""
    holt_damping: float = 0.97
    """Factor on the trend per 5-s step: a slope counts for at most 1/(1-0.97) = 33 steps, 166 s."""
    surge_level: float = 0.2
    """The same on the logarithm of the rate: share of a new value that enters the level."""
    surge_trend: float = 0.05
    """Share of a new growth that enters the trend. Livelier (0.4/0.1) costs 4 % more on smooth loads; without
    it a load that doubles every 90 s was met at 71 instead of 97 % (design 0002)."""
    surge_damping: float = 0.99
    """Growth counts for at most 1/(1-0.99) = 100 steps, 500 s; at 0.98 such a load was met at 90 %."""
    band: Literal["z", "quantile"] = "z"
    """Margin on the point forecast: ``z`` one-step errors, or the learned quantile of the H-ahead error."""
    band_z: float = 0.5
    """With ``band = z``: RMS one-step errors added."""
    miss_cost: float = 4.0
    """With ``band = quantile``: cost of demand not covered, in units of the same capacity standing idle. The
    newsvendor's level is miss/(miss+1) = 0.8."""
    growth_cap: float = 3.0
    """A forecast never exceeds this multiple of the present rate (a slope seen for seconds is no law)."""
    trust_prior: float = 8.0
    """How many forecasts the initial trust in slopes is worth; inf-like values never mistrust."""
    trust_min: float = 0.0
    """Least share of a foreseen rise that is believed, however often rises fell back."""
    burst_reserve: float = 1.0
    """Share of the learned burst reserve that is held: what the last half hour's requests, but for the share
    that may miss, would have needed beyond the forecast; never beyond the highest rate of that time."""
    seasonal: bool = True
    """Same time on earlier days may raise the forecast, once a back-test says that it would have helped."""

    # Cold start
    horizon_quantile: float = 0.8
    """Quantile of start-up times that the forecast looks ahead."""
    credit_quantile: float = 0.95
    """A pending pod older than this quantile gets no credit: something is wrong with it."""
    startup_prior_s: float = 120.0
    """Creation to ready before any start was seen or estimated (vLLM 8B: 64-98 s from logs, 70B 132-359
    s)."""
    actuation_s: float = 20.0
    """From a decision to the pod: one HPA sync (15 s) and one scrape (5 s)."""

    # Backlog
    backlog_drain_s: float = 60.0
    """A queue that is left when help arrives shall be gone in this time."""
    backlog_tolerance: float = 0.3
    """Share of the TTFT objective's worth of work per replica that may wait without counting."""
    backlog_cap: float = 0.5
    """The backlog asks at most for this share of demand, plus one replica: work that waits once is not
    demand."""

    # Down
    down_window_factor: float = 1.0
    """Down only after this many re-acquire times of calm: the start then costs at most what it saved (ski
    rental). Loads that come back sooner are held by the burst reserve."""
    down_window_min_s: float = 60.0
    down_window_max_s: float = 600.0
    down_margin: float = 1.0
    """After consolidation the rest may be filled to this share of the highest need of the window. 0.92 cost
    3 % more and gained nothing: the highest need already holds the noise."""
    down_step: float = 0.25
    """At most this share of replicas (at least one) goes at once."""
    churn_budget: float = 0.10
    """Start-up time as a share of replica time; above it the down window doubles."""
    latency_down_ratio: float = 0.7
    """No step down while queueing delay exceeds this share of the TTFT objective."""

    # Residual of the capacity (sigma) and headroom
    sigma_fall: float = 0.3
    """Share of the gap closed by one 30-s window of misses below capacity (quick to fall)."""
    sigma_rise: float = 0.2
    """Share of the gap closed by one window that carried more without misses (at a 95 % bound)."""
    sigma_heal_s: float = 1800.0
    """Time constant with which a residual returns to 1 while the fitted model explains what is seen."""
    sigma_min: float = 0.3
    sigma_max: float = 1.5
    trim_gain: float = 0.05
    """Once a minute the target utilisation moves by this times (attainment - objective)."""
    trim_rise_per_min: float = 0.01
    """It rises by at most this a minute."""
    trim_min: float = 0.5
    """It falls no lower, and rises no higher than ``target_utilization``."""

    # Actuation
    hpa_tolerance_up: float = 0.1
    """``behavior.scaleUp.tolerance`` of the HPA: moves within it never register (Kubernetes' default 0.1)."""
    hpa_tolerance_down: float = 0.1
    unschedulable_s: float = 300.0
    """A pod unscheduled for longer says that there are no more GPUs: ask for one beyond the scheduled pods
    only."""
    wake_cap: int = 3
    """From zero: at most this many at once, since the queue at a gateway is the only evidence."""

    # Zero
    idle_seconds: float | None = None
    """How long without demand before inactive; None: from the economics of a cold start."""
    cold_start_penalty: float = 3.0
    """With ``idle_seconds`` None: idle time kept, in cold-start times (ski rental, within 60 s and 1 h)."""

    # Data
    fresh_s: float = 15.0
    """A scrape younger than this is fresh: three 5-s scrapes."""
    known_s: float = 60.0
    """Up to this age the last values count; older is unknown."""
    fresh_share_down: float = 0.8
    """No step down with a smaller share of ready pods fresh."""

    # Switches of the terms, for ablation
    use_rate: bool = True
    use_kv: bool = True
    use_backlog: bool = True
    use_evidence: bool = True
    use_fit: bool = True
    """Off: the prior is never corrected by observed step times."""
    use_sigma: bool = True
    use_trim: bool = True
    use_emergency: bool = True
    use_classes: bool = True
    """Off: every replica is asked for at the slowest class's horizon."""
    use_pooling: bool = True
    """Off: a fleet's TTFT limit is that of one replica."""
    use_held_rate: bool = True
    """Off: arrivals may fall while requests give up in the queue."""
    use_hysteresis: bool = True
    use_band: bool = True
    """Off: moves within the HPA's tolerance are emitted as they are."""


SWITCHES = tuple(field.name for field in fields(Policy) if field.name.startswith("use_"))
"""Knobs that switch a term off."""


class Violation(NamedTuple):
    """One knob out of bounds: ``{key} {constraint}, is {value}; {fix}``."""

    key: str
    constraint: str
    value: object
    fix: str


_SHARE = (0.0, 1.0)
_FREE = (0.0, 1e9)
_BOUNDS: dict[str, tuple[float, float]] = {
    "slo_target": _SHARE,
    "target_utilization": _SHARE,
    "target_kv_usage": _SHARE,
    "holt_level": _SHARE,
    "holt_trend": _SHARE,
    "holt_damping": _SHARE,
    "surge_level": _SHARE,
    "surge_trend": _SHARE,
    "surge_damping": _SHARE,
    "horizon_quantile": _SHARE,
    "credit_quantile": _SHARE,
    "down_margin": _SHARE,
    "down_step": _SHARE,
    "churn_budget": _SHARE,
    "sigma_fall": _SHARE,
    "sigma_rise": _SHARE,
    "trim_min": _SHARE,
    "trust_min": _SHARE,
    "fresh_share_down": _SHARE,
}
"""Intervals; every other number must be finite, not negative, and no more than thirty years of seconds."""
_POSITIVE = frozenset(
    {
        "backlog_drain_s",
        "down_margin",
        "down_window_max_s",
        "fresh_s",
        "growth_cap",
        "itl_slo_ms",
        "known_s",
        "miss_cost",
        "prior_scale",
        "sigma_heal_s",
        "sigma_max",
        "sigma_min",
        "slo_target",
        "startup_prior_s",
        "target_kv_usage",
        "target_utilization",
        "trim_min",
        "ttft_slo_ms",
        "wake_cap",
    }
)
_CHOICES = {"forecast": ("on", "off", "shadow"), "band": ("z", "quantile")}
_ORDERED = (
    ("sigma_min", "sigma_max"),
    ("down_window_min_s", "down_window_max_s"),
    ("fresh_s", "known_s"),
    ("horizon_quantile", "credit_quantile"),
)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(key: str, value: object, low: float, high: float) -> Violation | None:
    assert isinstance(value, int | float)
    if not math.isfinite(value):
        return Violation(key, "must be a finite number", value, f"set {key} to a finite number")
    if value < low or value > high:
        return Violation(key, f"must lie between {low:g} and {high:g}", value, f"set {key} within the bounds")
    if value == 0 and key in _POSITIVE:
        return Violation(key, "must be greater than 0", value, f"set {key} above 0")
    return None


def _field(key: str, value: object) -> Violation | None:
    if key in _CHOICES:
        allowed = " | ".join(_CHOICES[key])
        wrong = value not in _CHOICES[key]
        return Violation(key, f"must be one of {allowed}", value, f"use {allowed}") if wrong else None
    if key in SWITCHES or key == "seasonal":
        wrong = not isinstance(value, bool)
        return (
            Violation(key, "must be true or false", value, f"set {key} to true or false") if wrong else None
        )
    if not isinstance(value, int | float) or isinstance(value, bool):
        return Violation(key, "must be a number", value, f"set {key} to a number")
    return _number(key, value, *_BOUNDS.get(key, _FREE))


def _facts(where: str, facts: object) -> list[Violation]:
    found: list[Violation] = []
    for f in fields(facts):  # type: ignore[arg-type]
        value = getattr(facts, f.name)
        if value is None or isinstance(value, Roofline):
            continue
        if not _finite(value) or value <= 0:
            key = f"{where}.{f.name}"
            found.append(
                Violation(key, "must be a positive number", value, f"set {key} above 0 or leave it out")
            )
    return found


def _prior(prior: Prior | None) -> list[Violation]:
    if prior is None:
        return []
    roofline = _facts("prior.roofline", prior.roofline) if prior.roofline is not None else []
    return _facts("prior", prior) + roofline


def _order(policy: Policy) -> list[Violation]:
    found = []
    for low, high in _ORDERED:
        a, b = getattr(policy, low), getattr(policy, high)
        if _finite(a) and _finite(b) and a > b:
            found.append(Violation(low, f"must not exceed {high} ({b:g})", a, f"lower {low} or raise {high}"))
    return found


def validate(policy: Policy) -> list[Violation]:
    """All knobs that are out of bounds; empty when the policy can be used."""
    found = []
    for f in fields(policy):
        value = getattr(policy, f.name)
        if f.name == "prior" or (f.name == "idle_seconds" and value is None):
            continue
        violation = _field(f.name, value)
        if violation is not None:
            found.append(violation)
    return found + _prior(policy.prior) + _order(policy)
