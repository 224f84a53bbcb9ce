"""Paired intervals against tables and by law."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.sweeps.paired import paired, student_t

TABLE = [
    # Two-sided critical values as any table of Student's distribution prints them.
    pytest.param(0.95, 1, 12.706, id="two seeds"),
    pytest.param(0.95, 2, 4.303, id="three seeds"),
    pytest.param(0.95, 4, 2.776, id="five seeds"),
    pytest.param(0.95, 9, 2.262, id="ten seeds"),
    pytest.param(0.95, 30, 2.042, id="thirty-one seeds"),
    pytest.param(0.99, 7, 3.499, id="eight seeds at 99 %"),
]


@pytest.mark.parametrize(("confidence", "freedom", "want"), TABLE)
def test_critical_values_are_those_of_the_printed_table(confidence: float, freedom: int, want: float) -> None:
    assert student_t(confidence, freedom) == pytest.approx(want, abs=5e-4)


def test_the_worked_example() -> None:
    found = paired([1, 2, 3])
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert (found.mean, found.pairs) == (2, 3)
    assert found.high - found.mean == pytest.approx(2.484, abs=5e-4)
    assert found.mean - found.low == pytest.approx(2.484, abs=5e-4)


def test_one_pair_has_a_mean_and_no_interval_and_none_has_nothing() -> None:
    one = paired([0.5])
    assert one is not None
    assert (one.mean, one.low, one.high) == (0.5, None, None)
    assert paired([]) is None


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8), st.floats(-100, 100))
def test_a_shift_of_every_difference_shifts_the_interval(differences: list[float], shift: float) -> None:
    before, after = paired(differences), paired([d + shift for d in differences])
    assert before is not None
    assert after is not None
    for name in ("mean", "low", "high"):
        assert getattr(after, name) == pytest.approx(getattr(before, name) + shift, abs=1e-6)


@given(st.integers(1, 60))
def test_more_seeds_never_widen_the_critical_value(freedom: int) -> None:
    assert student_t(0.95, freedom + 1) < student_t(0.95, freedom)
