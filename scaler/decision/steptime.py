"""The step time of one engine configuration, fitted online (scaling-law 18.3).

``T = base + prefill·P + sequence·B + context·K`` with P prompt tokens computed, B sequences running and K KV
tokens read in a step. Observed from scrape differences alone: the mean inter-token latency is the step time
averaged over decode tokens. Bayesian: the prior never leaves, evidence fades with a half-life in
observations,
errors are relative (a model error of 20 % a tick, not noise: ticks agree with each other), parts are never
negative.
"""

import math
from typing import NamedTuple

from scaler.decision.linear import solve, solve_nonnegative, unpack
from scaler.decision.roofline import Belief, StepTime

RELATIVE_ERROR = 0.20
"""Standard deviation of one observation: the model's own error, which repeats from tick to tick."""
MEMORY = 360.0
"""Observations remembered (time constant): half an hour of 5-s ticks under load; idle hours forget
nothing."""
_KEEP = math.exp(-1.0 / MEMORY)
_UNIT = 1.0 / RELATIVE_ERROR**2


class Fit(NamedTuple):
    """Evidence about one configuration: normal equations of observations scaled to 1."""

    weight: float
    information: tuple[float, ...]
    """Upper triangle of the sum of f·f'/T² with f = (1, P, B, K)."""
    moment: tuple[float, ...]
    """The sum of f/T."""


EMPTY = Fit(0.0, (0.0,) * 10, (0.0,) * 4)


class Estimate(NamedTuple):
    """What the fit believes now."""

    step: StepTime
    matrix: tuple[tuple[float, ...], ...]
    """Posterior information in units of the prior's mean, for :func:`spread`."""
    scale: StepTime
    """The prior's mean: parts are fitted as multiples of it."""
    weight: float


def learn(
    fit: Fit, prefill: float, sequences: float, context: float, step_s: float, trust: float = 1.0
) -> Fit:
    """Add one observed step time (s) of ``prefill`` tokens, ``sequences`` and ``context`` KV tokens.

    ``trust`` below 1 is an observation with a larger error.
    """
    keep = 1.0 - (1.0 - _KEEP) * trust
    one, p, b, k = 1.0 / step_s, prefill / step_s, sequences / step_s, context / step_s
    w = trust
    i0, i1, i2, i3, i4, i5, i6, i7, i8, i9 = fit.information
    m0, m1, m2, m3 = fit.moment
    information = (
        keep * i0 + w * one * one,
        keep * i1 + w * one * p,
        keep * i2 + w * one * b,
        keep * i3 + w * one * k,
        keep * i4 + w * p * p,
        keep * i5 + w * p * b,
        keep * i6 + w * p * k,
        keep * i7 + w * b * b,
        keep * i8 + w * b * k,
        keep * i9 + w * k * k,
    )
    moment = (keep * m0 + w * one, keep * m1 + w * p, keep * m2 + w * b, keep * m3 + w * k)
    return Fit(keep * fit.weight + w, information, moment)


def estimate(fit: Fit, belief: Belief) -> Estimate:
    """The step time that prior and evidence together make likeliest, with no part below zero."""
    scale = belief.mean
    matrix = unpack(fit.information)
    moment = fit.moment
    scaled = [[_UNIT * scale[i] * scale[j] * matrix[i][j] for j in range(4)] for i in range(4)]
    right = [_UNIT * scale[i] * moment[i] for i in range(4)]
    for i in range(4):
        certainty = 1.0 / belief.spread[i] ** 2
        scaled[i][i] += certainty
        right[i] += certainty
    multiple = solve_nonnegative(scaled, right)
    step = StepTime(*(multiple[i] * scale[i] for i in range(4)))
    return Estimate(step, tuple(map(tuple, scaled)), scale, fit.weight)


def spread(estimate: Estimate, parts: StepTime) -> float:
    """Standard deviation (s) of ``parts · step``: how sure the fit is of a sum of its parts."""
    w = [parts[i] * estimate.scale[i] for i in range(4)]
    z = solve([list(row) for row in estimate.matrix], w)
    variance = sum(w[i] * z[i] for i in range(4))
    return math.sqrt(variance) if variance > 0.0 else 0.0
