"""The KEDA recipes that divide a total by a target: queue, kv, inflight, keda-otel, llmd-tokens."""

import pytest

from scaler.decision.model import Samples, Snapshot
from simulations.policies import inflight, keda_otel, kv, llmd_tokens, profiling, queue_length
from simulations.policies.base import Actuation, Gateway, Policy
from simulations.policies.mix import Mix
from simulations.scenario import Direction, Rule, Scenario, Slo
from tests.policies.builders import asked, profile, samples, snapshot


def _queue() -> Policy:
    return queue_length.build({}, Scenario())


def _kv() -> Policy:
    return kv.build({"target": 0.4}, Scenario())


def _inflight() -> Policy:
    return inflight.build({"target": 32}, Scenario())


def _otel() -> Policy:
    return keda_otel.build({"target": 4}, Scenario())


BUSY = samples(running=30.0, waiting=7.0, kv_usage_ratio=0.6)
IDLE = samples()


@pytest.mark.parametrize(
    ("policy", "ready", "value", "target"),
    [
        pytest.param(_queue(), (BUSY, BUSY), 14.0, 5.0, id="queue: 14 waiting over 5 ask three"),
        pytest.param(_kv(), (BUSY, BUSY), 1.2, 0.4, id="kv: 1.2 caches over 0.4 ask three"),
        pytest.param(_inflight(), (BUSY, BUSY), 74.0, 32.0, id="inflight: running and waiting count"),
        pytest.param(_otel(), (BUSY, BUSY), 60.0, 4.0, id="keda-otel: only running counts"),
        pytest.param(_queue(), (None,), 0.0, 5.0, id="queue: KEDA reads an empty result as zero"),
        pytest.param(_kv(), (IDLE, BUSY), 0.6, 0.4, id="kv: an idle pod adds nothing"),
    ],
)
def test_the_total_is_summed_and_never_averaged(
    policy: Policy, ready: tuple[Samples | None, ...], value: float, target: float
) -> None:
    assert asked(policy, snapshot(0.0, ready)) == pytest.approx((value, target))


def test_inflight_counts_what_the_router_holds() -> None:
    assert asked(_inflight(), snapshot(0.0, (BUSY,), held=5.0)) == (42.0, 32.0)


@pytest.mark.parametrize("copies", [1, 2, 7, 64])
def test_pods_at_their_target_ask_for_as_many_as_they_are(copies: int) -> None:
    at_target = samples(kv_usage_ratio=0.4, running=20.0, waiting=12.0)
    for policy in (_kv(), _inflight()):
        value, target = asked(policy, snapshot(0.0, (at_target,) * copies))
        assert value == pytest.approx(target * copies)


@pytest.mark.parametrize(
    ("moments", "active"),
    [
        pytest.param(((0.0, 10), (30.0, 10)), False, id="no arrival within the minute: inactive"),
        pytest.param(((0.0, 10), (30.0, 11)), True, id="an arrival within the minute keeps it awake"),
        pytest.param(((0.0, 10), (5.0, 11), (70.0, 11)), False, id="a minute later it is forgotten"),
    ],
)
def test_traffic_at_the_router_keeps_the_production_stack_awake(
    moments: tuple[tuple[float, int], ...], active: bool
) -> None:
    policy = _queue()
    answers = [policy.tick(snapshot(t, (IDLE,)), Gateway(arrivals_total=n)).active for t, n in moments]
    assert answers[-1] is active


def test_requests_held_at_zero_replicas_wake_every_recipe() -> None:
    for policy in (_queue(), _kv(), _inflight(), _otel()):
        assert policy.tick(snapshot(0.0, (), least=0, held=1.0), Gateway()).active


@pytest.mark.parametrize(
    ("policy", "actuation"),
    [
        pytest.param(_queue(), Actuation(polling_s=15.0, cooldown_s=360.0), id="tutorial 20: 15 s and 360 s"),
        pytest.param(_kv(), Actuation(polling_s=15.0), id="llm-d's trigger alone: 15 s, default behaviour"),
        pytest.param(_otel(), Actuation(), id="KServe leaves KEDA's defaults"),
    ],
)
def test_actuation_is_the_published_scaledobject(policy: Policy, actuation: Actuation) -> None:
    assert policy.actuation == actuation


def _tokens(**given: float) -> llmd_tokens.LlmdTokens:
    settings = llmd_tokens.Settings(**given)  # type: ignore[arg-type]
    return llmd_tokens.LlmdTokens(settings, 15_928.0, llmd_tokens.threshold_s(settings, 15_928.0, 1.0))


@pytest.mark.parametrize(
    ("prompt_tokens_waiting", "kv_usage", "wanted"),
    [
        pytest.param(47_784, 0.1, 2.0, id="3 s of backlog over 1.5 s are two replicas"),
        pytest.param(1_000, 1.6, 2.0, id="1.6 caches over 0.8 are two replicas"),
        pytest.param(0, 0.0, 0.0, id="nothing asks for nothing"),
    ],
)
def test_the_token_recipe_takes_the_larger_bottleneck(
    prompt_tokens_waiting: int, kv_usage: float, wanted: float
) -> None:
    policy = _tokens(threshold_s=1.5)
    fleet = snapshot(0.0, (samples(kv_usage_ratio=kv_usage),))
    ask = policy.tick(fleet, Gateway(in_flight_prompt_tokens=prompt_tokens_waiting))
    assert ask.wanted == pytest.approx(wanted)
    assert [metric.target for metric in ask.metrics] == [1.5, 0.8]


@pytest.mark.parametrize(
    ("prompt_tokens", "velocity", "slo_s", "share", "threshold_s"),
    [
        pytest.param(8192, 2696, 8.0, 1.0, 4.96, id="the guide's prefill-heavy row at 2,696 tok/s"),
        pytest.param(8192, 15_928, 8.0, 1.0, 7.49, id="the guide's prefill-heavy row at 15,928 tok/s"),
        pytest.param(2048, 2696, 3.0, 1.0, 2.24, id="the guide's symmetrical row at 2,696 tok/s"),
        pytest.param(1024, 15_928, 1.0, 0.65, 0.608, id="shaved to 65 % for a tail objective"),
        pytest.param(8192, 2696, 1.0, 0.65, 0.1, id="an objective below the idle floor leaves a floor"),
    ],
)
def test_the_threshold_is_what_the_objective_leaves_for_the_queue(
    prompt_tokens: float, velocity: float, slo_s: float, share: float, threshold_s: float
) -> None:
    settings = llmd_tokens.Settings(prompt_tokens=prompt_tokens, tail_share=share)
    assert llmd_tokens.threshold_s(settings, velocity, slo_s) == pytest.approx(threshold_s, abs=0.005)


def test_the_token_recipe_adds_one_pod_in_three_minutes_and_removes_one_in_five() -> None:
    assert _tokens().actuation == Actuation(
        polling_s=15.0,
        scale_up=Direction(stabilization_s=0, rules=(Rule(type="Pods", value=1, period_s=180),)),
        scale_down=Direction(stabilization_s=300, rules=(Rule(type="Pods", value=1, period_s=300),)),
    )


def test_prefill_velocity_is_one_chunk_over_its_idle_ttft() -> None:
    # 8,192 tokens at 10 ms + 20 µs each take 0.17384 s.
    assert profiling.prefill_velocity(profile()) == pytest.approx(8192 / 0.17384)


@pytest.mark.parametrize(
    ("itl_ms", "limit"),
    [
        # step(b) = 10 ms + b·(4·20 µs + 50 µs + 1,152·50 ns) = 10 ms + b·187.6 µs
        pytest.param(50.0, 213, id="40 ms of room at 187.6 µs per request"),
        pytest.param(20.0, 53, id="10 ms of room"),
        pytest.param(5.0, 1, id="an objective below one step leaves one request"),
        pytest.param(500.0, 256, id="max_num_seqs ends it"),
    ],
)
def test_the_concurrency_limit_is_where_a_load_test_misses_the_objective(itl_ms: float, limit: int) -> None:
    mix = Mix(prompt_tokens=1024, output_tokens=256)
    assert profiling.concurrency_limit(profile(), mix, Slo(itl_ms=itl_ms)) == limit


def _scaled(snap: Snapshot) -> float:
    return _kv().tick(snap, Gateway()).wanted or 0.0


def test_more_usage_never_asks_for_less() -> None:
    asks = [_scaled(snapshot(0.0, (samples(kv_usage_ratio=u / 10),))) for u in range(11)]
    assert asks == sorted(asks)
