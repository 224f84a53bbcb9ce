"""Windows, rates and quantiles: the figures that the Prometheus server answers."""

import math

import pytest

from scaler.decision.model import PodPhase, Samples
from simulations.policies import signals
from tests.policies.builders import LE, pod, samples, snapshot


def _done(total: float, *, age_s: float = 0.0, start_id: str = "a") -> Samples:
    return samples(age_s=age_s, start_id=start_id, requests_finished_total=total)


def _get(one: Samples) -> signals.Vector | None:
    return None if one.requests_finished_total is None else (one.requests_finished_total,)


def test_a_window_holds_what_is_younger_than_its_length() -> None:
    window = signals.Window(30.0)
    for now_s, value in ((0.0, 9.0), (15.0, 1.0), (30.0, 3.0)):
        window.add(now_s, value)
    assert (window.mean(), window.most(), window.least()) == (2.0, 3.0, 1.0)


def test_an_empty_window_knows_nothing() -> None:
    window = signals.Window(30.0)
    assert (window.mean(), window.most(), window.least()) == (None, None, None)


@pytest.mark.parametrize(
    ("scrapes", "expected"),
    [
        pytest.param((0.0, 100.0, 200.0, 300.0), 20.0, id="steady growth of 100 per 5 s is 20 per second"),
        pytest.param(
            (0.0, 100.0, 50.0, 150.0), 250.0 / 15.0, id="a counter that falls began again from zero"
        ),
        pytest.param((5.0,), None, id="one scrape is no rate"),
        pytest.param((), None, id="no series is no rate, not zero"),
    ],
)
def test_rate_over_a_window_that_the_scrapes_fill(scrapes: tuple[float, ...], expected: float | None) -> None:
    counters = signals.Counters(20.0)
    for i, value in enumerate(scrapes):
        counters.observe(snapshot(5.0 * i, (_done(value),)), _get)
    rate = counters.rate(15.0)
    assert (None if rate is None else pytest.approx(rate[0])) == expected


def test_rates_are_extrapolated_by_half_an_interval_where_the_series_began_in_the_window() -> None:
    # 100 within 5 s of a 60 s window: 2.5 s before the first sample, none after the last: 150 / 60.
    counters = signals.Counters(60.0)
    for now_s, value in ((0.0, 0.0), (5.0, 100.0)):
        counters.observe(snapshot(now_s, (_done(value),)), _get)
    assert counters.rate(5.0) == pytest.approx((2.5,))


def test_a_scrape_that_was_seen_counts_once() -> None:
    counters = signals.Counters(60.0)
    for now_s, age_s, value in ((0.0, 0.0, 0.0), (5.0, 0.0, 10.0), (7.0, 2.0, 10.0)):
        counters.observe(snapshot(now_s, (_done(value, age_s=age_s),)), _get)
    assert counters.rate(7.0) == pytest.approx((10.0 * (5.0 + 2.5 + 2.0) / 5.0 / 60.0,))


def test_a_restarted_engine_begins_again_even_when_its_counter_has_overtaken() -> None:
    counters = signals.Counters(20.0)
    for i, (start_id, value) in enumerate((("a", 0.0), ("a", 10.0), ("b", 40.0), ("b", 50.0))):
        counters.observe(snapshot(5.0 * i, (_done(value, start_id=start_id),)), _get)
    assert counters.rate(15.0) == pytest.approx((60.0 / 15.0,))


def test_sums_leave_out_pods_that_are_not_ready_unscraped_or_stale() -> None:
    fleet = snapshot(0.0, (samples(running=2.0), samples(running=3.0, age_s=120.0), None), starting=1)
    assert signals.total(fleet, signals.running) == 2.0
    assert signals.total(snapshot(0.0, (None,)), signals.running) is None


def test_only_ready_pods_are_counted() -> None:
    assert signals.ready_count(snapshot(0.0, (None, None), starting=3)) == 2
    assert list(signals.ready_pods(snapshot())) == []
    assert pod("x", phase=PodPhase.TERMINATING).phase is PodPhase.TERMINATING


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param((0.0, 100.0, 100.0, 100.0, 100.0), 0.91, id="within a bucket it is linear"),
        pytest.param((100.0, 100.0, 100.0, 100.0, 100.0), 0.09, id="the first bucket begins at zero"),
        pytest.param((0.0, 0.0, 0.0, 0.0, 10.0), 4.0, id="beyond the last bound it is that bound"),
        pytest.param((0.0, 0.0, 0.0, 0.0, 0.0), None, id="without observations it is unknown"),
    ],
)
def test_quantiles_are_those_of_promql(counts: tuple[float, ...], expected: float | None) -> None:
    found = signals.quantile(0.9, LE, counts)
    assert (None if found is None else pytest.approx(found)) == expected
    assert LE[-1] == math.inf
