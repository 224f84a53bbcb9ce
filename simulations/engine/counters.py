"""The engine's own metrics: counters and histograms as vLLM exposes them (0.19-0.32 names, without the
prefix)."""

from bisect import bisect_left
from itertools import accumulate
from math import inf

from scaler.decision.model import Histogram

# Bucket bounds as a real vLLM 0.32 exposes them (`/metrics` of `vllm serve`), in seconds.
TTFT_LE_S = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
    1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
)  # fmt: skip
ITL_LE_S = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
)  # fmt: skip
QUEUE_LE_S = (
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0,
    40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0,
)  # fmt: skip

_BEYOND = 1 << 80
"""Whole units that no observation reaches: the bound of the last bucket."""


class Buckets:
    """A histogram that is filled in whole units and read out as Prometheus would show it."""

    __slots__ = ("counts", "le", "le_s", "sum", "units_per_s")

    def __init__(self, le_s: tuple[float, ...], units_per_s: int) -> None:
        self.le_s = le_s
        self.units_per_s = units_per_s
        self.le = (*(round(bound * units_per_s) for bound in le_s), _BEYOND)
        self.counts = [0] * (len(le_s) + 1)
        self.sum = 0

    def observe(self, value: int) -> None:
        """One observation in whole units."""
        self.counts[bisect_left(self.le, value)] += 1
        self.sum += value

    def snapshot(self) -> Histogram:
        """Cumulative counts, the last one over everything."""
        return Histogram(
            le=(*self.le_s, inf),
            counts=tuple(float(total) for total in accumulate(self.counts)),
            sum=self.sum / self.units_per_s,
        )


def observe_run(buckets: Buckets, first: int, inc: int, steps: int, weight: int) -> None:
    """Observe, ``weight`` times each, the ``steps`` values ``first, first+inc, …`` (inc ≥ 0) at once."""
    le, counts = buckets.le, buckets.counts
    last = first + inc * (steps - 1)
    low = bisect_left(le, first)
    done = 0
    while last > le[low]:
        # Values up to the bound stay in this bucket: j ≤ (bound − first) / inc.
        upto = (le[low] - first) // inc + 1
        counts[low] += (upto - done) * weight
        done = upto
        low = bisect_left(le, first + inc * done)
    counts[low] += (steps - done) * weight
    buckets.sum += (first * steps + (inc * steps * (steps - 1) >> 1)) * weight
