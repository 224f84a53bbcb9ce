"""The search: a first family of schedules, then rounds of changes, each round put together and played.

Deterministic, and bounded by the number of runs of the plant. Nothing counts that was not played: the
answer is the cheapest schedule among those played whose misses are allowed.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from simulations.oracle.candidates import earlier, headroom, mended, variations
from simulations.oracle.evaluate import Evaluator, Trial
from simulations.oracle.fluid import Inflow, coarse
from simulations.oracle.schedules import Foresight, Steps, bounded, writes
from simulations.oracle.stitch import Stitcher
from simulations.rng import stream

OnPlay = Callable[[int, int], None]
"""Told (plays so far, budget)."""

_RISKS = (0.3, 0.5, 1.0)
"""Share of the requests that wait in one trial and not in the other that a change between them loses, for
each plan of a round."""
_STEP = 0.6
"""A plan that misses too much is followed by one for fewer misses, but for no less than this share of
them."""
_FACTOR, _MOST_FACTOR, _FACTORS = 1.2, 4.0, 6
"""Multiples of the fluid demand: the first one, the last one, and how many are played (at most a third of
the budget)."""
_SPENT = 0.4
"""Share of the allowed misses that the fluid may spend on purpose: the plant adds some that no fluid
knows."""
_EARLIER_US = 12_000_000
"""How much earlier than the fluid a replica is ready: one that joins under full load gets every arrival
until it has as many requests as the others, and some of them wait too long."""
_SLACK = 1.02
"""Where the target is out of reach: misses allowed, as a multiple of what the whole fleet misses."""
_VARIATIONS = 5
"""Of one schedule, played in each round."""
_SCALES_US = (60_000_000, 30_000_000, 15_000_000, 8_000_000, 4_000_000)
"""Sizes of changes, one after the other."""
_PRICE = 3.0
"""What a miss beyond the allowed ones counts when a schedule is chosen for variation, in mean costs of a
request. Worked: where another 5 % of all requests miss, it counts as 15 % dearer."""
_WORTH = 0.03
"""How much cheaper than the best one, misses counted, a schedule has to be that is varied in its place."""
_MENDINGS = 3
"""Of such a schedule, in each round; they take the place of variations."""
_GAIN = 0.002
"""A round that saves a smaller share is followed by one of the next scale."""


class Search:
    """One search over schedules of ``plant``, for at most ``misses`` missed requests, with ``budget``
    plays."""

    def __init__(
        self, plant: Evaluator, known: Foresight, misses: int, budget: int, on_play: OnPlay | None = None
    ) -> None:
        self._plant, self.known, self._budget, self._on_play = plant, known, budget, on_play
        self.allowed = misses
        """Misses that the search may spend: more than it was told where no schedule can do with so few."""
        self._trials: dict[Steps, Trial] = {}
        self._rng = stream(0, "oracle")

    @property
    def plays(self) -> int:
        """Runs of the plant so far."""
        return len(self._trials)

    @property
    def best(self) -> Trial:
        """The cheapest trial with allowed misses; where there is none, the one that misses least."""
        return min(self._trials.values(), key=self._rank)

    def _rank(self, trial: Trial) -> tuple[int, int, Steps]:
        return (self._over(trial), trial.gpu_us, trial.schedule)

    def run(self, inflow: Inflow, seeds: Sequence[Steps] = ()) -> Trial:
        """Search from the fluid ``inflow`` and from schedules that others used."""
        for seed in seeds:
            self._play(bounded(seed, self.known.fewest, self.known.most))
        if self._floor_does(inflow):
            return self.best
        self._headrooms(inflow)
        self._static()
        self._improve(sum(inflow.arrivals))
        return self.best

    # --- the plant

    def _play(self, schedule: Steps, wanted: Steps | None = None) -> Trial | None:
        """The trial of a schedule; None: it would be a new one, and the budget is spent."""
        known = self._trials.get(schedule)
        if known is not None or self.plays >= self._budget:
            return known
        trial = self._plant.play(schedule)
        if wanted is not None:
            trial = dataclasses.replace(trial, wanted=wanted)
        self._trials[schedule] = trial
        self._learn_starts(trial)
        if self._on_play is not None:
            self._on_play(self.plays, self._budget)
        return trial

    def _learn_starts(self, trial: Trial) -> None:
        known = list(self.known.starts_us)
        for number, start_us in enumerate(trial.starts_us):
            if number >= len(known):
                known.append(start_us or self.known.usual_start_us)
            elif start_us:
                known[number] = start_us
        self.known = dataclasses.replace(self.known, starts_us=tuple(known))

    def _realise(self, wanted: Steps) -> Trial | None:
        return self._play(writes(wanted, self.known, self._plant.end_us), wanted)

    # --- where it begins

    def _floor_does(self, inflow: Inflow) -> bool:
        """Whether the smallest fleet is good enough: nothing is cheaper. Not tried where it cannot be."""
        if sum(inflow.busy) > self.known.fewest * len(inflow.busy):
            return False
        trial = self._play(((0, self.known.fewest),))
        return trial is not None and trial.misses <= self.allowed

    def _headrooms(self, inflow: Inflow) -> None:
        """Multiples of the fluid demand, narrowed down to what just meets the target; then other
        smoothings."""
        bin_us = self._plant.bin_us
        window = max(1, round(self.known.usual_start_us / bin_us / 4))
        low, high, factor = 0.5, math.inf, _FACTOR
        for _ in range(min(_FACTORS, self._budget // 3)):
            wanted = coarse(inflow, factor, round(_SPENT * self.allowed), self._rng)
            trial = self._realise(earlier(wanted, _EARLIER_US, self._plant.end_us))
            if trial is None or trial.misses <= self.allowed:
                high = factor
            elif factor >= _MOST_FACTOR:
                self._relax()
                high = factor
            else:
                low = factor
            factor = math.sqrt(low * high) if high < math.inf else min(_MOST_FACTOR, low * 1.6)
        if self.best.misses > self.allowed:
            self._relax()
        for smooth_bins in (window, window * 4)[: self._budget // 10]:
            self._realise(headroom(inflow.busy, min(high, _MOST_FACTOR), smooth_bins, bin_us))

    def _relax(self) -> None:
        """Where even the whole fleet from the beginning misses more than is allowed, allow what it misses."""
        trial = self._play(((0, self.known.most),))
        if trial is not None and trial.misses > self.allowed:
            self.allowed = math.ceil(trial.misses * _SLACK)

    def _static(self) -> None:
        """The smallest fleet of constant size that is good enough, if one is cheaper than the best
        schedule."""
        mean = self.best.gpu_us / max(1, self._plant.replica_gpus) / self._plant.end_us
        low, high = max(1, self.known.fewest), min(math.ceil(mean) - 1, self.known.most)
        size = high  # mostly that one is too small already, and so are all below it
        while low <= size <= high:
            trial = self._play(((0, size),))
            if trial is None:
                return
            if trial.misses <= self.allowed:
                high = size - 1
            else:
                low = size + 1
            size = (low + high) // 2

    # --- rounds

    def _improve(self, requests: int) -> None:
        """Put together, vary, and again, with smaller changes when the larger ones are spent."""
        self._put_together(list(self._trials.values()), self.allowed)
        price_us = _PRICE * self.best.gpu_us / max(1, requests)
        scales = iter(_SCALES_US)
        scale_us = next(scales, 0)
        while scale_us and self.plays < self._budget:
            base, best = self._base(price_us), self.best
            trials = [base] if base is best else [base, best]
            trials += self._varied(base, scale_us) + self._mended(base, scale_us)
            self._put_together(trials, self.allowed - self._over(base))
            self._static()
            if not (
                self._gained(base, self._base(price_us), price_us) or self._gained(best, self.best, price_us)
            ):
                scale_us = next(scales, 0)

    def _base(self, price_us: float) -> Trial:
        """What to vary: the best, unless a trial that misses too much promises clearly more.

        The best may be a fleet of constant size, with nothing to vary and far from all cheaper schedules.
        """
        best = self.best
        found = min(self._trials.values(), key=lambda t: (self._priced_us(t, price_us), t.schedule))
        worth = self._priced_us(found, price_us) <= (1 - _WORTH) * self._priced_us(best, price_us)
        return found if worth else best

    def _varied(self, base: Trial, scale_us: int) -> list[Trial]:
        """New trials near ``base``."""
        bin_us, end_us, found = self._plant.bin_us, self._plant.end_us, []
        most = _VARIATIONS - _MENDINGS if self._over(base) else _VARIATIONS
        count = min(most, max(1, (self._budget - self.plays) // 2))
        for wanted in variations(base, bin_us, scale_us, end_us, self._rng, count):
            plays = self.plays
            trial = self._realise(wanted)
            found += [trial] if trial is not None and self.plays > plays else []
        return found

    def _mended(self, base: Trial, scale_us: int) -> list[Trial]:
        """``base`` with more and more replicas where it misses, until the target is kept."""
        found = [base]
        while self._over(found[-1]) and len(found) <= _MENDINGS:
            over = self._over(found[-1])
            trial = self._realise(mended(found[-1], over, self._plant.bin_us, scale_us, self._plant.end_us))
            if trial is None:
                break
            found.append(trial)
        return found[1:]

    def _gained(self, before: Trial, after: Trial, price_us: float) -> bool:
        """Whether it saved enough to go on with changes of this size."""
        return self._priced_us(after, price_us) < (1 - _GAIN) * self._priced_us(before, price_us)

    def _priced_us(self, trial: Trial, price_us: float) -> float:
        """GPU time, and ``price_us`` for each miss too many."""
        return trial.gpu_us + price_us * self._over(trial)

    def _over(self, trial: Trial) -> int:
        """Misses beyond those that are allowed."""
        return max(0, trial.misses - self.allowed)

    def _put_together(self, trials: list[Trial], misses: int) -> None:
        """Play plans made of ``trials``, the first one for ``misses``, each corrected by what the one before
        it really missed."""
        target, before = max(_STEP**2 * self.allowed, float(misses)), self.best
        for risk in _RISKS:
            stitcher = Stitcher(trials, self._plant.bin_us, self.known.usual_start_us, risk)
            plays = self.plays
            trial = self._realise(stitcher.plan(target).wanted)
            if trial is None:
                return
            if self.plays == plays:
                target *= _STEP
                continue
            trials.append(trial)
            if self._rank(trial) < self._rank(before):
                break
            target = max(_STEP * target, target - self._over(trial))
