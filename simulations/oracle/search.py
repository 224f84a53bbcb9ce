"""The search: a first family of schedules, then rounds of changes, each round put together and played.

Deterministic, and bounded by the number of runs of the plant. Nothing counts that was not played: the
answer is the cheapest schedule among those played whose misses are allowed.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from simulations.oracle.candidates import earlier, headroom, variations
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
"""Of the best schedule, played in each round."""
_SCALES_US = (60_000_000, 30_000_000, 15_000_000, 8_000_000, 4_000_000)
"""Sizes of changes, one after the other."""
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
        return (max(0, trial.misses - self.allowed), trial.gpu_us, trial.schedule)

    def run(self, inflow: Inflow, seeds: Sequence[Steps] = ()) -> Trial:
        """Search from the fluid ``inflow`` and from schedules that others used."""
        for seed in seeds:
            self._play(bounded(seed, self.known.fewest, self.known.most))
        if self._floor_does(inflow):
            return self.best
        self._headrooms(inflow)
        self._static()
        self._improve()
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

    def _improve(self) -> None:
        """Put together, vary, and again, with smaller changes when the larger ones are spent."""
        self._put_together(list(self._trials.values()))
        scales = iter(_SCALES_US)
        scale_us = next(scales, 0)
        while scale_us and self.plays < self._budget:
            before, plant = self.best, self._plant
            trials = [before]
            count = min(_VARIATIONS, max(1, (self._budget - self.plays) // 2))
            for wanted in variations(before, plant.bin_us, scale_us, plant.end_us, self._rng, count):
                plays = self.plays
                trial = self._realise(wanted)
                trials += [trial] if trial is not None and self.plays > plays else []
            self._put_together(trials)
            self._static()
            if self._rank(self.best)[:2] >= (0, round(before.gpu_us * (1 - _GAIN))):
                scale_us = next(scales, 0)

    def _put_together(self, trials: list[Trial]) -> None:
        """Play plans made of ``trials``, each corrected by what the one before it really missed."""
        target, before = float(self.allowed), self.best
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
            target = max(_STEP * target, target - max(0, trial.misses - self.allowed))
