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

from scaler.decision.linear import Factor, Four, Upper, factor, solve, solve_nonnegative
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
    information: Upper
    """Upper triangle of the sum of f·f'/T² with f = (1, P, B, K)."""
    moment: Four
    """The sum of f/T."""


EMPTY = Fit(0.0, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0))


class Estimate(NamedTuple):
    """What the fit believes now."""

    step: StepTime
    factor: Factor
    """Of the posterior's information in units of the prior's mean, for :func:`spread`."""
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


def scaled(fit: Fit, share: float) -> Fit:
    """A share of the evidence."""
    a, b, c, d, e, f, g, h, i, j = (share * value for value in fit.information)
    k, m, n, o = (share * value for value in fit.moment)
    return Fit(share * fit.weight, (a, b, c, d, e, f, g, h, i, j), (k, m, n, o))


def estimate(fit: Fit, belief: Belief) -> Estimate:
    """The step time that prior and evidence together make likeliest, with no part below zero."""
    s0, s1, s2, s3 = scale = belief.mean
    i0, i1, i2, i3, i4, i5, i6, i7, i8, i9 = fit.information
    m0, m1, m2, m3 = fit.moment
    c0, c1, c2, c3 = (1.0 / spread**2 for spread in belief.spread)
    matrix: Upper = (
        _UNIT * s0 * s0 * i0 + c0,
        _UNIT * s0 * s1 * i1,
        _UNIT * s0 * s2 * i2,
        _UNIT * s0 * s3 * i3,
        _UNIT * s1 * s1 * i4 + c1,
        _UNIT * s1 * s2 * i5,
        _UNIT * s1 * s3 * i6,
        _UNIT * s2 * s2 * i7 + c2,
        _UNIT * s2 * s3 * i8,
        _UNIT * s3 * s3 * i9 + c3,
    )
    factored = factor(matrix)
    right = (_UNIT * s0 * m0 + c0, _UNIT * s1 * m1 + c1, _UNIT * s2 * m2 + c2, _UNIT * s3 * m3 + c3)
    x0, x1, x2, x3 = solve_nonnegative(matrix, factored, right)
    return Estimate(StepTime(x0 * s0, x1 * s1, x2 * s2, x3 * s3), factored, scale, fit.weight)


def spread(estimate: Estimate, parts: StepTime) -> float:
    """Standard deviation (s) of ``parts · step``: how sure the fit is of a sum of its parts."""
    s0, s1, s2, s3 = estimate.scale
    p0, p1, p2, p3 = parts
    w = (p0 * s0, p1 * s1, p2 * s2, p3 * s3)
    z = solve(estimate.factor, w)
    variance = w[0] * z[0] + w[1] * z[1] + w[2] * z[2] + w[3] * z[3]
    return math.sqrt(variance) if variance > 0.0 else 0.0
