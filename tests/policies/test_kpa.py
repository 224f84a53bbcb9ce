"""Knative's autoscaler: stories of (in flight, ready pods) every 2 s, worked from autoscaler.go."""

from collections.abc import Iterable

import pytest

from simulations.policies import kpa
from simulations.policies.base import Actuation, Gateway
from simulations.scenario import Scenario
from tests.policies.builders import replicas, samples, snapshot

PER_REPLICA = 7.0
"""Target 10 at 70 %."""


def _law(**given: float) -> kpa.Kpa:
    policy = kpa.build({"target": 10, **given}, Scenario())
    assert isinstance(policy, kpa.Kpa)
    return policy


def _play(
    law: kpa.Kpa, moments: Iterable[tuple[float, int]], *, start_s: float = 0.0, least: int = 1
) -> list[int]:
    """What is written at each moment: (in flight, ready)."""
    answers = []
    for i, (in_flight, ready) in enumerate(moments):
        fleet = snapshot(start_s + 2.0 * i, (samples(),) * ready, least=least)
        answers.append(replicas(law, fleet, Gateway(in_flight=int(in_flight))) or 0)
    return answers


@pytest.mark.parametrize(
    ("moments", "last"),
    [
        pytest.param([(14, 2)] * 30, 2, id="14 in flight over 7 per replica are two"),
        pytest.param([(15, 2)] * 31, 3, id="15 in flight are three: rounded up"),
        pytest.param([(0, 1)] * 31, 1, id="an idle fleet keeps its floor"),
        pytest.param([(7, 1)] * 30 + [(70, 1)] * 3, 10, id="a burst of 10 x is asked at once in panic"),
        pytest.param([(7, 1)] * 30 + [(13, 1)] * 3, 2, id="less than twice the ready pods is no panic"),
    ],
)
def test_what_a_steady_load_or_a_burst_asks(moments: list[tuple[float, int]], last: int) -> None:
    assert _play(_law(), moments)[-1] == last


def test_panic_never_shrinks_and_ends_after_a_calm_stable_window() -> None:
    law = _law()
    _play(law, [(7, 1)] * 30)
    assert _play(law, [(70, 1)] * 3, start_s=60.0)[-1] == 10
    calm = _play(law, [(7, 10)] * 40, start_s=66.0)
    assert calm[:30] == [10] * 30
    assert calm[-1] == 5  # floor(10 ready / 2): the down rate halves


def test_a_restarted_autoscaler_holds_the_scale_that_it_finds() -> None:
    assert _play(_law(), [(7, 6)] * 31) == [6] * 31


def test_a_single_ready_pod_starts_in_stable_mode() -> None:
    assert _play(_law(), [(0, 1)] * 2) == [1, 1]


def test_zero_waits_for_an_empty_stable_window_and_the_grace_period() -> None:
    law = _law()
    _play(law, [(5, 1)], least=0)
    answers = _play(law, [(0, 1)] * 60, start_s=2.0, least=0)
    first_zero_s = 2.0 + 2.0 * answers.index(0)
    assert first_zero_s == 60.0 + 30.0


def test_from_zero_the_requests_that_the_activator_holds_are_counted() -> None:
    assert _play(_law(), [(20, 0)], least=0) == [3]


def test_a_scale_down_delay_keeps_the_largest_ask() -> None:
    answers = _play(_law(scale_down_delay_s=30.0, stable_window_s=6.0), [(14, 1)] * 5 + [(2, 1)] * 25)
    assert answers[10] == 2
    assert answers[-1] == 1


def test_it_is_a_controller_of_its_own_at_two_second_ticks() -> None:
    law = _law()
    assert (law.actuation, law.tick_s) == (Actuation(direct=True), 2.0)
