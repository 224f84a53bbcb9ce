"""What must hold of any law (scaling-law section 17), over random fleets and histories."""

import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.decision import wire
from scaler.decision.decide import decide
from scaler.decision.model import Demand, Pod, PodPhase, Snapshot
from scaler.decision.policy import Policy
from scaler.decision.state import State
from tests.decision.builders import pod, replicas, samples, snapshot, target
from tests.decision.plant import Plant, Speed

shares = st.floats(0.0, 1.0)


@st.composite
def plants(draw: st.DrawFn) -> Plant:
    """A plant some minutes into a run, anywhere between idle and overloaded."""
    rate = draw(st.floats(0.0, 60.0))
    slope = draw(st.floats(-0.05, 0.1))
    plant = Plant(
        rate=lambda t: max(0.0, rate + slope * t),
        low=draw(st.integers(1, 6)),
        high=40,
        cold_s=draw(st.sampled_from((20.0, 60.0, 150.0))),
        tokens_in=draw(st.sampled_from((50.0, 1000.0, 8000.0))),
        tokens_out=draw(st.sampled_from((10.0, 250.0, 1500.0))),
        speed=draw(st.sampled_from((Speed(), Speed(base_s=0.03, prefill_s=2e-4, kv_tokens=40_000.0)))),
    )
    return plant.run(draw(st.integers(1, 24)) * 5.0)


def asked(at: Snapshot, state: State, policy: Policy) -> int:
    """The ask, and nothing remembered."""
    return replicas(decide(at, state, policy)[0])


def changed(at: Snapshot, i: int, **given: Any) -> Snapshot:
    """One pod's samples changed."""
    one = at.pods[i]
    assert one.samples is not None
    pods = (*at.pods[:i], replace(one, samples=replace(one.samples, **given)), *at.pods[i + 1 :])
    return replace(at, pods=pods)


@settings(max_examples=15)
@given(plants(), st.sampled_from(("waiting", "kv_usage_ratio")), st.floats(0.01, 500.0))
def test_more_of_any_gauge_never_lowers_the_ask(plant: Plant, name: str, more: float) -> None:
    at = plant.snapshot()
    ready = [i for i, p in enumerate(at.pods) if p.samples is not None]
    one = at.pods[ready[0]].samples
    assert one is not None
    value = getattr(one, name) + (more if name == "waiting" else min(more, 1.0))
    assert asked(changed(at, ready[0], **{name: value}), plant.state, plant.policy) >= asked(
        at, plant.state, plant.policy
    )


@settings(max_examples=12)
@given(plants(), st.floats(0.01, 500.0), st.booleans())
def test_more_demand_outside_never_lowers_the_ask(plant: Plant, more: float, rejected: bool) -> None:
    at = plant.snapshot()
    extra = Demand(
        source="gateway", waiting=0.0 if rejected else more, rejected_total=more if rejected else 0.0
    )
    none = Demand(source="gateway", waiting=0.0, rejected_total=0.0)
    base = replace(at, demand=(*at.demand, none))
    assert asked(replace(at, demand=(*at.demand, extra)), plant.state, plant.policy) >= asked(
        base, plant.state, plant.policy
    )


@settings(max_examples=12)
@given(plants(), st.integers(1, 4))
def test_polls_that_bring_nothing_new_change_nothing(plant: Plant, polls: int) -> None:
    at = plant.snapshot()
    decision, state = decide(at, plant.state, plant.policy)
    for _ in range(polls):
        again, state = decide(at, state, plant.policy)
        assert again == decision


@settings(max_examples=10)
@given(plants(), st.data())
def test_the_order_of_pods_does_not_matter(plant: Plant, data: st.DataObject) -> None:
    at = plant.snapshot()
    shuffled = data.draw(st.permutations(at.pods))
    decision = decide(at, plant.state, plant.policy)[0]
    other = decide(replace(at, pods=tuple(shuffled)), plant.state, plant.policy)[0]
    assert [t.outcome for t in other.targets] == [t.outcome for t in decision.targets]


@settings(max_examples=12)
@given(plants(), st.data())
def test_missing_data_never_lowers_the_ask(plant: Plant, data: st.DataObject) -> None:
    at = plant.snapshot()
    assume_spec = at.targets[0].spec_replicas
    assert assume_spec is not None

    def hidden(one: Pod) -> Pod:
        how = data.draw(st.sampled_from(("seen", "gone", "stale", "old")))
        if one.samples is None or how == "seen":
            return one
        age_s = {"gone": None, "stale": 30.0, "old": 300.0}[how]
        return replace(one, samples=None if age_s is None else replace(one.samples, age_s=age_s))

    without = replace(at, pods=tuple(hidden(p) for p in at.pods))
    least = min(assume_spec, asked(at, plant.state, plant.policy))
    assert asked(without, plant.state, plant.policy) >= least


@settings(max_examples=12)
@given(plants(), st.integers(0, 5), st.integers(0, 10))
def test_the_ask_stays_within_the_bounds(plant: Plant, low: int, more: int) -> None:
    at = plant.snapshot()
    bounded = replace(
        at, targets=(replace(at.targets[0], min_replicas=low, max_replicas=max(1, low + more)),)
    )
    assert low <= asked(bounded, plant.state, plant.policy) <= max(1, low + more)


@settings(max_examples=5)
@given(plants(), st.integers(1, 8))
def test_a_restart_from_json_continues(plant: Plant, ticks: int) -> None:
    restored = wire.from_json(State, json.loads(json.dumps(wire.to_json(plant.state), allow_nan=False)))
    assert restored == plant.state
    state = plant.state
    for _ in range(ticks):
        at = plant.snapshot()
        plant.step()
        ours, state = decide(at, state, plant.policy)
        theirs, restored = decide(at, restored, plant.policy)
        assert theirs == ours
        restored = wire.from_json(State, json.loads(json.dumps(wire.to_json(restored))))


@settings(max_examples=8)
@given(plants(), shares)
def test_after_losing_the_live_state_the_ask_does_not_fall(plant: Plant, fall: float) -> None:
    plant.state = State(learned=plant.state.learned)
    before = plant.rate
    plant.rate = lambda t: before(t) * fall
    spec = plant.spec
    plant.run(60.0)
    assert min(plant.asks[-12:]) >= spec


@pytest.mark.parametrize("k", range(1, 65))
def test_k_pods_at_their_target_are_k_pods(k: int) -> None:
    """A level is not a total: k pods, each at the KV target, ask for k (kornsour's scaler asks for 1, any
    k)."""
    pods = [pod(f"p{i}", samples=samples(running=8.0, kv_usage_ratio=0.85)) for i in range(k)]
    at = snapshot(0.0, pods)
    assert replicas(decide(at, State.initial(), Policy())[0]) == k


@pytest.mark.parametrize("k", [1, 3, 10, 20])
def test_k_equal_loads_need_k_times_one_load(k: int) -> None:
    """The rate term is a total: k times the load on k times the pods asks for about k times as much, at
    most."""
    one = Plant(rate=lambda _: 20.0, low=1, high=200).run(120.0)
    many = Plant(rate=lambda _: 20.0 * k, low=k, high=200).run(120.0)

    def rate_term(plant: Plant) -> float:
        value = plant.decisions[-1].targets[0].terms[0].replicas
        assert value is not None
        return value

    assert rate_term(many) <= k * rate_term(one) * 1.01
    assert rate_term(many) >= k * rate_term(one) * 0.5


@settings(max_examples=12)
@given(plants())
def test_pending_pods_do_not_multiply_the_ask(plant: Plant) -> None:
    """The cascade of aibrix#2670: 2, 4, 8, 16 while pods are pending. N never multiplies demand."""
    at = plant.snapshot()
    loading = tuple(
        Pod(
            name=f"loading{i}",
            target="t",
            phase=PodPhase.STARTING,
            since_s=plant.now_s,
            created_s=plant.now_s,
            node_class="n",
            config_id="c",
        )
        for i in range(10)
    )
    more = replace(at, pods=at.pods + loading)
    assert asked(more, plant.state, plant.policy) <= max(asked(at, plant.state, plant.policy), plant.spec)


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.floats(0.0, 3.0))
def test_any_sane_history_gives_finite_answers(seed: int, rate: float) -> None:
    """Random walks of every number that a scrape may hold, series that come and go, pods that restart."""
    luck = random.Random(seed)
    state, policy = State.initial(), Policy()
    totals = [0.0] * 6
    now = 0.0
    for tick in range(30):
        now += luck.choice((1.0, 5.0, 5.0, 5.0, 60.0))
        pods = []
        for i in range(luck.randrange(5)):
            totals = [t + luck.expovariate(1.0) * 10**rate for t in totals]
            pods.append(
                pod(
                    f"p{i}",
                    phase=luck.choice(list(PodPhase)),
                    created_s=now - luck.uniform(0, 400),
                    since_s=now - luck.uniform(0, 400),
                    reason=luck.choice(("", "Unschedulable", "CrashLoopBackOff")),
                    samples=luck.choice(
                        (
                            None,
                            samples(
                                age_s=luck.choice((0.0, 3.0, 30.0, 90.0)),
                                start_id=luck.choice(("a", "a", "a", "b")),
                                running=luck.choice((None, 0.0, 3.0, 100.0)),
                                waiting=luck.choice((None, 0.0, 50.0)),
                                kv_usage_ratio=luck.choice((None, luck.random())),
                                prompt_tokens_total=luck.choice((None, totals[0])),
                                generation_tokens_total=luck.choice((None, totals[1])),
                                requests_finished_total=luck.choice((None, totals[2])),
                                preemptions_total=luck.choice((None, totals[3])),
                            ),
                        )
                    ),
                )
            )
        at = snapshot(now, pods, targets=(target(luck.randrange(1, 9), max_replicas=9),))
        decision, state = decide(at, state, policy)
        assert 1 <= replicas(decision) <= 9, tick
        for term in decision.targets[0].terms:
            assert term.replicas is None or math.isfinite(term.replicas)
        json.dumps(wire.to_json(decision), allow_nan=False)
        assert "Inf" not in json.dumps(wire.to_json(state.learned), allow_nan=False)
