"""What the laws read from snapshots: sums over pods, sliding windows, rates and quantiles as PromQL has them.

All times are seconds on the axis of ``Snapshot.now_s``. Semantics of rates, staleness and quantiles follow
the Prometheus server (promql/functions.go and promql/quantile.go of prometheus/prometheus), because the
laws under test are written in PromQL or read through it.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from scaler.decision.model import Pod, PodPhase, Samples, Snapshot, Target

Part = TypeVar("Part")
Of = Callable[[Samples], Part | None]
"""Reads one thing off a scrape; None: the engine did not expose it."""
Getter = Of[float]
Vector = tuple[float, ...]

STALE_AFTER_S = 75.0
"""A pod whose newest scrape is older has dropped out of ``sum(...)``. Prometheus drops a series at its first
failed scrape; keeping its last value over a minute's interval favours the rivals, whose sums then do not
dip whenever a scrape is lost."""


def ready_pods(snapshot: Snapshot) -> Iterator[Pod]:
    """Pods behind the Service: what a ServiceMonitor or a gateway counts."""
    return (pod for pod in snapshot.pods if pod.phase is PodPhase.READY)


def ready_count(snapshot: Snapshot) -> int:
    """``kube_deployment_status_replicas_ready``."""
    return sum(1 for _ in ready_pods(snapshot))


def one_target(snapshot: Snapshot) -> Target:
    """The one scale target of the run: none of the rivals' laws knows several."""
    (target,) = snapshot.targets
    return target


def bounded(replicas: float, target: Target) -> int:
    """``replicas`` within the target's bounds, as a controller of its own clamps it."""
    return max(target.min_replicas, min(target.max_replicas, int(replicas)))


def scraped(snapshot: Snapshot, limit_s: float = STALE_AFTER_S) -> Iterator[tuple[Pod, Samples]]:
    """Ready pods with a scrape that Prometheus would still show."""
    for pod in ready_pods(snapshot):
        if pod.samples is not None and pod.samples.age_s <= limit_s:
            yield pod, pod.samples


def total(snapshot: Snapshot, get: Getter) -> float | None:
    """``sum(series)``: over the pods that have it; None where PromQL's result would be empty."""
    values = [value for _, samples in scraped(snapshot) if (value := get(samples)) is not None]
    return sum(values) if values else None


def or_zero(value: float | None) -> float:
    """KEDA's Prometheus scaler turns an empty result into 0 (``ignoreNullValues`` is true by default)."""
    return 0.0 if value is None else value


def running(samples: Samples) -> float | None:
    return samples.running


def waiting(samples: Samples) -> float | None:
    return samples.waiting


def kv_usage(samples: Samples) -> float | None:
    return samples.kv_usage_ratio


def kv_tokens(samples: Samples) -> float | None:
    """Tokens in the KV cache: usage times capacity."""
    if samples.kv_usage_ratio is None or samples.kv_capacity_tokens is None:
        return None
    return samples.kv_usage_ratio * samples.kv_capacity_tokens


class Window:
    """Values of the last ``length_s`` seconds: (now - length, now], as a PromQL range selects."""

    __slots__ = ("_length_s", "_points")

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._points: deque[tuple[float, float]] = deque()

    def add(self, now_s: float, value: float) -> None:
        """Add a value; also forgets what has left the window."""
        self._points.append((now_s, value))
        self.forget(now_s)

    def forget(self, now_s: float) -> None:
        """Drop what is older than the window at ``now_s``."""
        while self._points and self._points[0][0] <= now_s - self._length_s:
            self._points.popleft()

    def mean(self) -> float | None:
        """``avg_over_time``; None when empty."""
        if not self._points:
            return None
        return math.fsum(value for _, value in self._points) / len(self._points)

    def most(self) -> float | None:
        """``max_over_time``; None when empty."""
        return max((value for _, value in self._points), default=None)

    def least(self) -> float | None:
        """``min_over_time``; None when empty."""
        return min((value for _, value in self._points), default=None)


class Counters:
    """Cumulative vectors of every pod over a window: ``sum(rate(x[window]))`` and ``sum(increase(...))``.

    A vector is a tuple of counters that are scraped together (a histogram's buckets, or one counter alone).
    """

    __slots__ = ("_length_s", "_series")

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._series: dict[str, deque[tuple[float, str, Vector]]] = {}

    def observe(self, snapshot: Snapshot, get: Of[Vector]) -> None:
        """Take in the newest scrape of each ready pod, once, and forget what has left the window."""
        for pod, samples in scraped(snapshot):
            self.observe_pod(snapshot.now_s, pod, samples, get)
        self._forget(snapshot.now_s)

    def observe_pod(self, now_s: float, pod: Pod, samples: Samples, get: Of[Vector]) -> None:
        """Take in one pod's scrape, once."""
        vector = get(samples)
        if vector is not None:
            self._append(pod.name, now_s - samples.age_s, samples.start_id, vector)
            self._forget(now_s)

    def _append(self, name: str, at_s: float, start_id: str, vector: Vector) -> None:
        series = self._series.setdefault(name, deque())
        if not series or at_s > series[-1][0] + 1e-6:
            series.append((at_s, start_id, vector))

    def _forget(self, now_s: float) -> None:
        for name in list(self._series):
            series = self._series[name]
            while series and series[0][0] <= now_s - self._length_s:
                series.popleft()
            if not series:
                del self._series[name]

    def rate(self, now_s: float) -> Vector | None:
        """``sum(rate(x[window]))`` per second for each place of the vector; None where it would be empty."""
        parts = [
            part for series in self._series.values() if (part := self._rate_of(series, now_s)) is not None
        ]
        return tuple(math.fsum(column) for column in zip(*parts, strict=True)) if parts else None

    def _rate_of(self, series: deque[tuple[float, str, Vector]], now_s: float) -> Vector | None:
        if len(series) < 2:
            return None
        span_s = series[-1][0] - series[0][0]
        factor = (span_s + self._beyond_s(series, span_s, now_s)) / span_s / self._length_s
        return tuple(grown * factor for grown in _growth(series))

    def _beyond_s(self, series: deque[tuple[float, str, Vector]], span_s: float, now_s: float) -> float:
        """Seconds beyond the first and last sample that PromQL extrapolates to: the edge of the range if that
        is within 1.1 mean intervals, else half an interval."""
        mean_s = span_s / (len(series) - 1)
        edges = (series[0][0] - (now_s - self._length_s), now_s - series[-1][0])
        return sum(edge if edge < 1.1 * mean_s else mean_s / 2 for edge in edges)


def _growth(series: Iterable[tuple[float, str, Vector]]) -> list[float]:
    """Growth over the samples; a restart begins again from zero."""
    grown: list[float] = []
    for (_, before_id, before), (_, after_id, after) in pairwise(series):
        if not grown:
            grown = [0.0] * len(before)
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            reset = before_id != after_id or new < old
            grown[place] += new if reset else new - old
    return grown


def quantile(share: float, le: Sequence[float], cumulative: Sequence[float]) -> float | None:
    """``histogram_quantile``: linear within the bucket; None (NaN there) without observations.

    >>> quantile(0.9, (1.0, 2.0, math.inf), (50.0, 100.0, 100.0))
    1.8
    """
    if not cumulative or cumulative[-1] <= 0.0:
        return None
    rank = share * cumulative[-1]
    place = next(i for i, count in enumerate(cumulative) if count >= rank)
    if place == len(le) - 1:
        return le[-2]  # PromQL answers the highest finite bound for the +Inf bucket
    low, below = (le[place - 1], cumulative[place - 1]) if place else (0.0, 0.0)
    return low + (le[place] - low) * (rank - below) / (cumulative[place] - below)
