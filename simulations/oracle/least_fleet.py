"""The least GPU time of any fleet that does a given amount of certain work in each window of time.

The relaxation that ``simulations.lower_bound`` rests on, without requests, engines or clocks: its proof is in
design note 0007. All times are seconds of one replica.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

_COARSE, _FINE = 10, 10
"""Prices of a miss that are tried: a grid over the whole range, then a golden section around its best
point."""

_GOLDEN = (math.sqrt(5) - 1) / 2

Spans = list[list[float]]
"""[a][b], a <= b, levels counted from the floor: least cost of a window that begins at one of the two levels
and ends at the other, before what a fall spares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time, and what is certain to be done inside it. Windows follow each other without a
    gap."""

    length_s: float
    works_s: tuple[float, ...]
    """Replica-seconds that each request costs in this window if it is good, whoever serves it; largest first.
    A request is in at most one window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What binds every fleet."""

    floor: int
    """Replicas at the beginning, and the fewest at any time."""
    start_s: float
    """Seconds that a new replica costs before it can work."""
    misses: int
    """Requests that need not be good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """A bound, and the price of a miss that proved it."""

    replica_s: float
    price_s: float


def least_fleet(windows: Sequence[Window], rules: Rules) -> Least:
    """Replica-seconds, starts included, that every fleet pays that serves all requests but ``rules.misses``.

    Each price v >= 0 of a miss proves min over fleets of (cost + v · misses) - v · allowed (Lagrange): which
    prices are tried decides how good the bound is, never whether it holds.
    """
    works = [Work(window) for window in windows]
    # More replicas than the busiest window needs when nothing is missed help nowhere in this relaxation.
    fleets = Fleets(rules, max((work.most_replicas for work in works), default=0))
    if rules.misses == 0:
        whole = sum(work.left_s[0] + work.length_s * fleets.top for work in works)
        beyond_all = 2 * whole + 2 * fleets.top * rules.start_s * len(works) + 1.0
        return fleets.bound(works, beyond_all)
    low, high = _price_range(windows, rules)
    tried = [fleets.bound(works, 0.0)]

    def value(log_price: float) -> float:
        tried.append(fleets.bound(works, math.exp(log_price)))
        return tried[-1].replica_s

    _climb(value, math.log(low), math.log(high))
    return max(tried, key=lambda least: least.replica_s)


def _price_range(windows: Sequence[Window], rules: Rules) -> tuple[float, float]:
    """From a thousandth of the mean work to a whole replica through the longest window, with its start."""
    works = [work for window in windows for work in window.works_s if work > 0]
    if not works:
        return 1e-3, 1.0
    longest = max(window.length_s for window in windows)
    return sum(works) / len(works) / 1000, longest + rules.start_s + max(works)


def _climb(value: Callable[[float], float], low: float, high: float) -> None:
    """Try where a concave function is largest: a grid, then a golden section around its best point."""
    step = (high - low) / (_COARSE - 1)
    grid = [value(low + i * step) for i in range(_COARSE)]
    best = max(range(_COARSE), key=grid.__getitem__)
    a, b = low + max(0, best - 1) * step, low + min(_COARSE - 1, best + 1) * step
    left, right = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    at_left, at_right = value(left), value(right)
    for _ in range(_FINE):
        if at_left >= at_right:
            b, right, at_right = right, left, at_left
            left = b - _GOLDEN * (b - a)
            at_left = value(left)
        else:
            a, left, at_left = left, right, at_right
            right = a + _GOLDEN * (b - a)
            at_right = value(right)


class Fleets:
    """A dynamic program over windows; its state is the number of replicas at a window's border."""

    def __init__(self, rules: Rules, most: int) -> None:
        self._rules = rules
        self.top = max(rules.floor, most)
        """The most replicas that are looked at. A bound needs as many as the busiest window does."""
        self._levels = self.top - rules.floor + 1

    def bound(self, works: Sequence["Work"], price_s: float) -> Least:
        """The bound that this price of a miss proves."""
        value = self.begin()
        for work in works:
            value = self.after(value, self.spans(work, price_s))
        return Least(replica_s=min(value) - price_s * self._rules.misses, price_s=price_s)

    def begin(self) -> list[float]:
        """Least cost before the first window of having each number of replicas there."""
        return [self._rules.start_s * level for level in range(self._levels)]

    def end(self) -> list[float]:
        """Least cost after the last window."""
        return [0.0] * self._levels

    def after(self, value: Sequence[float], spans: Spans) -> list[float]:
        """Least cost up to the end of a window, by the replicas there; ``value`` is that up to its
        beginning."""
        start_s, levels, result = self._rules.start_s, range(self._levels), []
        for out in levels:
            row = spans[out]
            rising = min(value[into] + spans[into][out] for into in range(out + 1))
            falling = min(
                (value[into] + row[into] - start_s * (into - out) for into in levels[out + 1 :]),
                default=math.inf,
            )
            result.append(min(rising, falling))
        return result

    def before(self, value: Sequence[float], spans: Spans) -> list[float]:
        """Least cost from the beginning of a window on; ``value`` is that from its end on."""
        start_s, levels, result = self._rules.start_s, range(self._levels), []
        for into in levels:
            row = spans[into]
            rising = min(value[out] + row[out] for out in levels[into:])
            falling = min(
                (value[out] + spans[out][into] - start_s * (into - out) for out in range(into)),
                default=math.inf,
            )
            result.append(min(rising, falling))
        return result

    def spans(self, work: "Work", price_s: float) -> Spans:
        """Costs of one window by the levels at its borders.

        A window from R to R' with lowest level m and highest M has at least M - m rises, less those that
        R > R' spares: (M - R) + (R' - m) when the highest comes first.
        """
        floor, start_s, levels = self._rules.floor, self._rules.start_s, self._levels
        forced = [work.forced_drops(floor + level) for level in range(levels)]
        spans = [[math.inf] * levels for _ in range(levels)]
        for low in range(levels):
            row, below = spans[low], spans[low - 1] if low else None
            chosen = work.best_drops(floor + low, price_s)
            best = math.inf
            for high in range(levels - 1, low - 1, -1):
                cost = work.cost_s(max(chosen, forced[high]), floor + low, price_s) + start_s * (high - low)
                best = min(best, cost)
                row[high] = best if below is None else min(best, below[high])
        return spans


class Work:
    """One window's works, with what is left after the j largest are missed."""

    def __init__(self, window: Window) -> None:
        self.length_s = window.length_s
        self._works_s = window.works_s
        self._rising_s = [-work for work in window.works_s]
        total = math.fsum(window.works_s)
        self.left_s = [total, *(max(0.0, total - gone) for gone in accumulate(window.works_s))]
        self._falling_s = [-left for left in self.left_s]
        self.most_replicas = math.ceil(total / window.length_s) if window.length_s > 0 else 0

    def forced_drops(self, replicas: int) -> int:
        """Fewest misses with which ``replicas`` throughout the window can do the rest."""
        return min(bisect_left(self._falling_s, -replicas * self.length_s), len(self._works_s))

    def best_drops(self, lowest: int, price_s: float) -> int:
        """Misses that pay at this price when ``lowest`` replicas are there anyhow."""
        worth = bisect_left(self._rising_s, -price_s)
        enough = self.forced_drops(lowest)
        if worth < enough:
            return worth
        if enough and self.left_s[enough - 1] - lowest * self.length_s <= price_s:
            return enough - 1
        return enough

    def cost_s(self, drops: int, lowest: int, price_s: float) -> float:
        """Replica-seconds of the window plus the price of its misses."""
        return max(self.left_s[drops], lowest * self.length_s) + price_s * drops
