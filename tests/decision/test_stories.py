"""The law in closed loops around a fluid plant: what a person would see happen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from scaler.decision import arrivals
from scaler.decision.decide import decide
from scaler.decision.model import Hold, Pod, PodPhase, Scale, Unknown
from scaler.decision.policy import SWITCHES, Policy, Prior, Roofline
from scaler.decision.state import State
from tests.decision.builders import pod, replicas, samples, snapshot, starting, target
from tests.decision.plant import Plant, Speed

L4_8B = Speed(
    base_s=0.06, prefill_s=1.2e-4, sequence_s=3e-5, context_s=4e-7, kv_tokens=35_000.0, budget=2048.0
)
H100_70B = Speed(base_s=0.013, prefill_s=8e-5, sequence_s=4e-5, context_s=3e-8, kv_tokens=1.2e6)
TINY = Speed(base_s=0.002, prefill_s=1e-6, sequence_s=5e-6, context_s=1e-9, kv_tokens=3e6)


def hiding(*names: str) -> Callable[[float, Pod], Pod]:
    """Engines that do not expose some series."""

    def hide(_: float, one: Pod) -> Pod:
        if one.samples is None:
            return one
        absent: dict[str, Any] = dict.fromkeys(names)
        return replace(one, samples=replace(one.samples, **absent))

    return hide


def conditions(plant: Plant) -> set[str]:
    return {c.type for c in plant.decisions[-1].conditions}


def test_a_slow_rise_is_followed_without_a_miss_and_a_fall_is_followed_down() -> None:
    plant = Plant(rate=lambda t: 10.0 + t / 30.0 if t < 1200.0 else 10.0).run(2400.0)
    assert plant.met() > 0.995
    assert 3 <= max(plant.asks) <= 5
    assert plant.asks[-1] <= 2


def test_an_overload_at_the_very_start_is_answered_within_seconds() -> None:
    plant = Plant(rate=lambda _: 60.0).run(20.0)
    assert plant.asks[-1] >= 3


def test_a_step_does_not_run_away_while_its_queue_is_worked_off() -> None:
    """60/s are 2.5 replicas at the objective. While the step looks like a crowd the forecast may treble that
    (growth cap), and the queue of the cold start may ask for half as much again and one: 12.25."""
    plant = Plant(rate=lambda t: 10.0 if t < 300.0 else 60.0).run(1500.0)
    most = (1.0 + Policy().backlog_cap) * Policy().growth_cap * 2.5 + 1.0
    assert max(plant.asks) <= most
    assert plant.asks[-1] <= 5


def test_a_large_fleet_does_not_run_away_either() -> None:
    plant = Plant(rate=lambda _: 600.0, low=10, high=400, tick_s=10.0).run(600.0)
    assert max(plant.asks) <= 45


def test_a_queue_that_is_bound_to_one_engine_does_not_hold_the_fleet() -> None:
    """At first contact everything queued on the only replica; no other can take that, and all have room."""
    plant = Plant(rate=lambda _: 200.0, high=60).run(500.0)
    queues = [r.engine.waiting for r in plant.serving()]
    assert queues[0] > 1000.0
    assert max(queues[1:]) < 1.0
    assert plant.asks[-1] <= 12
    assert "QueueBound" in {c.type for c in plant.decisions[-1].conditions}


def test_a_queue_that_grows_is_not_bound_however_few_engines_have_it() -> None:
    """Sessions that stick to one of three engines: more replicas would share them out anew."""
    before = [pod(f"p{i}", samples=samples(waiting=50.0 if i == 0 else 0.0)) for i in range(3)]
    after = [pod(f"p{i}", samples=samples(waiting=90.0 if i == 0 else 0.0)) for i in range(3)]
    _, state = decide(snapshot(0.0, before), State.initial(), Policy())
    decision, _ = decide(snapshot(5.0, after), state, Policy())
    assert "QueueBound" not in {c.type for c in decision.conditions}
    assert decision.targets[0].terms[2].inputs[0].value == 90.0


def test_the_first_rate_is_not_thinned_by_the_time_before_it() -> None:
    """Nothing is known between the first look and the first scrape: that is missing, not zero."""
    plant = Plant(rate=lambda _: 20.0).run(15.0)
    live = plant.state.live
    assert live is not None
    assert arrivals.rate(live.arrivals, live.now_s) == pytest.approx(20.0, rel=0.05)


def test_when_traffic_stops_the_fleet_goes_to_its_minimum() -> None:
    """Dynamo's planner skips NaN and stays (ai-dynamo/dynamo#6985)."""
    plant = Plant(rate=lambda t: 60.0 if t < 600.0 else 0.0, low=2).run(2000.0)
    assert plant.asks[-1] == 2


def test_bursts_that_fall_back_do_not_raise_the_fleet_beyond_their_peak() -> None:
    plant = Plant(rate=lambda t: 60.0 if int(t / 90.0) % 3 == 1 else 10.0).run(2700.0)
    assert max(plant.asks[-200:]) <= 6


def test_a_load_that_is_all_prefill_scales_although_kv_stays_low() -> None:
    """WVA#662: 6,000-token prompts, two tokens out, a queue without bound while KV shows 32 %."""
    plant = Plant(rate=lambda t: 3.0 + t / 100.0, tokens_in=6000.0, tokens_out=2.0).run(900.0)
    assert plant.met() > 0.98
    assert plant.asks[-1] >= 3


@pytest.mark.parametrize(
    ("speed", "rate", "tokens", "policy"),
    [
        (L4_8B, 3.0, (1000.0, 250.0), Policy(itl_slo_ms=100.0, ttft_slo_ms=3000.0)),
        (H100_70B, 20.0, (1000.0, 250.0), Policy()),
        (TINY, 900.0, (200.0, 50.0), Policy()),
        (Speed(), 1.0, (60_000.0, 300.0), Policy(ttft_slo_ms=5000.0)),
    ],
    ids=["8b on l4", "70b on four h100", "tiny model", "long prompts"],
)
def test_any_engine_is_learned_from_nothing(
    speed: Speed, rate: float, tokens: tuple[float, float], policy: Policy
) -> None:
    """No prior at all: within ten minutes of a slow rise the ask is near what the plant can carry."""
    plant = Plant(
        rate=lambda t: rate * min(1.0, 0.2 + t / 1000.0),
        speed=speed,
        policy=policy,
        tokens_in=tokens[0],
        tokens_out=tokens[1],
    ).run(1500.0)
    context = tokens[0] + tokens[1] / 2.0
    cost = speed.prefill_s * tokens[0] + tokens[1] * (speed.sequence_s + speed.context_s * context)
    by_engine = rate * cost / (1.0 - speed.base_s / (policy.itl_slo_ms / 1000.0))
    by_memory = rate * (tokens[1] * context * speed.base_s / speed.kv_tokens + cost)
    needed = max(by_engine, by_memory, 1.0)
    assert needed * 0.95 <= plant.asks[-1] <= needed * 1.9 + 1.0
    assert plant.met() > 0.95


@pytest.mark.parametrize(
    "hidden",
    [
        ("ttft_s", "itl_s", "queue_s", "iterations_total"),
        ("itl_s",),
        ("ttft_s", "queue_s"),
        ("queue_s",),
        ("kv_usage_ratio", "kv_capacity_tokens"),
        ("preemptions_total", "iterations_total", "requests_finished_total"),
    ],
    ids=lambda names: "without " + names[0],
)
def test_the_least_of_series_is_enough(hidden: tuple[str, ...]) -> None:
    plant = Plant(rate=lambda t: 20.0 + t / 20.0, hide=hiding(*hidden)).run(900.0)
    assert plant.met() > 0.98
    assert 3 <= plant.asks[-1] <= 6


def test_a_renamed_series_holds_the_fleet_and_says_so() -> None:
    plant = Plant(rate=lambda _: 60.0, low=3, hide=hiding("waiting")).run(300.0)
    assert set(plant.asks) == {3}
    assert conditions(plant) >= {"MetricMissing", "PodsUnknown"}
    assert isinstance(plant.decisions[-1].targets[0].outcome, Hold)


def test_an_itl_that_no_fleet_can_meet_does_not_run_to_the_maximum() -> None:
    plant = Plant(rate=lambda _: 3.0, speed=L4_8B, policy=Policy(itl_slo_ms=20.0), high=60).run(1800.0)
    assert max(plant.asks) <= 10
    assert "SLOInfeasible" in conditions(plant)


def test_a_ttft_that_no_fleet_can_meet_does_not_run_to_the_maximum() -> None:
    plant = Plant(rate=lambda _: 2.0, tokens_in=20_000.0, policy=Policy(ttft_slo_ms=50.0), high=60).run(
        1800.0
    )
    assert max(plant.asks) <= 12
    assert "SLOInfeasible" in conditions(plant)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.6])
def test_a_wrong_prior_is_corrected(scale: float) -> None:
    facts = Roofline(
        weight_bytes=16e9,
        active_parameters=8e9,
        kv_bytes_per_token=131_072.0,
        memory_bytes_per_s=3.35e12,
        flops_per_s=989e12,
    )
    policy = Policy(prior=Prior(roofline=facts), prior_scale=scale)
    plant = Plant(rate=lambda t: min(60.0, 5.0 + t / 15.0), policy=policy).run(1800.0)
    assert plant.met() > 0.97
    assert 3 <= plant.asks[-1] <= 5


def test_another_engine_configuration_is_learned_anew() -> None:
    """A rolling update to engines three times as slow: the ask follows within minutes."""
    plant = Plant(rate=lambda _: 30.0, low=1).run(900.0)
    before = plant.asks[-1]
    slow = Speed(base_s=0.018, prefill_s=6e-5, sequence_s=3e-5, context_s=1.2e-7)
    for r in plant.replicas:
        r.engine.speed, r.engine.start_id = slow, r.engine.start_id + "'"
    plant.speed = slow

    def renamed(_: float, one: Pod) -> Pod:
        return replace(one, config_id="c2")

    plant.hide = renamed
    plant.run(900.0)
    assert plant.asks[-1] >= 2 * before


def test_a_limit_that_nothing_tells_is_learned_from_what_is_served() -> None:
    """Prefill runs at a third of what decode latencies let expect (a slow tokeniser in front of the
    engine)."""
    slow = Speed(budget=60.0)
    plant = Plant(rate=lambda t: min(12.0, 2.0 + t / 100.0), speed=slow).run(2400.0)
    ready = plant.serving()
    assert sum(r.engine.waiting for r in ready) < 5.0 * len(ready)


def test_pods_that_cannot_be_scheduled_cap_the_ask_after_five_minutes() -> None:
    busy = pod(samples=samples(running=50.0, waiting=500.0, kv_usage_ratio=1.0))
    stuck = [
        pod(
            f"u{i}",
            phase=PodPhase.UNSCHEDULED,
            created_s=0.0,
            since_s=0.0,
            samples=None,
            reason="Unschedulable",
        )
        for i in range(4)
    ]
    early, late = snapshot(200.0, [busy, *stuck]), snapshot(400.0, [busy, *stuck])
    assert replicas(decide(early, State.initial(), Policy())[0]) >= 5
    decision = decide(late, State.initial(), Policy())[0]
    assert replicas(decision) == 2
    assert "Unschedulable" in {c.type for c in decision.conditions}


def test_pods_that_crash_are_told_and_do_not_pile_up() -> None:
    plant = Plant(rate=lambda _: 60.0, cold_s=1e9, high=40)
    plant.hide = lambda _, one: replace(one, reason="" if one.samples else "CrashLoopBackOff")
    plant.run(1200.0)
    assert max(plant.asks) <= 12
    assert "PodsFailing" in conditions(plant)


def test_an_outage_of_scraping_holds_and_ends_without_a_jump() -> None:
    plant = Plant(rate=lambda _: 60.0).run(900.0)
    before = plant.asks[-1]
    plant.hide = lambda _, one: replace(
        one, samples=None if one.samples is None else replace(one.samples, age_s=500.0)
    )
    plant.run(300.0)
    assert set(plant.asks[-55:]) == {before}
    assert plant.decisions[-1].targets[0].reason.startswith(f"hold {before}: no scrape")
    plant.hide = None
    plant.run(300.0)
    assert before <= max(plant.asks[-60:]) <= before + 1


def test_a_clock_that_goes_back_begins_anew_and_does_not_fall() -> None:
    plant = Plant(rate=lambda _: 60.0).run(900.0)
    spec = plant.spec
    earlier = replace(plant.snapshot(), now_s=10.0)
    decision, state = decide(earlier, plant.state, plant.policy)
    assert replicas(decision) >= spec
    assert state.live is not None
    assert state.live.began_s == 10.0


def test_a_scale_down_waits_for_history_and_says_so() -> None:
    plant = Plant(rate=lambda _: 1.0, low=1)
    plant.spec = 4
    for _ in range(3):
        plant._add(0.0)
    plant.run(100.0)
    assert set(plant.asks) == {4}
    assert "history is" in plant.decisions[-1].targets[0].reason
    plant.run(400.0)
    assert plant.asks[-1] == 1


def test_several_targets_of_one_model_share_its_demand() -> None:
    dear, cheap = target(1, name="dear", cost=3.0, max_replicas=4), target(2, name="cheap", max_replicas=3)
    busy = [pod(f"p{i}", target="cheap", samples=samples(running=9.0, kv_usage_ratio=1.0)) for i in range(4)]
    at = snapshot(0.0, busy, targets=(dear, cheap))
    decision = decide(at, State.initial(), Policy())[0]
    assert [t.target for t in decision.targets] == ["dear", "cheap"]
    assert (replicas(decision, 0), replicas(decision, 1)) == (2, 3)  # 4/.85 = 4.7: five, three of them cheap


def test_a_target_without_spec_is_unknown_and_the_others_go_on() -> None:
    at = snapshot(0.0, [pod()], targets=(target(None, name="a"), target(1, name="b")))
    decision = decide(at, State.initial(), Policy())[0]
    assert decision.targets[0].outcome == Unknown()
    assert decision.targets[0].active is None
    assert isinstance(decision.targets[1].outcome, Scale)


def test_hold_is_spec_and_not_status() -> None:
    """While status lags behind spec, emitting status would cancel a scale-up in flight (18.5)."""
    unseen = [pod("a", samples=None), starting("b")]
    at = snapshot(0.0, unseen, targets=(target(5, status_replicas=2),))
    decision = decide(at, State.initial(), Policy())[0]
    assert decision.targets[0].outcome == Hold(replicas=5)
    assert decision.targets[0].active is True


def test_preemptions_ask_for_memory() -> None:
    """A pod that preempts is full, whatever its gauge shows at the moment of the scrape."""

    def at(now_s: float, count: float) -> Pod:
        return pod(samples=samples(running=9.0, kv_usage_ratio=0.6, preemptions_total=count))

    quiet = [snapshot(5.0 * i, [at(5.0 * i, 0.0)]) for i in range(3)]
    state = State.initial()
    for one in quiet:
        decision, state = decide(one, state, Policy())
    assert replicas(decision) == 1
    decision, state = decide(snapshot(15.0, [at(15.0, 3.0)]), state, Policy())
    assert replicas(decision) == 2
    assert decision.targets[0].winner == "kv"


def test_every_decision_explains_itself() -> None:
    plant = Plant(rate=lambda _: 30.0).run(300.0)
    one = plant.decisions[-1].targets[0]
    assert {t.name for t in one.terms} == {"rate", "kv", "backlog", "evidence"}
    assert one.winner in {t.name for t in one.terms}
    assert all(t.inputs for t in one.terms)
    assert f"{one.winner} asks for" in one.reason
    assert plant.decisions[-1].valid_until_s > plant.now_s


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_term_can_be_switched_off(switch: str) -> None:
    without: dict[str, bool] = {switch: False}
    plant = Plant(rate=lambda t: 20.0 + t / 20.0, policy=Policy(**without)).run(300.0)  # type: ignore[arg-type]
    assert 1 <= plant.asks[-1] <= 6


def test_the_backlog_is_worked_off_by_what_is_on_its_way() -> None:
    """Repeated polls with pending replicas keep the ask: neither a cascade nor a freeze."""
    plant = Plant(rate=lambda t: 10.0 if t < 300.0 else 60.0).run(300.0)
    plant.run(100.0)
    during = plant.asks[-10:]
    assert max(during) - min(during) <= 1
    assert plant.ready[-1] < during[-1]
