"""Arrivals in buckets, and the mean request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.decision import arrivals
from scaler.decision.arrivals import (
    Arrivals,
    Sizes,
    begin,
    count,
    dispersion,
    hold,
    learn_sizes,
    mean_request,
    rate,
)
from scaler.decision.flows import Flow


def counted(*amounts: float, every_s: float = 5.0) -> Arrivals:
    now, a = 0.0, begin(0.0)
    for amount in amounts:
        a, _ = count(a, amount, now, now + every_s)
        now += every_s
    return a


def test_a_rate_is_the_mean_of_thirty_seconds() -> None:
    assert rate(counted(*[0.0] * 10, *[50.0] * 6), 80.0) == pytest.approx(10.0)
    assert rate(counted(*[0.0] * 10, *[50.0] * 3), 65.0) == pytest.approx(5.0)


def test_the_first_seconds_have_a_rate_too() -> None:
    a, closed = count(begin(0.0), 6.0, 0.0, 2.0)
    assert closed == []
    assert rate(a, 2.0) == pytest.approx(3.0)
    assert rate(begin(0.0), 0.0) == 0.0


def test_negative_counts_are_clipped_after_thirty_seconds_only() -> None:
    """A request that left the queue (-1) and gets its token in the next bucket (+1) does not count."""
    assert rate(counted(10.0, -1.0, 1.0, 10.0, 0.0, 10.0), 30.0) == pytest.approx(1.0)
    assert rate(counted(*[-5.0] * 6), 30.0) == 0.0


@given(st.lists(st.floats(0.5, 40.0), min_size=1, max_size=20), st.floats(0.1, 100.0))
def test_any_ticking_counts_the_same(gaps: list[float], per_s: float) -> None:
    """A steady rate is that rate, however long the ticks are."""
    now, a = 0.0, begin(0.0)
    for gap in gaps:
        a, _ = count(a, per_s * gap, now, now + gap)
        now += gap
    assert rate(a, now) == pytest.approx(per_s, rel=1e-6)


def test_a_tick_without_time_counts_nothing() -> None:
    a = counted(5.0, 5.0)
    assert count(a, 100.0, 10.0, 10.0) == (a, [])


def test_a_rate_does_not_fall_while_requests_give_up_in_the_queue() -> None:
    a = hold(counted(*[50.0] * 6), 10.0, queued=True, dt_s=5.0)
    a = hold(a, 2.0, queued=True, dt_s=5.0)
    assert 9.0 < a.held_per_s < 10.0
    assert hold(a, 2.0, queued=False, dt_s=5.0).held_per_s == 2.0
    assert hold(a, 20.0, queued=True, dt_s=5.0).held_per_s == 20.0


def test_dispersion_is_one_for_steady_and_large_for_bursty_counts() -> None:
    assert dispersion(counted(*[20.0] * 24)) == 1.0
    assert dispersion(counted(*[0.0, 100.0] * 12)) == 20.0
    assert dispersion(counted(20.0)) == 1.0


def flow_of(requests: float, tokens_in: float, tokens_out: float, **given: float) -> Flow:
    return Flow(
        pod_seconds=5.0,
        first_tokens=requests,
        prompt=requests * tokens_in,
        generation=requests * tokens_out,
        **given,  # type: ignore[arg-type]
    )


def learned(*flows: Flow) -> Sizes:
    sizes = arrivals.UNSIZED
    for one in flows:
        sizes = learn_sizes(sizes, one, 5.0)
    return sizes


def test_nothing_is_known_of_the_mean_request_before_one_came() -> None:
    assert mean_request(arrivals.UNSIZED, 0.0) is None
    assert mean_request(learned(flow_of(0.0, 0.0, 0.0)), 0.0) is None


def test_the_mean_request_follows_a_change_of_mix() -> None:
    sizes = learned(*[flow_of(10.0, 100.0, 50.0)] * 50, *[flow_of(10.0, 1000.0, 500.0)] * 100)
    mix = mean_request(sizes, 0.0)
    assert mix is not None
    assert mix.prompt_tokens == pytest.approx(1000.0, rel=0.03)
    assert mix.output_tokens == pytest.approx(500.0, rel=0.03)


def test_few_requests_are_remembered_for_long() -> None:
    sizes = learned(flow_of(5.0, 700.0, 80.0), *[flow_of(0.0, 0.0, 0.0)] * 1000)
    mix = mean_request(sizes, 0.0)
    assert mix is not None
    assert mix.prompt_tokens == pytest.approx(700.0)


def test_answers_none_of_which_is_finished_are_taken_to_be_half_done() -> None:
    """First contact: 8 replicas with 20 requests/s of 1,000 tokens look after 20 s as if 250 were all."""
    young = learned(flow_of(10.0, 100.0, 20.0, sized=True))
    mix = mean_request(young, 10.0)
    assert mix is not None
    assert mix.output_tokens == pytest.approx(40.0)


def test_answers_are_as_long_as_the_larger_of_two_measures() -> None:
    """While load rises, finished answers are the short ones, and tokens lag behind first tokens."""
    finished = learned(flow_of(10.0, 100.0, 20.0, finished=5.0, finished_generation=500.0))
    mix = mean_request(finished, 5.0)
    assert mix is not None
    assert mix.output_tokens == pytest.approx(100.0)


def test_the_hit_ratio_is_believed_up_to_ninety_percent() -> None:
    sizes = learned(*[flow_of(10.0, 1000.0, 10.0, computed=100.0)] * 3)
    assert arrivals.computed_share(sizes) == pytest.approx(0.1)
    assert arrivals.computed_share(arrivals.UNSIZED) == 1.0


def test_equal_prompts_have_no_spread_and_unequal_ones_do() -> None:
    equal = mean_request(learned(*[flow_of(10.0, 1000.0, 10.0)] * 100), 0.0)
    unequal = mean_request(learned(*[flow_of(1.0, size, 10.0) for size in (100.0, 1900.0) * 200]), 0.0)
    assert equal is not None
    assert unequal is not None
    assert equal.prompt_spread < 0.1
    assert unequal.prompt_spread == pytest.approx(0.81, rel=0.3)
