"""KEDA's part: activation, cool-down, fallback, errors (from the source of KEDA 2.21.0, worked by hand)."""

import pytest

from simulations.actuation.keda import Keda
from simulations.actuation.settings import MICROS, Fallback, FallbackBehavior, KedaSettings
from simulations.policies.base import Ask, Metric

POLL_US = 30 * MICROS


def ask(
    *values: float | None, active: bool | None = True, kind: str = "AverageValue", target: float = 1
) -> Ask:
    metrics = tuple(
        Metric(name=f"s{i}", value=value, target=target, kind=kind) for i, value in enumerate(values)
    )
    return Ask(metrics=metrics, active=active)


def keda(
    low: int = 0, *, fallback: Fallback | None = None, push: bool = False, cooldown_s: int = 300
) -> Keda:
    settings = KedaSettings(fallback=fallback, push=push, cooldown_us=cooldown_s * MICROS)
    return Keda(settings, min_replicas=low)


def polls(machine: Keda, start: int, asks: list[Ask], *, hpa_queries: bool = False) -> list[int]:
    replicas, seen = start, []
    for turn, answer in enumerate(asks):
        replicas = machine.poll(
            turn * POLL_US, answer, spec_replicas=replicas, ready_pods=replicas, hpa_queries=hpa_queries
        ).replicas
        seen.append(replicas)
    return seen


ACTIVE, INACTIVE, FAILING = ask(2), ask(0, active=False), ask(None)


@pytest.mark.parametrize(
    ("low", "start", "asks", "replicas"),
    [
        pytest.param(0, 0, [INACTIVE, ACTIVE], [0, 1], id="active at zero: to one"),
        pytest.param(3, 0, [ACTIVE], [3], id="active at zero with a minimum: to the minimum"),
        pytest.param(3, 1, [ACTIVE], [1], id="active below the minimum is left to the HPA"),
        pytest.param(3, 1, [INACTIVE], [3], id="inactive below the minimum is raised to it"),
        pytest.param(1, 4, [INACTIVE] * 20, [4] * 20, id="with a minimum inactivity changes nothing"),
        pytest.param(0, 5, [INACTIVE], [0], id="never active: to zero at the first poll, from any number"),
        # Active at 0 s; 0 + 300 s are over at the poll of 300 s, the eleventh.
        pytest.param(
            0, 5, [ACTIVE] + [INACTIVE] * 10, [5] * 10 + [0], id="to zero 300 s after the last active"
        ),
        pytest.param(
            0,
            2,
            [ACTIVE, INACTIVE, INACTIVE, ACTIVE] + [INACTIVE] * 10,
            [2] * 13 + [0],
            id="an active poll in between begins the cool-down anew (90 s + 300 s)",
        ),
        pytest.param(0, 0, [FAILING] * 3, [0] * 3, id="an error at zero wakes nobody"),
        pytest.param(0, 4, [FAILING] * 30, [4] * 30, id="errors leave replicas alone, for ever"),
        # The time of 0 s ages through the outage, so the first inactive answer after it goes to zero.
        pytest.param(
            0,
            4,
            [ACTIVE] + [FAILING] * 10 + [INACTIVE],
            [4] * 11 + [0],
            id="an outage ages the last active time",
        ),
        pytest.param(0, 4, [ask(3, active=None)] * 12, [4] * 12, id="unknown activity deactivates nothing"),
        pytest.param(0, 0, [ask(3, active=None)], [0], id="unknown activity activates nothing"),
        pytest.param(0, 3, [Ask()], [3], id="no answer yet changes nothing"),
        pytest.param(0, 0, [Ask(active=True)], [1], id="activity without a metric activates"),
    ],
)
def test_the_scale_loop(low: int, start: int, asks: list[Ask], replicas: list[int]) -> None:
    assert polls(keda(low), start, asks) == replicas


def test_one_failing_trigger_of_two_stops_the_clock_but_not_activation() -> None:
    # PartialTriggerError: with replicas the last active time is not renewed, so after the cool-down of the
    # poll at 0 s the first inactive answer ends it; at zero an active trigger is enough.
    half = ask(2, None)
    asks = [ACTIVE] + [half] * 10 + [ask(0, 0, active=False)]
    assert polls(keda(), 4, asks) == [4] * 11 + [0]
    assert polls(keda(), 0, [half]) == [1]


def test_resource_metrics_alone_are_always_active() -> None:
    cpu = Ask(metrics=(Metric(name="cpu", value=50, target=80, kind="Utilization"),), active=None)
    assert polls(keda(), 3, [cpu] * 12) == [3] * 12
    assert polls(keda(), 0, [cpu]) == [1]


def test_the_last_active_time_has_whole_seconds() -> None:
    # Active at 0.9 s is stored as 0 s, so the cool-down of 30 s is over at 30.1 s, after 29.2 s.
    machine = keda(cooldown_s=30)

    def poll(at_us: int, answer: Ask) -> int:
        return machine.poll(at_us, answer, spec_replicas=2, ready_pods=2, hpa_queries=False).replicas

    assert poll(900_000, ACTIVE) == 2
    assert poll(29_900_000, INACTIVE) == 2
    assert poll(30_100_000, INACTIVE) == 0


def values(machine: Keda, answer: Ask, *, spec: int = 4, ready: int = 4) -> list[float | None]:
    return [metric.value for metric in machine.serve(answer, spec_replicas=spec, ready_pods=ready)]


def test_without_fallback_an_error_stays_an_error() -> None:
    machine = keda()
    assert [values(machine, ask(3, None)) for _ in range(9)] == [[3, None]] * 9


def test_fallback_begins_with_the_failure_after_the_threshold() -> None:
    machine = keda(1, fallback=Fallback(replicas=6, failures=3))
    assert [values(machine, FAILING)[0] for _ in range(5)] == [None, None, None, 6.0, 6.0]


def test_one_success_resets_the_count() -> None:
    machine = keda(1, fallback=Fallback(replicas=6, failures=2))
    seen = [values(machine, answer)[0] for answer in (FAILING, FAILING, ACTIVE, FAILING, FAILING, FAILING)]
    assert seen == [None, None, 2, None, None, 6.0]


def test_each_metric_has_its_own_count() -> None:
    machine = keda(1, fallback=Fallback(replicas=6, failures=1))
    assert [values(machine, answer) for answer in (ask(None, 5), ask(None, None), ask(None, None))] == [
        [None, 5],
        [6.0, None],
        [6.0, 6.0],
    ]


@pytest.mark.parametrize(
    ("behavior", "spec", "replicas"),
    [
        pytest.param("static", 9, 6, id="static forgets what is there"),
        pytest.param("currentReplicas", 9, 9, id="currentReplicas keeps what is there"),
        pytest.param("currentReplicasIfHigher", 9, 9, id="IfHigher keeps more"),
        pytest.param("currentReplicasIfHigher", 2, 6, id="IfHigher raises less"),
        pytest.param("currentReplicasIfLower", 9, 6, id="IfLower cuts more"),
        pytest.param("currentReplicasIfLower", 2, 2, id="IfLower keeps less"),
    ],
)
def test_what_fallback_makes_up(behavior: FallbackBehavior, spec: int, replicas: int) -> None:
    machine = keda(1, fallback=Fallback(replicas=6, failures=0, behavior=behavior))
    assert values(machine, ask(None, target=2.5), spec=spec) == [replicas * 2.5]


@pytest.mark.parametrize(
    ("ready", "value"),
    [
        pytest.param(4, 1.5, id="6 replicas of 4 ready are a level of 1.5"),
        pytest.param(9, 0.666, id="6 of 9 are 0.666, cut off"),
        pytest.param(0, None, id="with nothing ready fallback fails"),
    ],
)
def test_fallback_of_a_level_goes_by_ready_pods(ready: int, value: float | None) -> None:
    machine = keda(1, fallback=Fallback(replicas=6, failures=0))
    assert values(machine, ask(None, kind="Value"), ready=ready) == [value]


def test_fallback_counts_as_active_and_wakes_from_zero() -> None:
    machine = keda(fallback=Fallback(replicas=2, failures=3))
    # Failures 1 to 3 leave zero alone; the fourth poll serves the fallback.
    assert polls(machine, 0, [FAILING] * 4) == [0, 0, 0, 1]


def test_fallback_to_zero_replicas_takes_an_outage_for_inactivity() -> None:
    # Seen live with KEDA 2.21.0: replicas 0 with any behaviour, never active before: to zero at once.
    machine = keda(fallback=Fallback(replicas=0, failures=3, behavior="currentReplicas"))
    assert polls(machine, 3, [FAILING]) == [0]


def test_with_a_minimum_and_a_working_hpa_the_loop_asks_nothing_itself() -> None:
    # Both count while ScalingActive is false: poll 1, HPA 2, poll 3, so the HPA's next is over the threshold.
    machine = keda(1, fallback=Fallback(replicas=6, failures=3))
    polls(machine, 4, [FAILING], hpa_queries=False)
    assert values(machine, FAILING) == [None]
    polls(machine, 4, [FAILING], hpa_queries=False)
    assert values(machine, FAILING) == [6.0]
    # With ScalingActive true the poll goes by the HPA's record: one success of the source unseen by the loop.
    machine = keda(1, fallback=Fallback(replicas=6, failures=1))
    assert values(machine, FAILING) == [None]
    polls(machine, 4, [ACTIVE] * 5, hpa_queries=True)
    assert values(machine, FAILING) == [6.0]


def test_at_a_floor_of_zero_the_loop_always_asks() -> None:
    machine = keda(0, fallback=Fallback(replicas=6, failures=1))
    assert values(machine, FAILING) == [None]
    polls(machine, 4, [ACTIVE], hpa_queries=True)
    assert values(machine, FAILING) == [None]


def pushes(machine: Keda, start: int, asks: list[Ask]) -> list[int]:
    replicas, seen = start, []
    for turn, answer in enumerate(asks):
        replicas = machine.push(turn * 5 * MICROS, answer, spec_replicas=replicas).replicas
        seen.append(replicas)
    return seen


def test_push_wakes_at_once_and_only_where_the_trigger_pushes() -> None:
    assert pushes(keda(push=True), 0, [INACTIVE, ACTIVE, ACTIVE]) == [0, 1, 1]
    assert pushes(keda(2, push=True), 0, [ACTIVE]) == [2]
    assert pushes(keda(push=False), 0, [ACTIVE]) == [0]
    assert pushes(keda(push=True), 0, [ask(1, active=None)]) == [0]


def test_push_false_never_deactivates() -> None:
    assert pushes(keda(push=True), 3, [INACTIVE] * 5) == [3] * 5


def test_push_renews_the_cool_down_on_the_turn_to_active_only() -> None:
    # Pushed at 0 s and, still active, not at 5, 10 … 295 s: at 300 s the first inactive poll ends it.
    machine = keda(push=True)
    for at_s in range(0, 300, 5):
        machine.push(at_s * MICROS, ACTIVE, spec_replicas=2)
    gone = machine.poll(300 * MICROS, INACTIVE, spec_replicas=2, ready_pods=2, hpa_queries=False)
    assert gone.replicas == 0


@pytest.mark.parametrize(
    ("answer", "spec", "reason"),
    [
        pytest.param(ACTIVE, 0, "KEDA 0→1: active", id="woken"),
        pytest.param(INACTIVE, 4, "KEDA 4→0: inactive, cool-down over", id="to zero"),
        pytest.param(FAILING, 4, "KEDA: trigger failing, replicas left alone", id="failing"),
        pytest.param(ask(1, None), 4, "KEDA: active, some triggers failing", id="partly failing"),
        pytest.param(INACTIVE, 0, "KEDA: inactive", id="nothing to do"),
    ],
)
def test_a_poll_explains_itself(answer: Ask, spec: int, reason: str) -> None:
    result = keda().poll(0, answer, spec_replicas=spec, ready_pods=spec, hpa_queries=False)
    assert result.reason == reason


def test_a_cooling_fleet_says_how_long_it_has() -> None:
    machine = keda()
    polls(machine, 2, [ACTIVE])
    result = machine.poll(POLL_US, INACTIVE, spec_replicas=2, ready_pods=2, hpa_queries=False)
    assert result.reason == "KEDA: cooling down for 270 s more"
