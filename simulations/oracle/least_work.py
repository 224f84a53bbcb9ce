"""The least GPU time that a request costs if it meets its SLO, whatever else runs beside it.

Every claim here is a linear function of a request that the engine's step-time formula cannot undercut; design
note 0007 proves it. Times are seconds of one replica.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from simulations.engine.spec import EngineSpec, StepTime
from simulations.scenario import Slo

_PS_PER_S = 1e12
_US_PER_S = 1e6
_SLOPES = 9
"""Tangents of the step-time table that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a set of requests has in it; for one request or summed over many (every field is additive)."""

    prompt_tokens: float = 0.0
    """Prompt tokens that no cache can spare."""
    squared_tokens: float = 0.0
    """Their twice-causal pairs: (end of prompt)² - (first uncached position)²."""
    requests: float = 0.0
    steps: float = 0.0
    """Decode steps: output tokens but the first."""
    context_tokens: float = 0.0
    """Context read by all decode steps."""
    own_context_tokens: float = 0.0
    """The same without what other requests may share: tokens that need KV blocks of their own."""
    first_context_tokens: float = 0.0
    """Decode steps × context of the first one, of requests whose mean ITL is bound by their steps."""
    bound_steps: float = 0.0
    """Decode steps of those requests."""

    def values(self) -> tuple[float, ...]:
        """The fields in their order, for sums over many requests."""
        return (
            self.prompt_tokens,
            self.squared_tokens,
            self.requests,
            self.steps,
            self.context_tokens,
            self.own_context_tokens,
            self.first_context_tokens,
            self.bound_steps,
        )


class Sharing(Enum):
    """Why a step's constant part cannot be shared by arbitrarily many requests."""

    ITL = "each step of a good request is short on average, so it holds few sequences"
    KV = "all contexts of a step fit the KV cache"
    SEATS = "max_num_seqs"
    TOKENS = "max_num_batched_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Seconds per unit of each field of :class:`Facts`, in their order."""

    weights: tuple[float, ...]

    def work_s(self, facts: tuple[float, ...]) -> float:
        """Seconds that ``facts`` (as :meth:`Facts.values`) cost at least."""
        return sum(weight * value for weight, value in zip(self.weights, facts, strict=True))


def claims(spec: EngineSpec, slo: Slo) -> tuple[Claim, ...]:
    """All claims worth trying for this engine: tangents of its step-time table × reasons to share no
    further."""
    itl_s = slo.itl_ms / 1000 + 1 / _US_PER_S  # stamps are floored to whole µs
    found = []
    for slope_ps, constant_ps in _tangents(spec.step.tokens_ps):
        slope_s, constant_s = slope_ps / _PS_PER_S, constant_ps / _PS_PER_S
        found += [_claim(spec, itl_s, slope_s, constant_s, how) for how in _ways(itl_s, constant_s)]
    return tuple(found)


def blind_tokens(step: StepTime) -> int:
    """Context tokens that a decode step cannot be charged for, since a preempted request may make it up for
    less.

    A request that resumes gets its next token from a prompt chunk of c tokens behind p cached ones. That
    costs no less than a decode step over p + c - x tokens if prefill·c + half_pair·c² >= kv·(c - x) for
    every c; the worst c is (kv - prefill) / (2 half_pair). Zero where a prompt token costs as much as a
    context token.
    """
    gap_ps = step.kv_token_ps - step.prefill_token_ps
    if gap_ps <= 0:
        return 0
    if step.half_pair_ps == 0:
        return 1 << 40
    return math.ceil(gap_ps**2 / (4 * step.half_pair_ps * step.kv_token_ps))


def _tangents(tokens_ps: tuple[int, ...]) -> Iterator[tuple[float, float]]:
    """(slope, constant >= 0) of lines that lie nowhere above the table from one token on.

    Worked: a step of max(6 ms, 20 us · T) allows (0, 6 ms), (20 us, 0) and everything between.
    """
    table = tuple(enumerate(tokens_ps))[1:]
    steepest = min(cost / tokens for tokens, cost in table)
    for i in range(_SLOPES):
        slope = steepest * i / (_SLOPES - 1)
        yield slope, max(0.0, min(cost - slope * tokens for tokens, cost in table))


def _ways(itl_s: float, constant_s: float) -> Iterable[Sharing]:
    return [how for how in Sharing if how is not Sharing.ITL or constant_s < itl_s]


def _claim(spec: EngineSpec, itl_s: float, slope_s: float, constant_s: float, how: Sharing) -> Claim:
    step = spec.step
    sequence_s, kv_s = step.sequence_ps / _PS_PER_S, step.kv_token_ps / _PS_PER_S
    prompt = [slope_s + step.prefill_token_ps / _PS_PER_S, step.half_pair_ps / _PS_PER_S, sequence_s]
    decode = [slope_s + sequence_s, kv_s]
    own = first = bound = 0.0
    match how:
        case Sharing.ITL:
            share = constant_s / (itl_s - constant_s)
            first, bound = share * kv_s, share * (slope_s + sequence_s)
        case Sharing.KV:
            own = constant_s / spec.kv_tokens
        case Sharing.SEATS:
            decode[0] += constant_s / spec.max_num_seqs
        case Sharing.TOKENS:
            prompt[0] += constant_s / spec.max_num_batched_tokens
            decode[0] += constant_s / spec.max_num_batched_tokens
    return Claim(weights=(*prompt, *decode, own, first, bound))
