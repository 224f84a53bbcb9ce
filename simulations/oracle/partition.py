"""Where to cut time into windows so that the bound is best. Any cuts give a bound; these are found by a
sweep."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from simulations.oracle.least_fleet import Fleets, Rules, Spans, Window, Work

MakeWindow = Callable[[float, float], Window]
"""The window from a time to a time, in seconds, with the work that is certain to fall into it."""

_SHIFTS = (-0.5, -0.25, -0.1, 0.1, 0.25, 0.5)
"""Of the window on that side of a cut: how far the cut is moved."""
_GAIN = 1e-6


def improved(
    cuts: Sequence[float], make: MakeWindow, rules: Rules, most: int, price_s: float
) -> tuple[float, ...]:
    """``cuts`` (first: the beginning, last: the end) after one sweep from left to right.

    At each cut, the two windows beside it are tried with the cut elsewhere, as one, or with a third one
    between. Costs before and after them are known, so a try is no more than the windows that it changes.
    """
    return _Sweep(make, rules, most, price_s).over(list(cuts))


class _Sweep:
    def __init__(self, make: MakeWindow, rules: Rules, most: int, price_s: float) -> None:
        self._make, self._price_s = make, price_s
        self._fleets = Fleets(rules, most)
        self._known: dict[tuple[float, float], Spans] = {}

    def _spans(self, start_s: float, stop_s: float) -> Spans:
        key = (start_s, stop_s)
        if key not in self._known:
            self._known[key] = self._fleets.spans(Work(self._make(start_s, stop_s)), self._price_s)
        return self._known[key]

    def over(self, cuts: list[float]) -> tuple[float, ...]:
        rest = [self._fleets.end()]
        for start_s, stop_s in reversed(list(pairwise(cuts))):
            rest.append(self._fleets.before(rest[-1], self._spans(start_s, stop_s)))
        value, done, ahead = self._fleets.begin(), [cuts[0]], cuts[1:]
        rest.pop()
        while len(ahead) > 1:
            behind = rest[-2]  # from the second cut ahead on
            best = max(
                _choices(done[-1], ahead[0], ahead[1]),
                key=lambda middle: self._bound(value, done[-1], middle, ahead[1], behind),
            )
            now = self._bound(value, done[-1], (ahead[0],), ahead[1], behind)
            if self._bound(value, done[-1], best, ahead[1], behind) <= now + _GAIN:
                best = (ahead[0],)
            rest.pop()
            ahead = ahead[1:]
            if best:
                for cut in best:
                    value = self._fleets.after(value, self._spans(done[-1], cut))
                    done.append(cut)
        return (*done, ahead[0])

    def _bound(
        self,
        value: Sequence[float],
        start_s: float,
        middle: tuple[float, ...],
        stop_s: float,
        rest: Sequence[float],
    ) -> float:
        points = (start_s, *middle, stop_s)
        for left_s, right_s in pairwise(points):
            value = self._fleets.after(value, self._spans(left_s, right_s))
        return min(before + after for before, after in zip(value, rest, strict=True))


def _choices(start_s: float, cut_s: float, stop_s: float) -> Iterator[tuple[float, ...]]:
    """Other cuts between ``start_s`` and ``stop_s``."""
    yield ()
    for shift in _SHIFTS:
        width_s = stop_s - cut_s if shift > 0 else cut_s - start_s
        yield (cut_s + shift * width_s,)
    yield ((start_s + cut_s) / 2, cut_s)
    yield (cut_s, (cut_s + stop_s) / 2)
