"""The objective's record: who missed, what replicas can cure, and what it moves."""

from dataclasses import replace
from typing import Any

import pytest

from scaler.decision import slo
from scaler.decision.flows import Flow, Steps
from scaler.decision.policy import Policy
from scaler.decision.slo import Incurable, Verdict, Window

POLICY = Policy()


def window(**given: Any) -> Window:
    fields: dict[str, Any] = {"start_s": 0.0, "seconds": 30.0, "requests": 200.0, "ttft_sum_s": 20.0}
    return Window(**(fields | given))


def judged(**given: Any) -> Verdict:
    return slo.judge(window(**given), Verdict(), 0.05, POLICY)


def test_a_window_sums_ticks() -> None:
    flow = Flow(
        pod_seconds=5.0, first_tokens=10.0, ttft_sum_s=2.0, ttft_known=True, queue_count=10.0, queue_sum_s=1.0
    )
    steps = [Steps(1000.0, 0.02, 0.0, 1.0)]
    one = slo.add(Window(0.0), flow, steps, 3.0, 5.0, 0.5, 0.4, 0.0, 2.0, standing=True)
    two = slo.add(one, flow, steps, 0.0, 5.0, 0.7, 0.3, 2.0, 4.0, standing=False)
    assert (two.requests, two.missed, two.ttft_sum_s) == (20.0, 3.0, 4.0)
    assert two.itl_tokens == 2000.0
    assert two.itl_sum_s == pytest.approx(40.0)
    assert two.load / two.seconds == pytest.approx(0.6)
    assert (two.kv_ratio, two.waited, two.standing) == (0.4, True, False)
    assert (two.arrived, two.served) == (30.0, 20.0)


def test_requests_without_a_ttft_histogram_are_not_judged_by_it() -> None:
    untold = Flow(first_tokens=10.0)
    one = slo.add(Window(0.0), untold, (), 0.0, 5.0, 0.0, 0.0, 0.0, 2.0, standing=False)
    assert (one.requests, one.served) == (0.0, 10.0)


@pytest.mark.parametrize(("itl_s", "share"), [(0.02, 0.0), (0.045, 0.0), (0.05, 0.5), (0.056, 1.0)])
def test_the_share_of_requests_beyond_the_itl(itl_s: float, share: float) -> None:
    assert slo.itl_missed(itl_s, 0.05) == pytest.approx(share)


def test_misses_count_by_the_queueing_that_came_with_them() -> None:
    queued = judged(missed=20.0, queue_count=200.0, queue_sum_s=60.0)
    alone = judged(missed=20.0, queue_count=200.0, queue_sum_s=0.2)
    assert (queued.ttft_missed, queued.curable) == (0.1, 1.0)
    assert queued.delay_s == pytest.approx(0.3)
    assert slo.missed(queued, Incurable(), itl_off=False) == pytest.approx(0.1)
    assert slo.missed(alone, Incurable(), itl_off=False) < 0.001


def test_without_the_queues_histogram_the_delay_is_what_exceeds_an_idle_engine() -> None:
    assert judged(ttft_sum_s=40.0).delay_s == pytest.approx(0.15)
    assert judged(ttft_sum_s=4.0).delay_s == 0.0
    assert judged(requests=0.0).delay_s is None


def test_misses_of_an_idle_fleet_switch_the_terms_off_and_a_good_window_on_again() -> None:
    bad = window(missed=100.0, queue_count=200.0, queue_sum_s=0.1, load=3.0)
    found = Incurable()
    for _ in range(slo.INCURABLE_WINDOWS):
        verdict = slo.judge(bad, Verdict(), 0.05, POLICY)
        found = slo.judge_incurable(found, bad, verdict, POLICY)
    assert found.ttft >= slo.INCURABLE_WINDOWS
    late_and_slow = replace_verdict(judged(missed=200.0, queue_count=200.0, queue_sum_s=60.0))
    assert slo.missed(late_and_slow, found, itl_off=False) == 0.0
    good = window(load=3.0)
    assert slo.judge_incurable(found, good, judged(), POLICY).ttft == 0


def replace_verdict(verdict: Verdict) -> Verdict:
    return verdict._replace(itl_missed=0.0)


def test_an_itl_that_an_idle_engine_misses_is_no_miss() -> None:
    verdict = Verdict(requests=100.0, itl_missed=1.0)
    assert slo.missed(verdict, Incurable(), itl_off=False) == 1.0
    assert slo.missed(verdict, Incurable(), itl_off=True) == 0.0


@pytest.mark.parametrize(
    "busy", [{"waited": True}, {"kv_ratio": 0.9}, {"load": 25.0}, {"disturbed": True}, {"requests": 0.0}]
)
def test_a_busy_or_disturbed_window_says_nothing_of_what_is_incurable(busy: dict[str, Any]) -> None:
    given: dict[str, Any] = {"missed": 100.0, "queue_count": 200.0, "queue_sum_s": 0.1} | busy
    before = Incurable(ttft=2)
    assert slo.judge_incurable(before, window(**given), judged(**given), POLICY) == before


@pytest.mark.parametrize(
    ("sigma", "load", "bad", "requests", "expected", "why"),
    [
        (1.0, 0.8, 0.5, 200.0, 1.0 + 0.3 * (0.95 * 0.8 - 1.0), "missed below capacity: falls at once"),
        (1.0, 1.2, 0.5, 200.0, 1.0, "missed above capacity: the load explains it"),
        (1.0, 0.2, 0.5, 200.0, 1.0, "missed at a fifth: capacity is not why"),
        (0.8, 1.0, 0.0, 200.0, 0.8 + 0.2 * 0.2, "carried more without misses: rises"),
        (0.8, 1.0, 0.0, 100.0, 0.8 + 0.2 * 30 / 1800, "too few to be sure: heals only"),
        (0.8, 0.7, 0.0, 200.0, 0.8 + 0.2 * 30 / 1800, "no news: heals towards 1"),
        (0.31, 0.29, 0.9, 200.0, 0.30, "never below the least"),
    ],
)
def test_the_residual(
    sigma: float, load: float, bad: float, requests: float, expected: float, why: str
) -> None:
    verdict = Verdict(requests=requests, load=load)
    assert slo.residual(sigma, window(), verdict, bad, POLICY) == pytest.approx(expected, abs=0.01), why


@pytest.mark.parametrize(
    ("sigma", "served", "expected", "why"),
    [
        (1.0, 100.0, 1.0 + 0.3 * (0.4 - 1.0), "half of what came was served: the capacity is half the load"),
        (0.3, 100.0, 0.3, "more than believed: no news"),
        (0.06, 0.0, 0.05, "nothing was served: the least"),
    ],
)
def test_what_is_served_beside_a_standing_queue_is_the_capacity(
    sigma: float, served: float, expected: float, why: str
) -> None:
    """A limit that the model does not know: too few seats, a slow proxy inside the pod."""
    standing = window(queue_at_start=True, standing=True, arrived=200.0, served=served)
    verdict = Verdict(requests=served, load=0.8)
    assert slo.residual(sigma, standing, verdict, 0.0, POLICY) == pytest.approx(expected), why


@pytest.mark.parametrize("flaw", [{"disturbed": True}, {"queue_at_start": True, "standing": False}])
def test_a_disturbed_window_leaves_the_residual(flaw: dict[str, Any]) -> None:
    verdict = Verdict(requests=200.0, load=0.8)
    assert slo.residual(1.0, window(**flaw), verdict, 0.9, POLICY) == 1.0


def test_headroom_grows_on_misses_and_shrinks_by_a_hair() -> None:
    wide = replace(POLICY, trim_min=0.5, target_utilization=0.9)
    assert slo.trim(0.75, 100.0, 0.42, 1.0, wide) == pytest.approx(0.75 - 0.05 * 0.4)
    assert slo.trim(0.75, 100.0, 0.0, 1.0, wide) == pytest.approx(0.751)
    assert slo.trim(0.75, 5.0, 0.9, 1.0, wide) == 0.75
    assert slo.trim(0.501, 100.0, 1.0, 1.0, wide) == 0.5
    assert slo.trim(0.9, 100.0, 0.0, 60.0, wide) == 0.9, "never above the policy's own"
    assert slo.trim(0.4, 100.0, 1.0, 1.0, replace(wide, target_utilization=0.4)) == 0.4


@pytest.mark.parametrize(
    ("windows", "current", "wanted", "demand", "ask", "why"),
    [
        (2, 20, 18, 17.0, 22.0, "a tenth more"),
        (2, 4, 3, 3.0, 4.9, "one more, within 1.3 × demand + 1"),
        (2, 4, 3, 1.0, None, "the bound is already exceeded: the objective is wrong, not the fleet"),
        (1, 20, 18, 17.0, None, "one window is an accident"),
        (2, 20, 22, 17.0, None, "the model asks for more anyway"),
    ],
)
def test_the_emergency_step(
    windows: int, current: int, wanted: float, demand: float, ask: float | None, why: str
) -> None:
    found = slo.emergency(Verdict(bad_windows=windows), current, wanted, demand)
    assert found == (None if ask is None else pytest.approx(ask)), why


def test_bad_windows_are_counted_in_a_row() -> None:
    bad = window(missed=50.0, queue_count=200.0, queue_sum_s=60.0)
    once = slo.judge(bad, Verdict(), 0.05, POLICY)
    twice = slo.judge(bad, once, 0.05, POLICY)
    assert (once.bad_windows, twice.bad_windows) == (1, 2)
    assert slo.judge(window(), twice, 0.05, POLICY).bad_windows == 0
