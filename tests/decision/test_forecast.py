"""Holt, its errors, trust, reserve and season."""

import math
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.decision import forecast, season
from scaler.decision.forecast import Ahead, Errors, Holt, Outlook
from scaler.decision.policy import Policy

POLICY = Policy()


def holt_of(*rates: float, policy: Policy = POLICY) -> Holt:
    holt = Holt()
    for rate in rates:
        holt = forecast.step(holt, rate, policy)
    return holt


def outlook(holt: Holt, rate: float, policy: Policy = POLICY, errors: Errors | None = None) -> Outlook:
    return forecast.outlook(holt, errors or Errors(), rate, 0.0, 0.0, policy)


def test_a_steady_rate_is_expected_to_stay() -> None:
    steady = holt_of(*[7.0] * 60)
    assert forecast.expect(outlook(steady, 7.0), 120.0) == pytest.approx(7.0)


def test_a_slope_is_followed_to_the_horizon_and_damped() -> None:
    """0.1 requests/s a bucket: 24 buckets ahead and 2.5 for the lag would add 2.65 undamped."""
    rising = holt_of(*[0.1 * i for i in range(200)])
    ahead = forecast.point(rising, 120.0, POLICY) - 19.9
    assert 1.0 < ahead < 2.65


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=60), st.floats(0.0, 600.0))
def test_a_forecast_never_lowers_the_ask(rates: list[float], ahead_s: float) -> None:
    holt = holt_of(*rates)
    assert forecast.expect(outlook(holt, rates[-1]), ahead_s) >= rates[-1]


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=60), st.floats(0.0, 600.0))
def test_a_forecast_is_capped_and_finite(rates: list[float], ahead_s: float) -> None:
    found = forecast.expect(outlook(holt_of(*rates), rates[-1]), ahead_s)
    assert math.isfinite(found)
    assert found <= POLICY.growth_cap * rates[-1] + 0.1


def test_off_and_shadow_decide_by_the_present() -> None:
    rising = holt_of(*[float(i) for i in range(40)])
    modes: tuple[Literal["off", "shadow"], ...] = ("off", "shadow")
    for mode in modes:
        there = outlook(rising, 39.0, Policy(forecast=mode))
        assert forecast.expect(there, 120.0) == 39.0
    assert forecast.predicted(outlook(rising, 39.0, Policy(forecast="shadow")), 120.0) > 39.0


def test_a_crowd_that_doubles_each_minute_is_expected_to_go_on() -> None:
    """Four times as much come 120 s later. A straight slope sees half as much again; three are the cap."""
    rates = [10.0 * 2.0 ** (5.0 * i / 60.0) for i in range(72)]
    early, late = holt_of(*rates[:36]), holt_of(*rates)
    straight = early._replace(log_trend=0.0)
    assert forecast.point(straight, 120.0, POLICY) < 1.6 * rates[35]
    assert forecast.point(early, 120.0, POLICY) > 2.0 * rates[35]
    assert forecast.expect(outlook(late, rates[-1]), 120.0) <= 3.0 * rates[-1] + 0.1


def test_a_handful_of_requests_is_no_crowd() -> None:
    few = holt_of(*[0.0] * 20, *[1.0 / 30.0, 2.0 / 30.0, 4.0 / 30.0, 6.0 / 30.0])
    assert forecast.point(few, 120.0, POLICY) < 1.0


def test_forecasts_are_compared_when_their_time_has_come() -> None:
    ahead = forecast.remember(Ahead(), holt_of(*[4.0] * 10), 0.0, 3, 100.0, 4.0, POLICY)
    assert len(ahead.waiting) == 1
    same = forecast.compare(ahead, Errors(), 99.0, 6.0)
    assert same == (ahead, Errors())
    after, errors = forecast.compare(ahead, Errors(), 100.0, 6.0)
    assert after.waiting == ()
    assert errors.relative[0] == pytest.approx(0.5)
    assert errors.increase[0] == pytest.approx(2.0)


@pytest.mark.parametrize(("every", "remembered"), [(1, 12), (2, 12), (3, 12), (6, 6)])
def test_a_forecast_is_remembered_each_third_bucket_however_long_ticks_are(
    every: int, remembered: int
) -> None:
    ahead = Ahead()
    for i in range(0, 36, every):
        ahead = forecast.remember(ahead, Holt(1.0), 5.0 * i, every, 1e6, 1.0, POLICY)
    assert len(ahead.waiting) == remembered


def test_rises_that_fall_back_are_believed_less() -> None:
    """Bursts: a slope, and 100 s later nothing of it."""
    errors = Errors()
    for i in range(40):
        waiting = Ahead(((float(i), 20.0, 10.0),))
        _, errors = forecast.compare(waiting, errors, float(i), 10.0)
    assert forecast.trust(errors, 10.0, POLICY) < 0.2
    assert forecast.trust(Errors(), 10.0, POLICY) == 1.0
    rising = holt_of(*[10.0 + 0.2 * i for i in range(20)])
    wary = forecast.expect(outlook(rising, 13.8, POLICY, errors), 120.0)
    assert wary < forecast.expect(outlook(rising, 13.8), 120.0)


def test_rises_that_come_are_believed() -> None:
    errors = Errors()
    for i in range(40):
        _, errors = forecast.compare(Ahead(((float(i), 20.0, 10.0),)), errors, float(i), 22.0)
    assert forecast.trust(errors, 10.0, POLICY) == 1.0


def test_the_newsvendors_level() -> None:
    assert forecast.level_of(Policy(miss_cost=4.0)) == pytest.approx(0.8)
    assert forecast.quantile((), 0.8) is None
    assert forecast.quantile(tuple(float(i) for i in range(10)), 0.8) == 8.0


def test_with_a_quantile_band_the_ask_covers_what_came_as_often_as_that() -> None:
    errors = Errors(relative=tuple(0.01 * i for i in range(100)))
    steady = holt_of(*[10.0] * 60)
    cautious = outlook(steady, 10.0, Policy(band="quantile", miss_cost=4.0), errors)
    assert forecast.expect(cautious, 100.0) == pytest.approx(18.0)


CALM = (10.0,) * 29
TWO_BURSTS = (60.0, 60.0, *CALM, *CALM, 60.0, 60.0, *CALM, *CALM)
"""60 requests/s for 30 s twice in half an hour, 10 else."""


def beyond(rates: tuple[float, ...], planned: float = 10.0) -> Errors:
    """What is remembered when ``planned`` was forecast all the time."""
    return Errors(rates=rates, increase=tuple(rate - planned for rate in rates))


@pytest.mark.parametrize(
    ("errors", "per_rate", "replicas"),
    [
        (beyond(TWO_BURSTS), 0.1, 4),
        (beyond((*CALM, 60.0, 60.0, *CALM)), 0.1, 4),
        (beyond((60.0, 60.0, *CALM, *CALM)), 0.1, 0),
        (beyond((60.0, 50.0, 60.0, 50.0, *CALM, *CALM)), 0.1, 0),
        (beyond((60.0, 60.0, *CALM, *CALM, 30.0, *CALM, *CALM)), 0.1, 1),
        (beyond((60.0, *CALM * 20, 60.0, *CALM * 20)), 0.1, 0),
        (beyond((13.0,) * 20), 0.1, 0),
        (beyond((10.0,) * 20, planned=13.0), 0.1, 0),
        (beyond(TWO_BURSTS), 0.0, 0),
        (Errors(), 0.1, 0),
    ],
    ids=[
        "two bursts, 3 % of the time and 17 % of all requests, are held in full",
        "one burst is held for ten minutes",
        "and no longer: it is no pattern",
        "noise within one burst is no second one",
        "of two unequal bursts the smaller is held",
        "what brings less than the objective allows to miss is not held",
        "what whole replicas and the headroom cover needs no reserve",
        "load that fell needs none",
        "an unknown capacity holds none",
        "nothing seen, nothing held",
    ],
)
def test_the_burst_reserve(errors: Errors, per_rate: float, replicas: int) -> None:
    held = forecast.burst_reserve(errors, per_rate, 0.9, POLICY)
    assert held * per_rate / 0.9 == pytest.approx(replicas)


def test_the_burst_reserve_grows_with_what_may_not_miss() -> None:
    errors = beyond((60.0, *CALM, 40.0, *CALM, 60.0, *CALM, 40.0, *CALM))
    held = [forecast.burst_reserve(errors, 0.1, 0.9, Policy(slo_target=t)) for t in (0.85, 0.94, 0.99)]
    assert held == sorted(held)
    assert held[0] < held[-1]


def test_rises_of_long_ago_are_forgotten() -> None:
    """After a night at zero the bursts of the evening hold nothing."""
    evening = beyond(TWO_BURSTS)._replace(at_s=1000.0)
    _, soon = forecast.compare(Ahead(), evening, 1900.0, 10.0)
    _, next_day = forecast.compare(Ahead(), evening, 30_000.0, 10.0)
    assert (soon.rates, next_day.rates, next_day.increase) == (TWO_BURSTS, (), ())


def season_of(days: int, rate_at: tuple[float, ...]) -> season.Season:
    found, now = season.EMPTY, 0.0
    for _ in range(days * 96):
        for _ in range(3):
            found = season.learn(found, now, rate_at[int(now // 900.0) % len(rate_at)], 300.0)
            now += 300.0
    return found


def test_a_season_needs_two_days() -> None:
    assert season.at(season_of(1, (1.0, 9.0)), 900.0) is None
    assert season.at(season_of(3, (1.0, 9.0)), 86400.0 * 3 + 900.0) == pytest.approx(9.0)


def test_a_season_counts_only_after_it_beat_holt() -> None:
    found = season_of(3, (1.0, 9.0))
    when = 86400.0 * 3 + 900.0
    assert season.forecast(found, when) == 0.0
    good, bad = found, found
    for _ in range(60):
        good = season.compare(good, 9.0, 9.0, 1.0)
        bad = season.compare(bad, 9.0, 1.0, 9.0)
    assert season.forecast(good, when) == pytest.approx(9.0)
    assert season.forecast(bad, when) == 0.0


def test_a_season_keeps_three_days() -> None:
    assert len(season_of(6, (1.0,)).days) == 3
