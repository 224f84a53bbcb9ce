"""What a policy's authors ship, and what a scenario lays over it."""

import pytest

from simulations.actuation.settings import (
    DEFAULT_DOWN,
    DEFAULT_UP,
    MICROS,
    Fallback,
    HpaSettings,
    Limits,
    resolve,
)
from simulations.errors import InputError
from simulations.policies.base import Actuation
from simulations.scenario import Direction, Hpa, Keda, Rule, Scenario

ONE_A_MINUTE = (Rule(type="Pods", value=1, period_s=60),)


def test_nothing_given_is_an_hpa_without_behavior() -> None:
    assert resolve(Actuation(), Scenario()).hpa == HpaSettings()


def test_one_field_of_one_direction_makes_a_behavior_with_every_default() -> None:
    # defaults.go: the other direction and the fields left out get theirs.
    hpa = resolve(Actuation(scale_down=Direction(stabilization_s=120)), Scenario()).hpa
    assert hpa.up == Limits(window_us=0, select="Max", rules=DEFAULT_UP)
    assert hpa.down == Limits(window_us=120 * MICROS, select="Max", rules=DEFAULT_DOWN)


def test_a_behavior_without_a_window_down_takes_the_controllers_five_minutes() -> None:
    hpa = resolve(Actuation(scale_down=Direction(rules=ONE_A_MINUTE)), Scenario()).hpa
    assert hpa.down == Limits(window_us=300 * MICROS, select="Max", rules=ONE_A_MINUTE)


def test_tolerances_fall_back_to_the_controllers_flag_by_direction() -> None:
    actuation = Actuation(scale_up=Direction(tolerance=0.0))
    hpa = resolve(actuation, Scenario(hpa=Hpa(tolerance=0.2))).hpa
    assert (hpa.tolerance_up, hpa.tolerance_down) == (0.0, 0.2)


def test_a_direction_of_the_scenario_replaces_the_authors_as_a_whole() -> None:
    actuation = Actuation(scale_up=Direction(tolerance=0.0, rules=ONE_A_MINUTE))
    hpa = resolve(actuation, Scenario(hpa=Hpa(sync_s=2, scale_up=Direction(stabilization_s=60)))).hpa
    assert hpa.up == Limits(window_us=60 * MICROS, select="Max", rules=DEFAULT_UP)
    assert (hpa.sync_us, hpa.tolerance_up) == (2 * MICROS, 0.1)


def test_the_scenario_overrides_polling_and_cool_down() -> None:
    actuation = Actuation(polling_s=5, cooldown_s=60, push=True)
    own = resolve(actuation, Scenario()).keda
    laid_over = resolve(actuation, Scenario(keda=Keda(polling_s=10, cooldown_s=0))).keda
    assert (own.polling_us, own.cooldown_us, own.push) == (5 * MICROS, 60 * MICROS, True)
    assert (laid_over.polling_us, laid_over.cooldown_us, laid_over.push) == (10 * MICROS, 0, True)


def test_fallback_needs_replicas() -> None:
    assert resolve(Actuation(), Scenario()).keda.fallback is None
    given = Actuation(fallback_replicas=2, fallback_failures=5, fallback_behavior="currentReplicasIfHigher")
    assert resolve(given, Scenario()).keda.fallback == Fallback(
        replicas=2, failures=5, behavior="currentReplicasIfHigher"
    )


@pytest.mark.parametrize(
    ("actuation", "message"),
    [
        pytest.param(
            Actuation(fallback_replicas=2, fallback_behavior="hold"),
            r"fallback_behavior: unknown behaviour 'hold'; use one of static, .*IfLower",
            id="an unknown behaviour",
        ),
        pytest.param(
            Actuation(fallback_replicas=-1),
            "fallback: -1 replicas after 3 failures; use numbers of at least 0",
            id="negative replicas",
        ),
    ],
)
def test_fallback_settings_that_keda_refuses_are_refused(actuation: Actuation, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(actuation, Scenario())
