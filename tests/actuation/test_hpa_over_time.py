"""The HPA's memory: stabilisation windows and rate policies over several syncs.

Each story lists (metric, replicas after the sync) every 15 s from t = 0, with pods as fast as the
controller; the metric is a total with target 1, so that it names the replicas wanted. Worked by hand from
horizontal.go of Kubernetes 1.37.2.
"""

import pytest

from simulations.actuation.hpa import Hpa
from simulations.actuation.normalize import Limited
from simulations.actuation.settings import MICROS, HpaSettings, resolve
from simulations.policies.base import Actuation, Metric
from simulations.scenario import Direction, Rule, Scenario

SYNC_US = 15 * MICROS


def settings(up: Direction | None = None, down: Direction | None = None) -> HpaSettings:
    actuation = Actuation(scale_up=up or Direction(), scale_down=down or Direction())
    return resolve(actuation, Scenario()).hpa


def pods(value: int, period_s: int) -> Rule:
    return Rule(type="Pods", value=value, period_s=period_s)


def percent(value: int, period_s: int) -> Rule:
    return Rule(type="Percent", value=value, period_s=period_s)


def total(value: float | None) -> Metric:
    return Metric(name="total", value=value, target=1.0)


def play(hpa: Hpa, start: int, wanted: list[float | None], *, from_us: int = 0) -> list[int]:
    replicas, seen = start, []
    for turn, value in enumerate(wanted):
        at_us = from_us + turn * SYNC_US
        replicas = hpa.sync(at_us, replicas, replicas, replicas, [total(value)]).replicas
        seen.append(replicas)
    return seen


def hpa(up: Direction | None = None, down: Direction | None = None, *, low: int = 1, high: int = 50) -> Hpa:
    return Hpa(settings(up, down), min_replicas=low, max_replicas=high)


AT_ONCE = Direction(stabilization_s=0)
FOUR_A_MINUTE = Direction(rules=(pods(4, 60),))


def test_without_behavior_the_highest_of_five_minutes_keeps_a_fleet_up() -> None:
    # 8 is recommended at 0 s and leaves the window of 300 s at the sync of 300 s: twenty syncs later.
    wanted: list[float | None] = [8.0, *[2.0] * 20]
    assert play(hpa(), 8, wanted) == [8] * 20 + [2]


def test_the_first_sync_of_all_counts_what_is_there_as_a_recommendation() -> None:
    # Nobody ever wanted 9; the controller notes them at its first sync (recordInitialRecommendation).
    assert play(hpa(), 9, [2.0] * 21) == [9] * 20 + [2]


def test_without_behavior_a_climb_that_was_cut_goes_on_after_the_demand_is_gone() -> None:
    # 3 may become 6; the 20 that were wanted once are the highest of the window, so 12 and 20 follow.
    assert play(hpa(), 3, [20, 3, 3, 3]) == [6, 12, 20, 20]


def test_with_behavior_it_does_not() -> None:
    # behavior present, defaults: up to the lowest of a window of 0 s, which is the newest.
    assert play(hpa(up=AT_ONCE), 3, [20, 3, 3, 3]) == [7, 7, 7, 7]  # max(3 + 4, 3 · 2) = 7


def test_without_behavior_nothing_is_booked_and_each_sync_may_double() -> None:
    assert play(hpa(), 1, [40, 40, 40, 40, 40]) == [4, 8, 16, 32, 40]


def test_the_default_rates_count_what_was_added_in_the_last_15_s() -> None:
    # The event of the sync before is exactly 15 s old: out. So 1 + 4, 5 + 5, 10 + 10, 20 + 20.
    assert play(hpa(up=AT_ONCE), 1, [40, 40, 40, 40]) == [5, 10, 20, 40]


@pytest.mark.parametrize(
    ("up", "start", "wanted", "replicas"),
    [
        # At 0 s 10 -> 14; until 60 s the period began with 10, so nothing more; at 60 s 14 + 4.
        pytest.param(FOUR_A_MINUTE, 10, [30] * 6, [14, 14, 14, 14, 18, 18], id="four a minute"),
        # max(4 + 2, ceil(4 * 1.5)) is 6; at 60 s max(6 + 2, 9) is 9.
        pytest.param(
            Direction(rules=(pods(2, 60), percent(50, 60))),
            4,
            [20] * 5,
            [6, 6, 6, 6, 9],
            id="the larger rule",
        ),
        # min(6 + 2, 9) is 8; at 60 s min(8 + 2, 12) is 10.
        pytest.param(
            Direction(rules=(pods(2, 60), percent(50, 60)), select="Min"),
            6,
            [20] * 5,
            [8, 8, 8, 8, 10],
            id="the smaller rule",
        ),
        # ceil(5 * 1.1) is 6; at 60 s ceil(6 * 1.1) is 7.
        pytest.param(
            Direction(rules=(percent(10, 60),)), 5, [20] * 5, [6, 6, 6, 6, 7], id="a tenth is rounded up"
        ),
        # max(2 + 1, 2 * 2) is 4; then the 180 s began with 2, so 4 for ever, and 4 + 1, 5 + 1 …
        pytest.param(
            Direction(rules=(pods(1, 15), percent(100, 180))), 2, [20] * 5, [4, 5, 6, 7, 8], id="two periods"
        ),
        pytest.param(Direction(select="Disabled"), 5, [9, 9], [5, 5], id="disabled: never up"),
        # 0 s: the 5 that are there are noted first, so the lowest of 30 s is 5, and 15 s later again.
        # 30 s: the notes of 0 s are out, and 7 is the lowest of 7 and 9. 45 s: 9 and 9.
        pytest.param(
            Direction(stabilization_s=30), 5, [8, 7, 9, 9], [5, 5, 7, 9], id="a window climbs to its lowest"
        ),
        # A dip to 5 at 15 s stays the lowest of the window until 45 s.
        pytest.param(
            Direction(stabilization_s=30), 5, [8, 5, 8, 8], [5, 5, 5, 8], id="a window forgives no dip"
        ),
    ],
)
def test_the_way_up(up: Direction, start: int, wanted: list[float | None], replicas: list[int]) -> None:
    assert play(hpa(up=up), start, wanted) == replicas


@pytest.mark.parametrize(
    ("down", "start", "wanted", "replicas"),
    [
        pytest.param(AT_ONCE, 10, [2], [2], id="without a window all at once"),
        # The 6 noted at 0 s leave the window of 60 s at the sync of 60 s.
        pytest.param(
            Direction(stabilization_s=60), 6, [3] * 5, [6, 6, 6, 6, 3], id="a window holds its highest"
        ),
        # At 30 s 4 is the highest of 30 s (15 s: 4, 30 s: 3), at 45 s 3.
        pytest.param(
            Direction(stabilization_s=30), 6, [5, 4, 3, 3], [6, 6, 4, 3], id="a window sinks step by step"
        ),
        pytest.param(
            Direction(stabilization_s=0, rules=(pods(1, 60),)),
            10,
            [2] * 6,
            [9, 9, 9, 9, 8, 8],
            id="one a minute",
        ),
        # int(5 * 0.9) is 4; at 60 s int(4 * 0.9) is 3.
        pytest.param(
            Direction(stabilization_s=0, rules=(percent(10, 60),)),
            5,
            [1] * 5,
            [4, 4, 4, 4, 3],
            id="a tenth is at least one pod",
        ),
        # max(20 - 4, int(20 * 0.9)) is 18; at 60 s max(14, int(16.2)) is 16.
        pytest.param(
            Direction(stabilization_s=0, rules=(pods(4, 60), percent(10, 60)), select="Min"),
            20,
            [1] * 5,
            [18, 18, 18, 18, 16],
            id="the smaller change",
        ),
        # min(16, 18), then min(12, int(14.4)).
        pytest.param(
            Direction(stabilization_s=0, rules=(pods(4, 60), percent(10, 60))),
            20,
            [1] * 5,
            [16, 16, 16, 16, 12],
            id="the larger change",
        ),
        pytest.param(Direction(stabilization_s=0, select="Disabled"), 5, [1, 1], [5, 5], id="disabled"),
        # llm-d's SLO recipe: one pod in two minutes, window 180 s. 8 is noted at 0 s, so 180 s hold it.
        pytest.param(
            Direction(stabilization_s=180, rules=(pods(1, 120),)),
            8,
            [3] * 21,
            [8] * 12 + [7] * 8 + [6],
            id="a window and then one in two minutes",
        ),
    ],
)
def test_the_way_down(down: Direction, start: int, wanted: list[float | None], replicas: list[int]) -> None:
    assert play(hpa(down=down), start, wanted) == replicas


def test_between_two_windows_a_fleet_stays_where_it_is() -> None:
    # 6 lies between the lowest (4) and the highest (8) of the last minute.
    both = Direction(stabilization_s=60)
    assert play(hpa(both, both), 6, [8, 4] * 6) == [6] * 12


def test_a_rate_is_rounded_in_doubles() -> None:
    # 50 * 1.1 is 55.00000000000001, so ten percent of 50 are 6 pods.
    assert play(hpa(up=Direction(rules=(percent(10, 60),)), high=100), 50, [100]) == [56]


def test_the_book_of_changes_forgets_what_only_the_other_direction_needs() -> None:
    # Climbs of 0 s and 15 s share a slot, since the up rules look back 15 s. At 30 s the down rule of 120 s
    # finds 4 of the 8 pods added: it takes 12 - 4 = 8 for the start and allows 8 - 2, where 4 - 2 was meant.
    machine = hpa(up=AT_ONCE, down=Direction(stabilization_s=0, rules=(pods(2, 120),)))
    assert play(machine, 4, [8, 12, 1]) == [8, 12, 6]


def test_a_correction_of_the_bounds_is_booked_as_a_change() -> None:
    # 60 are cut to 50 at 0 s: for a minute the period began with 60, and 60 - 4 is more than is there.
    machine = hpa(down=Direction(stabilization_s=0, rules=(pods(4, 60),)))
    assert play(machine, 60, [30] * 5) == [50, 50, 50, 50, 46]


def test_an_outage_as_long_as_the_window_empties_it() -> None:
    # A failed sync recommends nothing: when the metric is back, nothing is left to hold the 8.
    wanted: list[float | None] = [8.0, *[None] * 20, 2.0]
    assert play(hpa(), 8, wanted) == [8] * 21 + [2]


def test_what_was_recommended_before_zero_is_remembered_after_it() -> None:
    # Six wanted, KEDA takes it to zero 15 s later and wakes it with one at 60 s: the window still holds six.
    machine = hpa()
    assert play(machine, 6, [6]) == [6]
    assert play(machine, 0, [0, 0, 0], from_us=SYNC_US) == [0, 0, 0]
    assert play(machine, 1, [1, 1], from_us=4 * SYNC_US) == [4, 6]


def test_what_keda_adds_is_not_booked() -> None:
    # Four of 60 s are allowed on top of the one that KEDA made a moment ago.
    machine = hpa(up=FOUR_A_MINUTE)
    assert play(machine, 0, [9]) == [0]
    assert play(machine, 1, [9, 9], from_us=SYNC_US) == [5, 5]


def test_the_result_says_what_held_it_back() -> None:
    machine = hpa(up=FOUR_A_MINUTE, down=Direction(stabilization_s=60))
    climbed = machine.sync(0, 10, 10, 10, [total(30)])
    held = machine.sync(SYNC_US, 14, 14, 14, [total(5)])
    assert (climbed.desired, climbed.stabilized, climbed.limited) == (30, 30, Limited.UP_RATE)
    assert climbed.explain() == "HPA 10→14: total wants 30, ScaleUpLimit"
    assert (held.desired, held.stabilized, held.limited) == (5, 14, Limited.NO)
    assert held.explain() == "HPA 14→14: total wants 5, stabilised to 14"
