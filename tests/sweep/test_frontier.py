"""Frontiers: what survives, and what a level of attainment costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.sweeps.frontier import Cost, Point, cost_at, frontier


def points(*pairs: tuple[float, float]) -> list[Point]:
    return [
        Point(label=f"{i}", gpu_hours=hours, attainment_ratio=share) for i, (hours, share) in enumerate(pairs)
    ]


SURVIVORS = [
    pytest.param([(4, 0.9), (6, 1.0)], ["0", "1"], id="dearer and better stays"),
    pytest.param([(4, 0.9), (6, 0.8)], ["0"], id="dearer and worse goes"),
    pytest.param([(6, 0.9), (4, 0.9)], ["1"], id="dearer and equal goes"),
    pytest.param([(4, 0.8), (4, 0.9)], ["1"], id="equally dear and worse goes"),
    pytest.param([(4, 0.9), (4, 0.9)], ["0"], id="of twins the first stays"),
    pytest.param([(6, 1.0), (4, 0.9)], ["1", "0"], id="cheapest comes first"),
    pytest.param([], [], id="nothing gives nothing"),
]


@pytest.mark.parametrize(("pairs", "want"), SURVIVORS)
def test_what_survives(pairs: list[tuple[float, float]], want: list[str]) -> None:
    assert [p.label for p in frontier(points(*pairs))] == want


COSTS = [
    pytest.param(
        [(4, 0.90), (6, 1.0)], 0.95, Cost(gpu_hours=5, exact=True), id="half way between two settings"
    ),
    pytest.param([(4, 0.95), (6, 1.0)], 0.95, Cost(gpu_hours=4, exact=True), id="exactly at a setting"),
    pytest.param(
        [(4, 0.97), (6, 1.0)], 0.95, Cost(gpu_hours=4, exact=False), id="cheapest is above the level"
    ),
    pytest.param([(4, 0.90), (6, 0.94)], 0.95, None, id="never reached"),
    pytest.param(
        [(4, 0.90), (5, 0.2), (6, 1.0)],
        0.95,
        Cost(gpu_hours=5, exact=True),
        id="a bad setting does not count",
    ),
    pytest.param([], 0.95, None, id="no runs"),
]


@pytest.mark.parametrize(("pairs", "level", "want"), COSTS)
def test_what_a_level_costs(pairs: list[tuple[float, float]], level: float, want: Cost | None) -> None:
    found = cost_at(points(*pairs), level)
    if want is None or found is None:
        assert found == want
    else:
        assert found.gpu_hours == pytest.approx(want.gpu_hours)
        assert found.exact == want.exact


clouds = st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 1)), max_size=12)


@given(clouds)
def test_nothing_on_a_frontier_is_dominated_and_everything_else_is(pairs: list[tuple[float, float]]) -> None:
    cloud = points(*pairs)
    kept = frontier(cloud)
    for p in cloud:
        dominated = any(
            q.gpu_hours <= p.gpu_hours and q.attainment_ratio >= p.attainment_ratio and q is not p
            for q in kept
        )
        assert (p in kept) != dominated


@given(clouds, st.floats(0, 1), st.floats(0, 1))
def test_more_attainment_never_costs_less(pairs: list[tuple[float, float]], one: float, other: float) -> None:
    low, high = cost_at(points(*pairs), min(one, other)), cost_at(points(*pairs), max(one, other))
    if high is not None:
        assert low is not None
        assert low.gpu_hours <= high.gpu_hours + 1e-9
