"""Schedules that are worth playing: headroom over the fluid demand, and small changes of a good schedule."""

import math
import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from simulations.oracle.demand_profile import smoothed
from simulations.oracle.evaluate import Trial
from simulations.oracle.schedules import Steps, from_bins, from_lives, lives

Life = tuple[int, int, int]

_UNTOUCHED = 0.55
"""Share of stretches that one variation leaves alone, so that its changes stay apart and can be told
apart."""
_ADDED = 0.15
"""New stretches in a variation, as a share of those that there are (at least one)."""
_MENDED = 2
"""Places that are mended hold so many times the misses that have to go, since not all of them do go."""


def headroom(demand: Sequence[float], factor: float, smooth_bins: int, bin_us: int) -> Steps:
    """``factor`` times the demand, smoothed, in whole replicas."""
    return from_bins([math.ceil(factor * value - 1e-9) for value in smoothed(demand, smooth_bins)], bin_us)


def earlier(wanted: Steps, by_us: int, end_us: int) -> Steps:
    """Every replica ready ``by_us`` sooner, and given up when it was."""
    return from_lives(
        ((level, max(0, start - by_us), stop) for level, start, stop in lives(wanted, end_us)), end_us
    )


def variations(
    trial: Trial, bin_us: int, scale_us: int, end_us: int, rng: random.Random, count: int
) -> Iterator[Steps]:
    """Schedules like ``trial``'s with changes of about ``scale_us`` in many places at once.

    The best of each place is put together afterwards (:mod:`simulations.oracle.stitch`), so that one run of
    the plant tries dozens of changes. Half of the variations only save.
    """
    found = lives(trial.wanted, end_us)
    for number in range(count):
        changed = [_varied(life, scale_us, end_us, rng, saving=number % 2 == 0) for life in found]
        if number % 2:
            changed += _additions(trial, bin_us, scale_us, end_us, rng, len(found))
        yield from_lives(changed, end_us)


def mended(trial: Trial, over: int, bin_us: int, scale_us: int, end_us: int) -> Steps:
    """``trial``'s schedule with one replica more where most requests missed, and ``scale_us`` to either side.

    In as many places as hold :data:`_MENDED` times the ``over`` misses that have to go.
    """
    left = _MENDED * over
    more = [0] * len(trial.missed)
    width = max(1, round(scale_us / bin_us))
    for at in sorted(range(len(more)), key=lambda at: (-trial.missed[at], at)):
        if left <= 0 or not trial.missed[at]:
            break
        left -= trial.missed[at]
        for near in range(max(0, at - width), min(len(more), at + width + 1)):
            more[near] = 1
    return from_lives([*lives(trial.wanted, end_us), *lives(from_bins(more, bin_us), end_us)], end_us)


def _varied(life: Life, scale_us: int, end_us: int, rng: random.Random, *, saving: bool) -> Life:
    """One stretch: left alone, shortened at one end, or left out; lengthened where it need not save."""
    luck, by_us = rng.random(), round(scale_us * rng.uniform(0.3, 1.7))
    level, start, stop = life
    if luck < _UNTOUCHED:
        return life
    if not saving and rng.random() < 0.5:
        by_us = -by_us
    if rng.random() < 0.15 and stop - start < 8 * scale_us:
        return level, start, start
    if rng.random() < 0.5:
        return (level, min(max(0, start + by_us), stop), stop) if start > 0 else life
    return (level, start, max(start, min(end_us, stop - by_us))) if stop < end_us else life


def _additions(
    trial: Trial, bin_us: int, scale_us: int, end_us: int, rng: random.Random, count: int
) -> Iterator[Life]:
    """New stretches where requests missed: they begin a little before, for a miss is paid for before it
    shows."""
    totals = list(accumulate(trial.missed))
    if not totals or not totals[-1]:
        return
    for at in rng.choices(range(len(totals)), cum_weights=totals, k=max(1, round(count * _ADDED))):
        start_us = max(0, at * bin_us - round(scale_us * rng.uniform(0.0, 1.5)))
        stop_us = min(end_us, (at + 1) * bin_us + round(scale_us * rng.uniform(0.0, 1.5)))
        yield 1, start_us, stop_us
