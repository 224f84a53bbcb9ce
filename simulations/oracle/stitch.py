"""Put a schedule together from the best stretches of schedules that were played.

A dynamic program over bins. Its state is the trial that the fleet follows; changing to another trial costs
the starts of the replicas that it has more, and puts at risk the requests that wait in the one and not in
the other. A price on misses (Lagrange) decides where the misses that are allowed are spent. What comes out
is a prediction: only a run of the plant counts.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from simulations.oracle.evaluate import Trial
from simulations.oracle.schedules import Steps, normal

_HALVINGS = 14
_FRICTION = 0.2
"""A change of trials must save this share of a start: else the luck of single bins would be picked from all
of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule of ready replicas, and what the trials that it is made of say that it will come to."""

    wanted: Steps
    cost_us: float
    misses: float


class Stitcher:
    """Plans over one set of trials; ``replica_us`` are replica times, GPUs come in later."""

    def __init__(self, trials: Sequence[Trial], bin_us: int, start_us: int, risk: float) -> None:
        self._trials = trials
        self._bin_us, self._start_us, self._risk = bin_us, start_us, risk
        self._bins = len(trials[0].missed)
        self._begins = [_sampled(trial.ready, bin_us, self._bins, 0) for trial in trials]
        self._ends = [_sampled(trial.ready, bin_us, self._bins, bin_us - 1) for trial in trials]
        self._costs = [
            [held + started for held, started in zip(t.held_us, t.started_us, strict=True)] for t in trials
        ]

    def plan(self, misses: float) -> Plan:
        """The cheapest plan that is predicted to miss at most ``misses``, or the one that misses least."""
        low, high = 0.0, 4.0 * self._start_us
        best = self._priced(high)
        while best.misses > misses and high < 1e13:
            low, high = high, high * 8
            best = self._priced(high)
        for _ in range(_HALVINGS):
            price = (low + high) / 2
            tried = self._priced(price)
            if tried.misses > misses:
                low = price
            else:
                high = price
                if best.misses > misses or tried.cost_us <= best.cost_us:
                    best = tried
        return best

    def _priced(self, price: float) -> Plan:
        trials, bins = self._trials, self._bins
        count = len(trials)
        value = [self._bin_cost(k, 0, price) for k in range(count)]
        came_from: list[list[int]] = []
        for at in range(1, bins):
            value, origin = self._advance(value, at, price)
            came_from.append(origin)
        k = min(range(count), key=value.__getitem__)
        path = [k]
        for origin in reversed(came_from):
            k = origin[k]
            path.append(k)
        path.reverse()
        return self._follow(path)

    def _bin_cost(self, k: int, at: int, price: float) -> float:
        return self._costs[k][at] + price * self._trials[k].missed[at]

    def _advance(self, value: list[float], at: int, price: float) -> tuple[list[float], list[int]]:
        """Least cost of being at the end of bin ``at`` in each trial, and the trial before."""
        count = len(value)
        ends = [row[at - 1] for row in self._ends]
        waits = [trial.waiting[at] for trial in self._trials]
        start_us, risk = self._start_us, price * self._risk
        friction = _FRICTION * start_us
        order = sorted(range(count), key=value.__getitem__)
        result, origin = [], []
        for k in range(count):
            begin, wait = self._begins[k][at], waits[k]
            best, source = value[k], k
            for j in order:
                cost = value[j] + friction
                if cost >= best:
                    break
                if ends[j] < begin:
                    cost += start_us * (begin - ends[j])
                if waits[j] > wait:
                    cost += risk * (waits[j] - wait)
                if cost < best:
                    best, source = cost, j
            result.append(best + self._bin_cost(k, at, price))
            origin.append(source)
        return result, origin

    def _follow(self, path: Sequence[int]) -> Plan:
        cost = misses = 0.0
        pieces: list[tuple[int, int]] = []
        for at, k in enumerate(path):
            cost += self._costs[k][at]
            misses += self._trials[k].missed[at]
            pieces += _piece(self._trials[k].wanted, at * self._bin_us, (at + 1) * self._bin_us)
            if at and path[at - 1] != k:
                before = path[at - 1]
                cost += self._start_us * max(0, self._begins[k][at] - self._ends[before][at - 1])
                misses += self._risk * max(0, self._trials[before].waiting[at] - self._trials[k].waiting[at])
        return Plan(wanted=normal(pieces), cost_us=cost, misses=misses)


def _sampled(steps: Steps, bin_us: int, bins: int, offset_us: int) -> list[int]:
    times = [t_us for t_us, _ in steps]
    return [steps[bisect_right(times, at * bin_us + offset_us) - 1][1] for at in range(bins)]


def _piece(steps: Steps, from_us: int, to_us: int) -> list[tuple[int, int]]:
    """The part of a step function within [from, to), its value at ``from_us`` first."""
    first = bisect_right(steps, (from_us, 1 << 62)) - 1
    piece = [(from_us, steps[first][1])]
    for t_us, value in steps[first + 1 :]:
        if t_us >= to_us:
            break
        piece.append((t_us, value))
    return piece
