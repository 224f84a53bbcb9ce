"""How many replicas carry a load within the objective (goodput capacity, scaling-law 18.3).

Steady state of one replica at λ requests/s, each of I computed prompt tokens and O output tokens over a
context of C tokens: a request stays O steps, so the batch is B = λ·O·T, and T = base + λ·T·(b·I + O·(c +
d·C)),
hence

    T = base / (1 - u),   u = λ·k,   k = b·I + O·(c + d·C)   (seconds of engine time that a request costs).

- KV: B·C <= tokens, so λ <= tokens / (O·C·base + k·tokens).
- ITL: a request's mean over its O tokens must stay within the objective for all but the allowed share. Its
  mean is T; its spread comes from the prompts that happen to be computed meanwhile: the decode of O tokens is
  a busy period that O steps of work begin, with variance O·T·λ·E[S²]/(1-ρ)² (S = b·I, ρ = λ·S; Kleinrock,
  Queueing Systems I, 5.8), of which the exponential tail is taken. Short answers beside long prompts miss
  by this spread alone: 6,000/16 tokens on an H100 holds 50 ms at the 98th percentile at a mean of 12 ms.
- TTFT: queueing + own prefill within the objective for all but the allowed share. Prompts queue for prefill
  as customers for a pool of servers: Sakasegawa's approximation of G/G/m, P(wait) ≈ ρ^(√(2(m+1))-1), with an
  exponential tail. The pool makes one large fleet better than many small ones.

Example, H100 with 8B (base 6 ms, b 20 µs, c 10 µs, d 40 ns), 1,000 in / 250 out: k = 20 + 250·(10 + 45) µs =
34 ms; an ITL of 50 ms allows u = 0.88, so about 26 requests/s a replica.
"""

import math
from typing import NamedTuple

from scaler.decision.roofline import StepTime

U_MAX = 0.92
"""Utilisation of engine time never planned beyond: T grows as 1/(1-u), whatever the objective."""
U_MIN = 0.1
"""Below it the objective costs ten times the work itself: nearly hopeless, and the fit is not that exact."""
HOPELESS = 0.95
"""An idle step beyond this share of the ITL objective: no number of replicas brings it under."""


class Mix(NamedTuple):
    """The mean request of the present load."""

    prompt_tokens: float
    computed_tokens: float
    """Prompt tokens that the GPU works on: without the prefix cache's share."""
    output_tokens: float
    prompt_spread: float = 1.0
    """Squared coefficient of variation of prompt sizes."""

    @property
    def context_tokens(self) -> float:
        """KV tokens of a request, averaged over its life."""
        return self.prompt_tokens + self.output_tokens / 2.0


class Capacity(NamedTuple):
    """One replica under one mix; :func:`replicas` says how many a load needs."""

    request_s: float
    """Engine time that one request costs, with caution for what is not known yet."""
    prefill_s: float
    """Its share that is prefill."""
    base_s: float
    """An idle step, less its error: while it may be much shorter, the ITL objective binds less. A guess on
    its way
    up to a base near the objective would else ask for 1/(1 - base/SLO) times the work."""
    output_tokens: float
    prompt_spread: float
    dispersion: float
    """Variance over mean of the fleet's arrivals in 5 s."""
    itl_slo_s: float
    """inf when its terms are off."""
    patience_s: float
    """Time that a prompt may queue; inf when the terms of the TTFT are off."""
    batch_rate: float
    """Largest λ by KV tokens and seats; inf when not known."""
    tail: float
    """Share of requests that may miss."""
    pooled: bool
    sigma: float
    """Residual: measured goodput over the model's."""
    itl_proven: bool
    """False while the error of the idle step matters beside its distance from the ITL objective."""
    known: bool
    """False while the fit says little: capacity must not decide yet."""
    ttft_hopeless: bool
    """An idle engine needs longer than the objective for the mean prompt."""


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


def memory_rate(mix: Mix, request_s: float, base_s: float, kv_tokens: float | None) -> float:
    """Largest λ of one replica by KV tokens (requests/s; inf when not known)."""
    if not kv_tokens:
        return math.inf
    return kv_tokens / max(mix.output_tokens * base_s * mix.context_tokens + request_s * kv_tokens, 1e-12)


def seat_rate(mix: Mix, request_s: float, base_s: float, seats: float | None) -> float:
    """Largest λ of one replica by its seats (vLLM's ``max_num_seqs``; inf when not known).

    B <= seats and B = λ·O·base/(1-λ·k), so λ <= seats / (O·base + k·seats): 16 seats, 500 tokens at 13 ms,
    k = 20 ms: 2.3 requests/s.
    """
    if not seats:
        return math.inf
    return seats / max(mix.output_tokens * base_s + request_s * seats, 1e-12)


def patience(step: StepTime, mix: Mix, ttft_slo_s: float) -> tuple[float, bool]:
    """(seconds that a prompt may queue, whether the objective is hopeless for the mean prompt).

    A request's objective is max(SLO, 2 × what an idle engine needs) (design 5.6); it is hopeless as stated
    when
    the idle engine alone exceeds it.
    """
    own_s = step.base_s + step.prefill_s * mix.computed_tokens
    idle_s = step.base_s + step.prefill_s * mix.prompt_tokens
    allowed_s = max(ttft_slo_s, 2.0 * idle_s)
    return allowed_s - own_s, own_s > ttft_slo_s


def itl_hopeless(cap: Capacity) -> bool:
    """Whether the ITL objective binds nothing, since no fleet can meet it (or its terms are off)."""
    return cap.base_s >= HOPELESS * cap.itl_slo_s or math.isinf(cap.itl_slo_s)


def _tokens_fit(x: float, rate: float, rho: float, pool: float, cap: Capacity) -> bool:
    """Whether ``x`` replicas keep the mean ITL of all but the tail of requests within the objective."""
    u = rate * cap.request_s / x
    if u <= U_MIN:
        return True
    mean_s = cap.base_s / (1.0 - u)
    spread = cap.dispersion / pool + cap.prompt_spread
    tokens = max(1.0, cap.output_tokens / 2.0)  # the tail is made of the shorter answers
    variance = mean_s * (rate / x) * cap.prefill_s * cap.prefill_s * spread / ((1.0 - rho) ** 2 * tokens)
    return mean_s + math.sqrt(variance) * (-math.log(cap.tail) - 1.0) <= cap.itl_slo_s


def _queue_fits(rho: float, pool: float, cap: Capacity) -> bool:
    """Whether prompts queue within patience for all but the tail."""
    busy: float = rho ** (math.sqrt(2.0 * (pool + 1.0)) - 1.0)
    if busy <= cap.tail:
        return True
    wait_s = cap.prefill_s * (cap.dispersion + cap.prompt_spread) / (2.0 * pool * (1.0 - rho))
    return busy * math.exp(-cap.patience_s / max(wait_s, 1e-9)) <= cap.tail


def _fits(x: float, rate: float, cap: Capacity, itl_off: bool) -> bool:
    rho = rate * cap.prefill_s / x
    if rho >= 1.0:
        return False
    pool = x if cap.pooled and x > 1.0 else 1.0
    return (itl_off or _tokens_fit(x, rate, rho, pool, cap)) and _queue_fits(rho, pool, cap)


def replicas(rate_per_s: float, cap: Capacity) -> float:
    """Replicas that carry ``rate_per_s`` of this mix exactly at the objective (unrounded, no headroom).

    The smallest that fits, found by bisection (within 1 %): monotone in the rate, since more load never fits
    on fewer replicas.
    """
    if rate_per_s <= 0.0:
        return 0.0
    itl_off = itl_hopeless(cap)
    low = max(rate_per_s * cap.request_s / U_MAX, rate_per_s / cap.batch_rate)
    if _fits(low, rate_per_s, cap, itl_off):
        return low / cap.sigma
    high = low * 1.25 + 0.02
    while not _fits(high, rate_per_s, cap, itl_off):
        low, high = high, high * 1.5
    while high - low > 0.01 * high:
        middle = (low + high) / 2.0
        if _fits(middle, rate_per_s, cap, itl_off):
            high = middle
        else:
            low = middle
    return high / cap.sigma
