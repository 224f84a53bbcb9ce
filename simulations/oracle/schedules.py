"""From the replicas that should be ready, moment by moment, to the writes of spec.replicas that make them
so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Steps = tuple[tuple[int, int], ...]
"""A step function of time: (from when in µs, value); the first at 0, times rising, values changing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """The fleet's limits, and what an oracle knows about its starts."""

    fewest: int
    most: int
    usual_start_us: int
    starts_us: tuple[int, ...] = ()
    """Of the n-th pod that is created after the first ones; later pods are taken to be usual."""

    def start_us(self, number: int) -> int:
        """How long before it is needed the n-th pod has to be asked for."""
        return self.starts_us[number] if number < len(self.starts_us) else self.usual_start_us


def normal(steps: Iterable[tuple[int, int]]) -> Steps:
    """The same function in its shortest form: of several values at one time the last one stays."""
    kept: list[tuple[int, int]] = []
    for t_us, value in steps:
        if kept and kept[-1][0] == t_us:
            kept.pop()
        if not kept or kept[-1][1] != value:
            kept.append((t_us, value))
    return tuple(kept)


def from_bins(values: Sequence[int], bin_us: int) -> Steps:
    """Values that hold for one bin each."""
    return normal((i * bin_us, value) for i, value in enumerate(values))


def bounded(steps: Steps, fewest: int, most: int) -> Steps:
    """Every value within the fleet's limits."""
    return normal((t_us, min(max(value, fewest), most)) for t_us, value in steps)


def lives(wanted: Steps, end_us: int) -> list[tuple[int, int, int]]:
    """(level, from, to) of every stretch in which at least ``level`` >= 1 replicas are wanted, by time."""
    found: list[tuple[int, int, int]] = []
    since: list[int] = []
    for t_us, value in wanted:
        while len(since) > value:
            found.append((len(since), since.pop(), t_us))
        since += [t_us] * (value - len(since))
    while since:
        found.append((len(since), since.pop(), end_us))
    found.sort(key=lambda life: (life[1], life[0]))
    return found


def from_lives(found: Iterable[tuple[int, int, int]], end_us: int) -> Steps:
    """The inverse of :func:`lives`: how many stretches there are at each moment (empty ones do not count)."""
    edges = [(0, 0)]
    for _, start_us, stop_us in found:
        if start_us < stop_us:
            edges += [(start_us, 1), (stop_us, -1)]
    total, steps = 0, []
    for t_us, change in sorted(edges):
        total += change
        if t_us < end_us:
            steps.append((t_us, total))
    return normal(steps)


def closed(wanted: Steps, gap_us: int, end_us: int) -> Steps:
    """``wanted`` with every dip of at most ``gap_us`` filled: a start costs as much, and could not be in
    time.

    Worked: 3 replicas, 2 from 100 s to 150 s, then 3 again, with 100 s starts: 3 throughout.
    """
    merged: list[tuple[int, int, int]] = []
    last: dict[int, int] = {}
    for level, start_us, stop_us in lives(wanted, end_us):
        at = last.get(level)
        if at is not None and start_us - merged[at][2] <= gap_us:
            merged[at] = (level, merged[at][1], stop_us)
        else:
            last[level] = len(merged)
            merged.append((level, start_us, stop_us))
    return from_lives(merged, end_us)


def writes(wanted: Steps, known: Foresight, end_us: int) -> Steps:
    """Writes of ``spec.replicas`` after which ``wanted`` replicas are ready, as far as starts allow.

    Each start is asked for as long before as that pod will take. A ReplicaSet deletes starting pods first, so
    no pod is asked for before the last time that another one is given up.
    """
    within = bounded(wanted, known.fewest, known.most)
    kept = lives(closed(within, known.usual_start_us, end_us), end_us)
    rises = sorted(start_us for level, start_us, _ in kept if level > known.fewest)
    falls = sorted(stop_us for _, _, stop_us in kept if stop_us < end_us)
    asked = _asked(rises, falls, known)
    changes = sorted([(t_us, 1) for t_us in asked] + [(t_us, -1) for t_us in falls])
    total, steps = known.fewest, [(0, known.fewest)]
    for t_us, change in changes:
        total += change
        steps.append((t_us, total))
    return bounded(normal(steps), known.fewest, known.most)


def _asked(rises: Sequence[int], falls: Sequence[int], known: Foresight) -> list[int]:
    """When to ask for each pod, in the order of their numbers, so that ``rises`` are met as well as can
    be."""
    order = list(rises)
    best = _ask(order, known)
    for i in range(len(order) - 1):  # a slow pod may be the better one for the later of two rises
        swapped = [*order[:i], order[i + 1], order[i], *order[i + 2 :]]
        tried = _ask(swapped, known)
        if _harm(swapped, tried, known) < _harm(order, best, known):
            order, best = swapped, tried
    at, last_fall_us = 0, -1
    for i, t_us in enumerate(rises):
        while at < len(falls) and falls[at] < t_us:
            last_fall_us = falls[at]
            at += 1
        best[i] = max(best[i], last_fall_us + 1)
    return best


def _ask(rises: Sequence[int], known: Foresight) -> list[int]:
    """Pods get their numbers in the order in which they are asked for, so no pod is asked for before the
    last."""
    asked = [max(0, t_us - known.start_us(number)) for number, t_us in enumerate(rises)]
    for i in range(len(asked) - 2, -1, -1):
        asked[i] = min(asked[i], asked[i + 1])
    return asked


def _harm(rises: Sequence[int], asked: Sequence[int], known: Foresight) -> int:
    """Replica time too early, and ten times that for replica time too late."""
    late = [ask + known.start_us(n) - t_us for n, (t_us, ask) in enumerate(zip(rises, asked, strict=True))]
    return sum(10 * by if by > 0 else -by for by in late)
