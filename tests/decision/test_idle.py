"""Zero: when a model may sleep, and when it must wake."""

from collections.abc import Sequence
from typing import Any

import pytest

from scaler.decision import idle
from scaler.decision.decide import decide
from scaler.decision.model import Demand, Pod, PodPhase, Snapshot
from scaler.decision.policy import Policy
from scaler.decision.state import State
from tests.decision.builders import pod, replicas, samples, snapshot, starting, target
from tests.decision.plant import Plant

POLICY = Policy(idle_seconds=120.0)


def gateway(waiting: float | None = 0.0, **given: Any) -> Demand:
    return Demand(source="gw", waiting=waiting, **given)


def seen(now_s: float, pods: Sequence[Pod] = (), demand: Sequence[Demand] = (), spec: int = 0) -> Snapshot:
    return snapshot(now_s, pods, targets=(target(spec, min_replicas=0),), demand=tuple(demand))


def after(*snapshots: Snapshot, policy: Policy = POLICY) -> tuple[int, bool | None]:
    """(replicas, active) of the last decision."""
    state = State.initial()
    for one in snapshots:
        decision, state = decide(one, state, policy)
    return replicas(decision), decision.targets[0].active


def idling(until_s: float, demand: Sequence[Demand] = (gateway(),), **given: Any) -> list[Snapshot]:
    """One idle pod, every 5 s."""
    one = pod(samples=samples(**given))
    return [seen(float(t), [one], demand, spec=1) for t in range(0, int(until_s) + 1, 5)]


def test_after_its_idle_time_of_fresh_zero_a_model_sleeps() -> None:
    assert after(*idling(115.0)) == (1, True)
    assert after(*idling(120.0)) == (0, False)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"running": 1.0}, "a long answer is still being written"),
        ({"waiting": 1.0}, "a request waits"),
        ({"age_s": 20.0}, "the scrape is not fresh"),
        ({"running": None}, "a series that no pod exposes is unknown"),
    ],
)
def test_a_model_that_may_have_work_stays_awake(given: dict[str, Any], why: str) -> None:
    assert after(*idling(600.0, **given))[1] is True, why


@pytest.mark.parametrize(
    ("demand", "why"),
    [((), "nothing would tell of the request that wakes it"), ((gateway(3.0),), "requests wait outside")],
)
def test_a_model_stays_awake_by_demand_outside(demand: tuple[Demand, ...], why: str) -> None:
    assert after(*idling(600.0, demand))[1] is True, why


def test_without_a_source_of_demand_the_ask_stays_at_one_and_says_why() -> None:
    state = State.initial()
    for one in idling(600.0, ()):
        decision, state = decide(one, state, POLICY)
    assert replicas(decision) == 1
    assert "WakeImpossible" in {c.type for c in decision.conditions}


def test_requests_that_came_since_keep_it_awake() -> None:
    """Short answers between two scrapes: the gauges are zero each time, the counters are not."""
    quiet = idling(300.0)
    busy = [
        seen(305.0 + 5.0 * i, [pod(samples=samples(requests_finished_total=float(i)))], (gateway(),), spec=1)
        for i in range(60)
    ]
    assert after(*quiet[:1], *busy)[1] is True


def test_a_pod_on_its_way_out_with_work_keeps_it_awake() -> None:
    leaving = pod("x", phase=PodPhase.TERMINATING, samples=samples(running=1.0))
    fleet = [pod(), leaving]
    assert after(*[seen(5.0 * t, fleet, (gateway(),), spec=1) for t in range(60)])[1] is True


def test_asleep_it_stays_asleep_without_demand() -> None:
    assert after(*[seen(5.0 * t, (), (gateway(),)) for t in range(5)]) == (0, False)


@pytest.mark.parametrize(
    ("waiting", "asked"), [(1.0, 1), (500.0, 1)], ids=["one waits", "many wait, sizes unknown"]
)
def test_asleep_it_wakes_at_once(waiting: float, asked: int) -> None:
    assert after(seen(0.0, (), (gateway(),)), seen(5.0, (), (gateway(waiting),))) == (asked, True)


def test_it_wakes_with_as_many_as_the_queue_needs_within_the_cap() -> None:
    plant = Plant(rate=lambda _: 30.0, low=3, policy=POLICY).run(300.0)
    flood = seen(plant.now_s + 700.0, (), (gateway(),)), seen(plant.now_s + 730.0, (), (gateway(5000.0),))
    state = State(learned=plant.state.learned)
    for one in flood:
        decision, state = decide(one, state, POLICY)
    assert replicas(decision) == POLICY.wake_cap


@pytest.mark.parametrize(
    "demand", [(gateway(None),), (gateway(0.0, age_s=90.0),)], ids=["silent source", "stale source"]
)
def test_asleep_with_a_silent_source_nothing_is_known(demand: tuple[Demand, ...]) -> None:
    assert after(seen(0.0, (), demand)) == (0, None)


def test_while_it_wakes_it_is_active() -> None:
    woken = [seen(5.0 * t, [starting(created_s=0.0)], (gateway(4.0),), spec=1) for t in range(20)]
    assert after(*woken) == (1, True)


@pytest.mark.parametrize(
    ("reacquire_s", "given", "seconds"),
    [(100.0, {}, 300.0), (5.0, {}, 60.0), (5000.0, {}, 3600.0), (100.0, {"idle_seconds": 7.0}, 7.0)],
)
def test_the_economics_of_sleep(reacquire_s: float, given: dict[str, float], seconds: float) -> None:
    """Three cold starts long, between a minute and an hour, unless someone says otherwise."""
    assert idle.idle_s(reacquire_s, Policy(**given)) == seconds  # type: ignore[arg-type]


def test_outside_demand_is_differenced_by_source() -> None:
    first = idle.outside((gateway(5.0, rejected_total=100.0),), {}, POLICY)
    assert (first.waiting, first.arrived) == (5.0, 0.0)  # a baseline: nobody knows when they came
    second = idle.outside((gateway(3.0, rejected_total=104.0),), first.memory, POLICY)
    assert (second.waiting, second.arrived) == (3.0, 2.0)
    reset = idle.outside((gateway(3.0, rejected_total=1.0),), second.memory, POLICY)
    assert reset.arrived == 0.0
    silent = idle.outside((gateway(None),), second.memory, POLICY)
    assert (silent.known, silent.memory) == (False, second.memory)
