"""The relaxation beside all fleets there are, on instances so small that they can be listed."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.oracle.least_fleet import Rules, Window, least_fleet

SLICES = 2
"""Moments within a window at which the listed fleets may change."""


def cheapest_fleet_s(windows: list[Window], rules: Rules, most: int) -> float:
    """Every whole number of replicas in every slice, and the cheapest misses that make it good enough."""
    slices = len(windows) * SLICES
    best = float("inf")
    for fleet in product(range(rules.floor, most + 1), repeat=slices):
        missed = 0
        for at, window in enumerate(windows):
            capacity = sum(fleet[at * SLICES : (at + 1) * SLICES]) * window.length_s / SLICES
            left = list(window.works_s)
            while left and sum(left) > capacity + 1e-9:
                left.pop(0)
                missed += 1
        if missed > rules.misses:
            continue
        held = sum(replicas * windows[at // SLICES].length_s / SLICES for at, replicas in enumerate(fleet))
        rises = sum(max(0, b - a) for a, b in zip((rules.floor, *fleet), fleet, strict=False))
        best = min(best, held + rises * rules.start_s)
    return best


works = st.lists(st.integers(0, 30).map(float), max_size=4).map(lambda w: tuple(sorted(w, reverse=True)))


@given(
    st.lists(works, min_size=1, max_size=3),
    st.sampled_from([4.0, 10.0]),
    st.sampled_from([0.0, 3.0, 25.0]),
    st.integers(0, 1),
    st.integers(0, 2),
)
def test_no_fleet_is_cheaper(
    all_works: list[tuple[float, ...]], length_s: float, start_s: float, floor: int, misses: int
) -> None:
    windows = [Window(length_s=length_s, works_s=each) for each in all_works]
    rules = Rules(floor=floor, start_s=start_s, misses=misses)
    assert least_fleet(windows, rules).replica_s <= cheapest_fleet_s(windows, rules, floor + 3) + 1e-6


@pytest.mark.parametrize(
    ("name", "windows", "rules", "expected_s"),
    [
        ("nothing to do costs the floor", [(10, ())] * 3, (2, 5, 0), 60.0),
        ("work below the floor costs nothing more", [(10, (3.0, 3.0))] * 3, (1, 5, 0), 30.0),
        ("one busy window: two more replicas, two starts", [(10, (30.0,)), (10, ())], (1, 5, 0), 50.0),
        # a second replica for a moment of each window: one start, and it waits through the middle one
        ("a short dip is waited out", [(10, (12.0,))] * 3, (1, 100, 0), 144.0),
        ("a long dip is not", [(10, (20.0,)), (300, ()), (10, (20.0,))], (1, 100, 0), 540.0),
        ("the dearest request may be missed", [(10, (25.0, 5.0))], (1, 5, 1), 10.0),
        ("without a floor only the work is left", [(10, (4.0,)), (10, ())], (0, 1, 0), 5.0),
    ],
)
def test_worked_cases(
    name: str,
    windows: list[tuple[float, tuple[float, ...]]],
    rules: tuple[int, float, int],
    expected_s: float,
) -> None:
    del name
    got = least_fleet(
        [Window(length_s=length, works_s=each) for length, each in windows],
        Rules(floor=rules[0], start_s=rules[1], misses=rules[2]),
    ).replica_s
    assert got == pytest.approx(expected_s, abs=1e-6)


@given(st.lists(works, min_size=1, max_size=4), st.integers(0, 3))
def test_more_misses_never_cost_more(all_works: list[tuple[float, ...]], misses: int) -> None:
    windows = [Window(length_s=10.0, works_s=each) for each in all_works]
    fewer = least_fleet(windows, Rules(floor=1, start_s=7.0, misses=misses)).replica_s
    more = least_fleet(windows, Rules(floor=1, start_s=7.0, misses=misses + 1)).replica_s
    # The multipliers that are tried form a grid, so the two bounds may lie a little below their best values.
    assert more <= fewer + 0.02 * abs(fewer) + 1e-6
