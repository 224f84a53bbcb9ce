"""Laws of the actuation that hold for any history."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from simulations.actuation.hpa import Hpa
from simulations.actuation.loop import Actuator
from simulations.actuation.settings import MICROS, HpaSettings, resolve
from simulations.policies.base import Actuation, Ask, Metric
from simulations.scenario import Direction, Rule, Scenario

rules = st.builds(
    Rule,
    type=st.sampled_from(["Pods", "Percent"]),
    value=st.integers(1, 200),
    period_s=st.sampled_from([15, 30, 60, 180]),
)
directions = st.builds(
    Direction,
    stabilization_s=st.sampled_from([None, 0, 30, 60, 300]),
    tolerance=st.sampled_from([None, 0.0, 0.05, 0.25]),
    select=st.sampled_from(["Max", "Min", "Disabled"]),
    rules=st.lists(rules, max_size=3).map(tuple),
)
settings = st.builds(
    lambda up, down: resolve(Actuation(scale_up=up, scale_down=down), Scenario()).hpa,
    st.just(Direction()) | directions,
    st.just(Direction()) | directions,
)
values = st.none() | st.floats(0, 60, allow_nan=False)
metrics = st.lists(
    st.tuples(values, st.sampled_from(["AverageValue", "Value"]), st.sampled_from([0.5, 1.0, 3.0])),
    min_size=1,
    max_size=3,
).map(
    lambda drawn: [
        Metric(name=f"s{i}", value=value, kind=kind, target=target)
        for i, (value, kind, target) in enumerate(drawn)
    ]
)


@dataclass(frozen=True)
class Turn:
    status_off: int
    ready_share: float
    metrics: list[Metric]


turns = st.lists(st.builds(Turn, st.integers(-3, 3), st.floats(0, 1), metrics), min_size=1, max_size=30)


def replay(hpa_settings: HpaSettings, start: int, history: list[Turn], *, reverse: bool = False) -> list[int]:
    hpa = Hpa(hpa_settings, min_replicas=2, max_replicas=20)
    replicas, seen = start, []
    for turn, look in enumerate(history):
        status = max(0, replicas + look.status_off)
        asked = look.metrics[::-1] if reverse else look.metrics
        result = hpa.sync(turn * 15 * MICROS, replicas, status, int(status * look.ready_share), asked)
        replicas = result.replicas
        seen.append(replicas)
    return seen


@given(settings, st.integers(0, 30), turns)
def test_after_one_sync_a_running_fleet_is_within_its_bounds(
    hpa_settings: HpaSettings, start: int, history: list[Turn]
) -> None:
    seen = replay(hpa_settings, start, history)
    assert all(replicas == 0 if start == 0 else 2 <= replicas <= 20 for replicas in seen)


@given(settings, st.integers(0, 30), turns)
def test_the_order_of_the_metrics_is_irrelevant(
    hpa_settings: HpaSettings, start: int, history: list[Turn]
) -> None:
    assert replay(hpa_settings, start, history) == replay(hpa_settings, start, history, reverse=True)


@given(settings, st.integers(0, 30), turns)
def test_the_same_history_gives_the_same_replicas(
    hpa_settings: HpaSettings, start: int, history: list[Turn]
) -> None:
    assert replay(hpa_settings, start, history) == replay(hpa_settings, start, history)


@given(
    settings, st.integers(2, 20), st.lists(st.floats(0, 1, allow_nan=False, exclude_max=True), max_size=30)
)
def test_within_the_tolerance_nothing_ever_moves(
    hpa_settings: HpaSettings, start: int, where: list[float]
) -> None:
    hpa = Hpa(hpa_settings, min_replicas=2, max_replicas=20)
    low, high = 1 - hpa_settings.tolerance_down, 1 + hpa_settings.tolerance_up
    for turn, share in enumerate(where):
        # In whole thousandths, rounded towards 1, so that what KEDA sends is inside as well.
        inside = start * (low + share * (high - low))
        value = int(inside * 1000) / 1000 if inside > start else -(-inside * 1000 // 1) / 1000
        total = Metric(name="s0", value=value, target=1.0)
        assert hpa.sync(turn * 15 * MICROS, start, start, start, [total]).replicas == start


@given(settings, st.integers(2, 20), turns)
def test_a_metric_that_fails_never_lowers_a_fleet(
    hpa_settings: HpaSettings, start: int, history: list[Turn]
) -> None:
    hpa = Hpa(hpa_settings, min_replicas=2, max_replicas=20)
    replicas = start
    for turn, look in enumerate(history):
        asked = [*look.metrics, Metric(name="dead", value=None, target=1.0)]
        result = hpa.sync(turn * 15 * MICROS, replicas, replicas, replicas, asked)
        assert result.desired is None or result.desired >= replicas
        if result.desired is None:
            assert result.replicas == replicas
        replicas = result.replicas


@given(
    st.integers(0, 3),
    st.lists(st.tuples(values, st.sampled_from([True, False, None])), min_size=1, max_size=40),
    st.sampled_from([None, 0, 2]),
)
def test_the_loop_stays_within_the_bounds_and_only_keda_reaches_zero(
    low: int, answers: list[tuple[float | None, bool | None]], fallback: int | None
) -> None:
    actuation = Actuation(cooldown_s=60, push=True, fallback_replicas=fallback)
    actuator = Actuator(resolve(actuation, Scenario()), low, 12)
    spec = low
    for turn, (value, active) in enumerate(answers):
        ask = Ask(metrics=(Metric(name="s0", value=value, target=1.0),), active=active)
        step = actuator.step(turn * 5 * MICROS, ask, spec, spec, spec)
        was, spec = spec, spec if step.replicas is None else step.replicas
        assert low <= spec <= 12
        if spec == 0 < was:
            assert active is False or value is None
            assert f"KEDA {was}→0" in step.reason
