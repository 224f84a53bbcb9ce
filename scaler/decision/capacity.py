"""How many replicas carry a load within the objective (goodput capacity, scaling-law 18.3).

Steady state of one replica at λ requests/s, each of I computed prompt tokens and O output tokens over a
context
of C tokens: a request stays O steps, so the batch is B = λ·O·T, and T = base + λ·T·(b·I + O·(c + d·C)), hence

    T = base / (1 - u),   u = λ·k,   k = b·I + O·(c + d·C)   (seconds of engine time that a request costs).

- ITL:   T <= SLO          →  u <= 1 - base/SLO
- KV:    B·C <= tokens     →  λ <= tokens / (O·C·base + k·tokens)
- seats: B <= seats        →  the same with C = 1
- TTFT:  queueing + own prefill within the SLO for the share of requests that the objective names. Prompts
queue for
  prefill as customers for a pool of servers: Sakasegawa's approximation of G/G/m (P(wait) ≈ ρ^(√(2(m+1))-1))
  with
  an exponential tail; the pool makes one large fleet better than many small ones.

Example, H100 with 8B (base 6 ms, b 20 µs, c 10 µs, d 39 ns), 1,000 in / 250 out: k = 20 + 250·(10 + 44) µs =
33 ms;
ITL 50 ms allows u = 0.88, so 26 requests/s a replica.
"""

import math
from typing import NamedTuple

from scaler.decision.roofline import StepTime

U_MAX = 0.92
"""Utilisation of engine time that is never planned beyond: T grows as 1/(1-u), whatever the objective."""
U_MIN = 0.1
"""Below this the objective costs ten times the engine time of the work itself: nearly hopeless, and the fit
is not
that exact."""
HOPELESS = 0.95
"""An idle step beyond this share of the ITL objective: no number of replicas brings it under."""


class Mix(NamedTuple):
    """The mean request of the present load."""

    prompt_tokens: float
    computed_tokens: float
    """Prompt tokens that the GPU works on: without the prefix cache's share."""
    output_tokens: float

    @property
    def context_tokens(self) -> float:
        """KV tokens of a request, averaged over its life."""
        return self.prompt_tokens + self.output_tokens / 2.0


class Capacity(NamedTuple):
    """One replica under one mix; ``rate_per_s`` by :func:`replicas` for a given load."""

    request_s: float
    """Engine time that one request costs, with caution for what is not known yet."""
    prefill_s: float
    """Its share that is prefill."""
    base_s: float
    itl_utilization: float
    """Largest u by the ITL objective."""
    memory_rate: float
    """Largest λ by KV tokens and seats; inf when neither is known."""
    patience_s: float
    """Time that a prompt may queue; inf when the TTFT objective cannot be met even by an idle engine."""
    dispersion: float
    """Burstiness of arrivals and prompt sizes (their squared coefficients of variation, added)."""
    tail: float
    """Share of requests that may miss."""
    pooled: bool
    sigma: float
    """Residual: measured goodput over the model's."""
    known: bool
    """False while the fit says little: capacity must not decide yet."""
    itl_hopeless: bool
    ttft_hopeless: bool


def request_parts(mix: Mix) -> StepTime:
    """Weights of the step time's parts in one request's engine time."""
    o = mix.output_tokens
    return StepTime(0.0, mix.computed_tokens, o, o * mix.context_tokens)


def dot(step: StepTime, parts: StepTime) -> float:
    """Seconds of ``parts`` at ``step``."""
    return (
        step.base_s * parts.base_s
        + step.prefill_s * parts.prefill_s
        + step.sequence_s * parts.sequence_s
        + step.context_s * parts.context_s
    )


def itl_utilization(base_s: float, itl_slo_s: float) -> float:
    """Largest u within the ITL objective; where it is out of reach, what the engine can carry at all."""
    if base_s >= HOPELESS * itl_slo_s:
        return U_MAX
    return max(U_MIN, min(U_MAX, 1.0 - base_s / itl_slo_s))


def memory_rate(
    mix: Mix, request_s: float, base_s: float, kv_tokens: float | None, seats: float | None
) -> float:
    """Largest λ of one replica by KV tokens and by seats (requests/s; inf when unknown)."""
    held_s = mix.output_tokens * base_s
    rate = math.inf
    if kv_tokens is not None and kv_tokens > 0.0:
        rate = kv_tokens / max(held_s * mix.context_tokens + request_s * kv_tokens, 1e-12)
    if seats is not None and seats > 0.0:
        rate = min(rate, seats / max(held_s + request_s * seats, 1e-12))
    return rate


def patience(step: StepTime, mix: Mix, ttft_slo_s: float) -> tuple[float, bool]:
    """(seconds that a prompt may queue, whether the objective is hopeless for the mean prompt).

    The objective of a request is max(SLO, 2 × what an idle engine needs) (design 5.6). It is hopeless as
    stated when the
    idle engine alone exceeds it.
    """
    own_s = step.base_s + step.prefill_s * mix.computed_tokens
    idle_s = step.base_s + step.prefill_s * mix.prompt_tokens
    allowed_s = max(ttft_slo_s, 2.0 * idle_s)
    return allowed_s - own_s, own_s > ttft_slo_s


def _queue_fits(x: float, work: float, cap: Capacity) -> bool:
    """Whether ``x`` replicas keep the queue within patience for all but the tail; ``work`` = λ·prefill_s."""
    rho = work / x
    if rho >= 1.0:
        return False
    pool = x if cap.pooled and x > 1.0 else 1.0
    busy: float = rho ** (math.sqrt(2.0 * (pool + 1.0)) - 1.0)
    if busy <= cap.tail:
        return True
    wait_s = cap.prefill_s * cap.dispersion / (2.0 * pool * (1.0 - rho))
    return busy * math.exp(-cap.patience_s / max(wait_s, 1e-9)) <= cap.tail


def _for_queue(work: float, cap: Capacity, low: float) -> float:
    """Smallest number of replicas from ``low`` on whose queue fits (within 0.5 %)."""
    low = max(low, work)
    if low <= 0.0 or _queue_fits(low * 1.000001, work, cap):
        return low
    high = low * 1.25 + 0.05
    while not _queue_fits(high, work, cap):
        low, high = high, high * 1.5
        if high > 1e7:
            return high
    while high - low > 0.005 * high:
        middle = (low + high) / 2.0
        if _queue_fits(middle, work, cap):
            high = middle
        else:
            low = middle
    return high


def replicas(rate_per_s: float, cap: Capacity) -> float:
    """Replicas that carry ``rate_per_s`` of this mix exactly at the objective (unrounded, no headroom)."""
    if rate_per_s <= 0.0:
        return 0.0
    x = max(rate_per_s * cap.request_s / cap.itl_utilization, rate_per_s / cap.memory_rate)
    if math.isfinite(cap.patience_s) and cap.prefill_s > 0.0:
        x = _for_queue(rate_per_s * cap.prefill_s, cap, x)
    return x / cap.sigma
