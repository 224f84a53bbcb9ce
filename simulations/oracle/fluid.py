"""A coarse search that needs no plant: lives of replicas against a fluid queue, thousands of tries a second.

Work flows in as the demand profile says, each ready replica takes away 1/headroom of a replica's work, and
who arrives while the wait is longer than the TTFT limit misses. What comes out has the right shape; how
much headroom makes it true is for the plant to say.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from simulations.oracle.candidates import Life
from simulations.oracle.demand_profile import smoothed
from simulations.oracle.schedules import Steps, closed, from_bins, from_lives, lives

_PRICES = 7
_TRIES = 500
"""Changes tried at each price of a miss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inflow:
    """What the fluid knows, by bin."""

    busy: Sequence[float]
    """Replicas that the work of the bin keeps busy."""
    arrivals: Sequence[int]
    bin_us: int
    end_us: int
    patience_s: float
    """Waits up to this long do not miss."""
    fewest: int
    most: int
    start_us: int


def coarse(inflow: Inflow, headroom: float, misses: int, rng: random.Random) -> Steps:
    """Ready replicas over time: cheap, and with at most ``misses`` in the fluid, or as few as it can."""
    climb = _Climb(inflow, headroom, rng)
    low, high = 0.0, float(inflow.start_us)
    climb.descend(high, 2 * _TRIES)
    allowed = max(misses, math.ceil(1.02 * climb.misses))
    best = climb.steps()
    for _ in range(_PRICES):
        price = high / 30 if low == 0.0 else math.sqrt(low * high)
        climb.descend(price, _TRIES)
        if climb.misses <= allowed:
            high, best = price, climb.steps()
        else:
            low = price
    return best


class _Climb:
    """A set of lives beyond ``fewest``, improved change by change."""

    def __init__(self, inflow: Inflow, headroom: float, rng: random.Random) -> None:
        self._in, self._headroom, self._rng = inflow, headroom, rng
        window = max(1, round(inflow.start_us / inflow.bin_us / 8))
        wanted = from_bins(
            [
                min(inflow.most, max(inflow.fewest, math.ceil(headroom * busy)))
                for busy in smoothed(inflow.busy, window)
            ],
            inflow.bin_us,
        )
        first = lives(closed(wanted, inflow.start_us, inflow.end_us), inflow.end_us)
        self._lives = [life for life in first if life[0] > inflow.fewest]
        self._ready = [float(inflow.fewest)] * len(inflow.busy)
        self._cost = 0
        for life in self._lives:
            self._add(life, 1)
        self.misses = self._flow()

    def steps(self) -> Steps:
        """The lives as a schedule of ready replicas."""
        floor = [(level, 0, self._in.end_us) for level in range(1, self._in.fewest + 1)]
        return from_lives([*floor, *self._lives], self._in.end_us)

    def descend(self, price: float, tries: int) -> None:
        """Keep changes that lower cost + ``price`` · misses."""
        for _ in range(tries):
            at, changed = self._proposal()
            before_cost, before_misses = self._cost, self.misses
            old = self._lives[at] if at < len(self._lives) else None
            self._swap(old, changed)
            self.misses = self._flow()
            if self._cost + price * self.misses < before_cost + price * before_misses:
                self._keep(at, changed)
            else:
                self._swap(changed, old)
                self.misses = before_misses

    def _proposal(self) -> tuple[int, Life | None]:
        """(number of a life or one past the last, what it becomes; None: it goes)."""
        rng, end_us, count = self._rng, self._in.end_us, len(self._lives)
        if not count or rng.random() < 0.1:
            start = rng.randrange(end_us)
            return count, (1, start, min(end_us, start + round(rng.expovariate(1 / (2 * self._in.start_us)))))
        at = rng.randrange(count)
        level, start, stop = self._lives[at]
        kind, by = rng.random(), round(rng.choice((1, -1)) * rng.expovariate(1 / 40e6))
        if kind < 0.1:
            return at, None
        if kind < 0.55:
            return at, (level, min(max(0, start + by), stop), stop)
        return at, (level, start, max(start, min(end_us, stop + by)))

    def _keep(self, at: int, changed: Life | None) -> None:
        if changed is None:
            self._lives.pop(at)
        elif at == len(self._lives):
            self._lives.append(changed)
        else:
            self._lives[at] = changed

    def _swap(self, old: Life | None, new: Life | None) -> None:
        if old is not None:
            self._add(old, -1)
        if new is not None:
            self._add(new, 1)

    def _add(self, life: Life, sign: int) -> None:
        """Count a life in or out: its readiness by bin, and its cost with the start."""
        _, start, stop = life
        start = max(start, self._in.start_us)  # nobody can be ready earlier
        if stop <= start:
            return
        self._cost += sign * (stop - start + self._in.start_us)
        bin_us, ready = self._in.bin_us, self._ready
        first, last = start // bin_us, min((stop - 1) // bin_us, len(ready) - 1)
        if first == last:
            ready[first] += sign * (stop - start) / bin_us
            return
        ready[first] += sign * ((first + 1) * bin_us - start) / bin_us
        ready[last] += sign * (stop - last * bin_us) / bin_us
        for at in range(first + 1, last):
            ready[at] += sign

    def _flow(self) -> float:
        """Misses of the fluid with these replicas."""
        inflow, backlog, missed = self._in, 0.0, 0.0
        share, bin_s, patience_s = 1 / self._headroom, inflow.bin_us / 1e6, inflow.patience_s
        most = inflow.most
        for ready, busy, arrivals in zip(self._ready, inflow.busy, inflow.arrivals, strict=True):
            rate = (ready if ready < most else most) * share
            before = backlog
            backlog += (busy - rate) * bin_s
            if backlog <= 0.0:
                backlog = 0.0
                if before == 0.0:
                    continue
            late = (before + backlog) / 2 - patience_s * rate
            if late > 0.0:
                missed += arrivals * min(1.0, late / (patience_s * rate + 1e-9))
        return missed
