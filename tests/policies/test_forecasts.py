"""Dynamo's predictors in small form, and the least squares that they stand on."""

import math

import pytest

from simulations.policies.forecasts import PREDICTORS
from simulations.policies.least_squares import solve


def _next(name: str, values: list[float]) -> float:
    forecast = PREDICTORS[name]()
    for value in values:
        forecast.add(value)
    return forecast.next()


@pytest.mark.parametrize("name", list(PREDICTORS))
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], 0.0, id="nothing seen: zero"),
        pytest.param([0.0, 0.0], 0.0, id="an idle start is skipped"),
        pytest.param([0.0, 7.0], 7.0, id="one value is the forecast"),
        pytest.param([5.0] * 8, 5.0, id="constant data stays"),
    ],
)
def test_what_all_predictors_agree_on(name: str, values: list[float], expected: float) -> None:
    assert _next(name, values) == pytest.approx(expected)


def test_constant_repeats_the_last_value() -> None:
    assert _next("constant", [1.0, 9.0, 4.0]) == 4.0


def test_kalman_follows_a_ramp() -> None:
    assert _next("kalman", [10.0 * i for i in range(1, 31)]) == pytest.approx(310.0, abs=3.0)


def test_arima_repeats_the_last_value_until_five_points_are_there() -> None:
    assert _next("arima", [1.0, 2.0, 3.0, 4.0]) == 4.0


def test_arima_continues_an_alternation() -> None:
    assert _next("arima", [10.0, 20.0] * 6) == pytest.approx(10.0, abs=1.0)


def test_arima_fixes_its_order_on_the_first_five_points() -> None:
    forecast = PREDICTORS["arima"]()
    for value in (100.0, 110.0, 90.0, 105.0, 95.0):
        forecast.add(value)
    assert 80.0 < forecast.next() < 120.0
    for value in (200.0, 210.0, 190.0):
        forecast.add(value)
    assert 90.0 < forecast.next() < 220.0


def test_a_forecast_is_never_negative() -> None:
    for name in PREDICTORS:
        assert _next(name, [100.0, 60.0, 30.0, 10.0, 1.0, 0.0, 0.0]) >= 0.0


def test_least_squares_finds_a_plane() -> None:
    rows = [(1.0, x, y) for x in (0.0, 1e4, 2e4) for y in (0.0, 5e5)]
    plane = solve(rows, [1e-2 + 2e-5 * x + 1e-7 * y for _, x, y in rows])
    assert plane is not None
    assert plane == pytest.approx((1e-2, 2e-5, 1e-7))


def test_least_squares_refuses_columns_that_do_not_determine_it() -> None:
    assert solve([(1.0, 2.0), (1.0, 2.0)], [1.0, 1.0]) is None
    assert not math.isnan((solve([(1.0,)], [3.0]) or (0.0,))[0])
