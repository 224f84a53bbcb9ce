"""KEDA and the HPA together: whole stories of a scale target on their two clocks."""

from collections.abc import Callable

import pytest

from simulations.actuation.loop import Actuator, Step
from simulations.actuation.settings import (
    MICROS,
    ActuationSettings,
    Fallback,
    HpaSettings,
    KedaSettings,
    resolve,
)
from simulations.policies.base import Actuation, Ask, Metric
from simulations.scenario import Direction, Scenario

Moves = list[tuple[int, int]]


def ask(value: float | None, *, active: bool | None = True, name: str = "s0") -> Ask:
    return Ask(metrics=(Metric(name=name, value=value, target=1.0),), active=active)


def run(actuator: Actuator, start: int, until_s: int, answer: Callable[[int], Ask]) -> Moves:
    """Every change of spec.replicas, with pods as fast as the controllers; ticks of the policy every 5 s."""
    spec, moves = start, []
    for now_s in range(0, until_s + 1, 1):
        at_us = now_s * MICROS
        due = actuator.next_us()
        if now_s % 5 == 0 or (due is not None and due <= at_us):
            step = actuator.step(at_us, answer(now_s), spec, spec, spec)
            if step.replicas is not None:
                spec = step.replicas
                moves.append((now_s, spec))
    return moves


def test_from_zero_keda_makes_one_and_the_hpa_the_rest_at_its_next_sync() -> None:
    # Idle until 40 s. The poll of 60 s wakes it; the HPA's sync of the same instant comes after it and sees
    # one replica: four may be there at once (max(2 · 1, 4)), six at 75 s.
    actuator = Actuator(ActuationSettings(), 0, 10)
    assert run(actuator, 0, 120, lambda s: ask(6) if s >= 40 else ask(0, active=False)) == [(60, 4), (75, 6)]


def test_a_push_wakes_at_the_tick() -> None:
    settings = ActuationSettings(keda=KedaSettings(push=True))
    actuator = Actuator(settings, 0, 10)
    assert run(actuator, 0, 60, lambda s: ask(3) if s >= 35 else ask(0, active=False)) == [(35, 1), (45, 3)]


def test_down_to_zero_takes_the_window_or_the_cool_down_whichever_ends_first() -> None:
    # Active until 60 s; 60 + 120 s of cool-down are over at the poll of 180 s, long before the HPA's 300 s.
    settings = ActuationSettings(keda=KedaSettings(cooldown_us=120 * MICROS))
    actuator = Actuator(settings, 0, 10)
    assert run(actuator, 5, 400, lambda s: ask(5) if s <= 60 else ask(0, active=False)) == [(180, 0)]


def test_with_a_minimum_polling_moves_nothing() -> None:
    # 5 were wanted at 60 s for the last time: out of the window at 360 s.
    settings = ActuationSettings(keda=KedaSettings(polling_us=MICROS, cooldown_us=MICROS))
    actuator = Actuator(settings, 1, 10)
    assert run(actuator, 5, 400, lambda s: ask(5) if s <= 60 else ask(1, active=False)) == [(360, 1)]


def test_values_are_those_of_the_hpas_sync_not_of_the_poll() -> None:
    # A spike at 5 … 25 s is over before the poll of 30 s, but the sync of 15 s has seen it.
    actuator = Actuator(ActuationSettings(), 1, 10)
    assert run(actuator, 2, 60, lambda s: ask(4) if 5 <= s <= 25 else ask(2)) == [(15, 4)]


def test_a_spike_between_two_syncs_is_never_seen() -> None:
    actuator = Actuator(ActuationSettings(), 1, 10)
    assert run(actuator, 2, 60, lambda s: ask(9) if 16 <= s <= 29 else ask(2)) == []


def test_fallback_trips_sooner_at_a_floor_of_zero_where_both_paths_count() -> None:
    # From 5 s on it fails. At 15 s the HPA counts 1; at 30 s the poll 2 and the HPA 3; at 45 s the HPA 4,
    # over the threshold of 3: eight are wanted, at most four more than now or twice: 4 → 8.
    settings = ActuationSettings(keda=KedaSettings(fallback=Fallback(replicas=8, failures=3)))
    actuator = Actuator(settings, 0, 10)
    assert run(actuator, 4, 60, lambda s: ask(4) if s < 5 else ask(None)) == [(45, 8)]


def test_with_a_minimum_the_loop_begins_to_count_when_scaling_active_is_lost() -> None:
    # 15 s: the HPA counts 1 and loses ScalingActive; 30 s: the poll counts 2, the HPA 3; 45 s: the HPA 4.
    settings = ActuationSettings(keda=KedaSettings(fallback=Fallback(replicas=8, failures=3)))
    actuator = Actuator(settings, 1, 10)
    assert run(actuator, 4, 60, lambda s: ask(4) if s < 5 else ask(None)) == [(45, 8)]


def test_a_failing_sibling_keeps_the_hpa_active_so_that_it_counts_alone() -> None:
    # One of two metrics fails; the other proposes what is there, so ScalingActive stays true: only the HPA
    # counts, at 15, 30, 45 and 60 s, and its fourth failure makes eight.
    settings = ActuationSettings(keda=KedaSettings(fallback=Fallback(replicas=8, failures=3)))
    actuator = Actuator(settings, 1, 10)
    good, bad = Metric(name="s0", value=4.0, target=1.0), Metric(name="s1", value=None, target=1.0)

    def answer(now_s: int) -> Ask:
        return Ask(
            metrics=(good, Metric(name="s1", value=1.0, target=1.0) if now_s < 5 else bad), active=True
        )

    assert run(actuator, 4, 90, answer) == [(60, 8)]


def test_an_outage_without_fallback_holds() -> None:
    actuator = Actuator(ActuationSettings(), 0, 10)
    assert run(actuator, 4, 900, lambda s: ask(4) if s < 5 else ask(None)) == []


def test_outside_the_bounds_no_metric_is_asked_for_so_none_fails() -> None:
    # 12 of at most 10: the sync of 0 s cuts without asking. Failures: poll 1 at 0 s, HPA 2 at 15 s, poll 3
    # and HPA 4 at 30 s.
    settings = ActuationSettings(keda=KedaSettings(fallback=Fallback(replicas=2, failures=3)))
    actuator = Actuator(settings, 0, 10)
    assert run(actuator, 12, 40, lambda _: ask(None)) == [(0, 10)]
    assert actuator.step(45 * MICROS, ask(None), 10, 10, 10).reason.startswith("HPA 10→10: s0 wants 2")


def test_the_authors_behavior_reaches_the_hpa() -> None:
    # One pod at a time up, nothing down.
    actuation = Actuation(scale_up=Direction(select="Min"), scale_down=Direction(select="Disabled"))
    actuator = Actuator(resolve(actuation, Scenario()), 1, 10)
    assert run(actuator, 1, 400, lambda s: ask(9) if s < 30 else ask(1)) == [(0, 2), (15, 4)]


def test_the_first_looks_come_at_the_start_and_then_on_two_clocks() -> None:
    actuator = Actuator(ActuationSettings(), 1, 10, start_us=7)
    due = []
    for _ in range(4):
        at_us = actuator.next_us()
        assert at_us is not None
        due.append(at_us)
        actuator.step(at_us, ask(1), 1, 1, 1)
    assert due == [7, 7 + 15 * MICROS, 7 + 30 * MICROS, 7 + 45 * MICROS]


def test_a_step_before_anything_is_due_does_nothing() -> None:
    actuator = Actuator(ActuationSettings(), 1, 10)
    actuator.step(0, ask(1), 1, 1, 1)
    assert actuator.step(5 * MICROS, ask(9), 1, 1, 1) == Step(replicas=None)


def test_a_step_explains_every_controller_that_looked() -> None:
    actuator = Actuator(ActuationSettings(), 0, 10)
    step = actuator.step(0, ask(3), 0, 0, 0)
    assert step == Step(replicas=3, reason="KEDA 0→1: active; HPA 1→3: s0 wants 3")


@pytest.mark.parametrize(
    ("wanted", "replicas"),
    [
        pytest.param(7, 7, id="inside the bounds"),
        pytest.param(70, 10, id="above them"),
        pytest.param(0, 2, id="below them"),
        pytest.param(4, None, id="what is there already"),
        pytest.param(None, None, id="no opinion"),
    ],
)
def test_a_direct_policy_is_only_bounded(wanted: int | None, replicas: int | None) -> None:
    actuator = Actuator(ActuationSettings(direct=True), 2, 10)
    assert actuator.next_us() is None
    step = actuator.step(123, Ask(replicas=wanted, reason="because"), 4, 4, 4)
    assert step == Step(replicas=replicas, reason="because")


def test_the_hpas_period_is_the_scenarios() -> None:
    actuator = Actuator(ActuationSettings(hpa=HpaSettings(sync_us=2 * MICROS)), 1, 10)
    assert run(actuator, 1, 10, lambda s: ask(3) if s >= 3 else ask(1)) == [(4, 3)]
