"""A small minimiser for costs with kinks: the simplex of Nelder and Mead (Computer Journal 7, 1965)."""

from collections.abc import Callable, Sequence

Point = tuple[float, ...]
Cost = Callable[[Sequence[float]], float]
STRIDE = 0.2
"""Edge of the first simplex."""


def minimise(cost: Cost, size: int, turns: int, progress: Callable[[int, int], None]) -> Point:
    """The cheapest point found from the origin of ``size`` dimensions in about ``turns`` evaluations.

    A simplex that has gone flat finds nothing more, so half-way a fresh one starts at the best point.
    """
    best: Point = (0.0,) * size
    done = 0
    for until in (turns // 2, turns):
        simplex = [(cost(point), point) for point in _corners(best)]
        done += len(simplex)
        while done < until:
            simplex.sort()
            progress(done, turns)
            done += _turn(simplex, cost)
        best = min(simplex)[1]
    progress(turns, turns)
    return best


def _corners(start: Point) -> list[Point]:
    size = len(start)
    return [start, *(tuple(start[i] + STRIDE * (i == axis) for i in range(size)) for axis in range(size))]


def _turn(simplex: list[tuple[float, Point]], cost: Cost) -> int:
    """Replace the worst corner of the sorted simplex, or shrink towards the best; evaluations used."""
    (_, best), (second_cost, _), (worst_cost, worst) = simplex[0], simplex[-2], simplex[-1]
    centre = _mean([point for _, point in simplex[:-1]])

    def at(distance: float) -> tuple[float, Point]:
        point = tuple(c + distance * (c - w) for c, w in zip(centre, worst, strict=True))
        return cost(point), point

    reflected = at(1.0)
    if reflected[0] < simplex[0][0]:
        simplex[-1] = min(reflected, at(2.0))
        return 2
    if reflected[0] < second_cost:
        simplex[-1] = reflected
        return 1
    contracted = at(0.5 if reflected[0] < worst_cost else -0.5)
    if contracted[0] < min(reflected[0], worst_cost):
        simplex[-1] = contracted
        return 2
    for index, (_, point) in enumerate(simplex[1:], start=1):
        nearer = tuple((a + b) / 2 for a, b in zip(best, point, strict=True))
        simplex[index] = (cost(nearer), nearer)
    return 1 + len(simplex)


def _mean(points: Sequence[Point]) -> Point:
    return tuple(sum(axis) / len(points) for axis in zip(*points, strict=True))
