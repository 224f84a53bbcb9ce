"""Schedules as functions of time: what is wanted, what is written, and that the one brings the other."""

from hypothesis import given
from hypothesis import strategies as st

from simulations.oracle.schedules import Foresight, Steps, closed, from_lives, lives, normal, writes
from tests.oracle.fluid_fleet import FluidFleet

S = 1_000_000
END_US = 1000 * S

steps = st.lists(st.tuples(st.integers(1, 999).map(lambda s: s * S), st.integers(1, 5)), max_size=8).map(
    lambda changes: normal([(0, 1), *sorted(changes, key=lambda change: change[0])])
)


def value_at(function: Steps, t_us: int) -> int:
    return [value for at_us, value in function if at_us <= t_us][-1]


@given(steps)
def test_lives_say_the_same_as_the_function(wanted: Steps) -> None:
    assert from_lives(lives(wanted, END_US), END_US) == wanted


@given(steps, st.integers(0, 300).map(lambda s: s * S))
def test_closing_only_ever_raises_and_leaves_no_short_dip(wanted: Steps, gap_us: int) -> None:
    filled = closed(wanted, gap_us, END_US)
    for t_us, _ in (*wanted, *filled):
        assert value_at(filled, t_us) >= value_at(wanted, t_us)
    ends: dict[int, int] = {}
    for level, start_us, stop_us in lives(filled, END_US):
        assert level not in ends or start_us - ends[level] > gap_us
        ends[level] = stop_us


def test_a_dip_shorter_than_a_start_is_filled() -> None:
    wanted = ((0, 3), (100 * S, 2), (150 * S, 3))
    assert closed(wanted, 100 * S, END_US) == ((0, 3),)
    assert closed(wanted, 40 * S, END_US) == wanted


def test_each_pod_is_asked_for_as_early_as_it_is_slow() -> None:
    known = Foresight(fewest=1, most=4, usual_start_us=100 * S, starts_us=(120 * S, 90 * S))
    wanted = ((0, 1), (300 * S, 2), (600 * S, 3), (900 * S, 1))
    assert writes(wanted, known, END_US) == ((0, 1), (180 * S, 2), (510 * S, 3), (900 * S, 1))


def test_a_slow_pod_is_kept_for_the_later_of_two_rises() -> None:
    known = Foresight(fewest=1, most=4, usual_start_us=100 * S, starts_us=(130 * S, 100 * S))
    wanted = ((0, 1), (100 * S, 2), (130 * S, 3))
    assert writes(wanted, known, END_US) == ((0, 3),)


@given(steps)
def test_writes_stay_within_the_bounds(wanted: Steps) -> None:
    known = Foresight(fewest=2, most=4, usual_start_us=50 * S)
    assert all(2 <= replicas <= 4 for _, replicas in writes(wanted, known, END_US))


@given(steps)
def test_what_is_wanted_comes_about_where_there_is_time_to_start(wanted: Steps) -> None:
    fleet = FluidFleet([(0.0, 0.1), (700.0, 0.1)], start_s=50.0)
    known = Foresight(fewest=1, most=5, usual_start_us=50 * S)
    ready = fleet.play(writes(wanted, known, fleet.end_us)).ready
    filled = closed(wanted, 50 * S, fleet.end_us)
    for t_us, _ in filled:
        if t_us > 50 * S:
            assert value_at(ready, t_us) == value_at(filled, t_us)
