"""Quantities: how KEDA writes a number, and how Go reads it back."""

import math

import pytest

from simulations.actuation.quantity import as_quantity, from_milli, to_milli


@pytest.mark.parametrize(
    ("value", "milli"),
    [
        pytest.param(11.0, 11_000, id="a whole number is itself"),
        pytest.param(0.0004, 0, id="less than half a thousandth is nothing"),
        pytest.param(0.0006, 1, id="more than half a thousandth is one"),
        pytest.param(1.0005, 1000, id="a tie in decimal is below the tie in binary: 1.000499999999999989"),
        pytest.param(1.0015, 1002, id="and this one is above it: 1.001500000000000057"),
        pytest.param(1.001, 1001, id="rounded, never cut off: int(1.001 * 1000) would be 1000"),
        pytest.param(math.nan, 0, id="NaN is zero"),
        pytest.param(math.inf, 0, id="infinity is zero, so a scale-in"),
        pytest.param(-3.0, 0, id="negative is zero"),
        pytest.param(9.2e15, 9_200_000_000_000_000_000, id="what fits 64 bits in thousandths is itself"),
        pytest.param(9.3e15, 0, id="what does not fit is zero when the HPA reads it"),
    ],
)
def test_a_value_goes_out_in_thousandths(value: float, milli: int) -> None:
    assert to_milli(value) == milli


def test_thousandths_come_back_as_a_product_not_a_quotient() -> None:
    assert from_milli(9) == 0.009000000000000001
    assert from_milli(1500) == 1.5


@pytest.mark.parametrize(
    ("given", "read"),
    [
        pytest.param(0.0, 0.0, id="zero"),
        pytest.param(0.1, 0.1, id="0.1 is stored as 100m and read as 100 * 0.001"),
        pytest.param(0.104, 104 * 1e-3, id="0.104 is stored as 104m and read a last digit higher"),
        pytest.param(0.00025, 250 * 1e-6, id="0.00025 is stored as 250u"),
        pytest.param(2.0, 2.0, id="a whole number keeps exponent 0"),
        pytest.param(1.5e-10, 1e-9, id="anything below a nano is rounded up to one"),
    ],
)
def test_a_manifests_decimal_is_read_as_the_api_server_stores_it(given: float, read: float) -> None:
    assert as_quantity(given) == read
