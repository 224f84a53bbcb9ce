"""Paired confidence intervals: the same seed under two policies, difference by difference."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean with its two-sided confidence interval. With one pair there is no interval (None)."""

    mean: float
    low: float | None
    high: float | None
    pairs: int


def paired(differences: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """The mean of paired differences and its t interval; None when there are no pairs.

    mean ± t(n−1) · s / √n (W. S. Gosset, Biometrika 6, 1908). Worked: 1, 2, 3 -> 2 ± 4.303 · 1/√3 = ±2.484.
    """
    n = len(differences)
    if n == 0:
        return None
    mean = math.fsum(differences) / n
    if n == 1:
        return Interval(mean=mean, low=None, high=None, pairs=1)
    variance = math.fsum((d - mean) ** 2 for d in differences) / (n - 1)
    half = student_t(confidence, n - 1) * math.sqrt(variance / n)
    return Interval(mean=mean, low=mean - half, high=mean + half, pairs=n)


def student_t(confidence: float, freedom: int) -> float:
    """The t that a Student variable of ``freedom`` degrees stays within with probability ``confidence``."""
    low, high = 0.0, 1.0
    while _within(high, freedom) < confidence:
        high *= 2
    for _ in range(80):  # halving 80 times exhausts a double
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """P(|T| <= t), in closed form for whole degrees of freedom (Abramowitz & Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2 == 1
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):  # factors (k-1)/k · cos², k = 3, 5 … or 2, 4 …
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
