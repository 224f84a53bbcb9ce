"""Replicas for a load: the formulas of ``capacity`` at known places, and their shape everywhere."""

import itertools
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.decision import capacity
from scaler.decision.capacity import Capacity, Mix, replicas
from scaler.decision.roofline import StepTime

H100 = StepTime(0.006, 2e-5, 1e-5, 4e-8)


@dataclass(frozen=True, kw_only=True)
class Load:
    tokens_in: float = 1000.0
    tokens_out: float = 250.0
    step: StepTime = H100
    itl_slo_s: float = 0.05
    ttft_slo_s: float = 1.0
    kv_tokens: float | None = None
    dispersion: float = 1.0
    sigma: float = 1.0
    pooled: bool = True


def cap_of(load: Load) -> Capacity:
    mix = Mix(load.tokens_in, load.tokens_in, load.tokens_out)
    request_s = capacity.dot(load.step, capacity.request_parts(mix))
    patience_s, hopeless = capacity.patience(load.step, mix, load.ttft_slo_s)
    return Capacity(
        request_s=request_s,
        prefill_s=load.step.prefill_s * load.tokens_in,
        base_s=load.step.base_s,
        output_tokens=load.tokens_out,
        prompt_spread=1.0,
        dispersion=load.dispersion,
        itl_slo_s=load.itl_slo_s,
        patience_s=patience_s,
        batch_rate=capacity.memory_rate(mix, request_s, load.step.base_s, load.kv_tokens),
        tail=0.02,
        pooled=load.pooled,
        sigma=load.sigma,
        itl_proven=True,
        known=True,
        ttft_hopeless=hopeless,
    )


def test_the_worked_example_of_the_module() -> None:
    """k = 20 ms + 250·(10 + 45) µs = 33.75 ms; at most u = 0.88, less what the spread of latencies takes."""
    cap = cap_of(Load())
    assert cap.request_s == pytest.approx(0.03375)
    rate = 100.0 / replicas(100.0, cap)
    assert 20.0 < rate < 0.88 / 0.03375


@pytest.mark.parametrize(
    ("load", "least", "most", "why"),
    [
        (Load(tokens_in=4000, tokens_out=1000, kv_tokens=420e3), 2.4, 3.0, "simulated: 2.65-2.8 a replica"),
        (Load(tokens_in=300, tokens_out=2000, kv_tokens=420e3), 4.2, 6.1, "simulated: 5.1-5.3"),
        (Load(tokens_in=6000, tokens_out=16, kv_tokens=420e3), 2.5, 4.5, "simulated: 3.8"),
    ],
)
def test_rates_that_a_detailed_engine_holds_at_98_percent(
    load: Load, least: float, most: float, why: str
) -> None:
    rate = 6.0 * least / replicas(6.0 * least, cap_of(load))
    assert least <= rate <= most, why


@given(
    st.floats(0.01, 500.0),
    st.floats(1.0, 3.0),
    st.floats(10.0, 20_000.0),
    st.floats(1.0, 3000.0),
    st.floats(1.0, 20.0),
)
def test_more_load_never_fits_on_fewer_replicas(
    rate: float, more: float, tokens_in: float, tokens_out: float, dispersion: float
) -> None:
    cap = cap_of(Load(tokens_in=tokens_in, tokens_out=tokens_out, dispersion=dispersion))
    assert replicas(rate * more, cap) >= replicas(rate, cap) * 0.99  # bisection stops within 0.5 %


@pytest.mark.parametrize("field", ["itl_slo_s", "ttft_slo_s"])
def test_a_looser_objective_never_needs_more(field: str) -> None:
    needs = [
        replicas(10.0, cap_of(Load(tokens_in=8000.0, **{field: value})))  # type: ignore[arg-type]
        for value in (0.02, 0.05, 0.2, 1.0, 5.0)
    ]
    assert all(b <= a * 1.01 for a, b in itertools.pairwise(needs))


def test_burstier_arrivals_need_more() -> None:
    needs = [replicas(5.0, cap_of(Load(tokens_in=8000.0, dispersion=d))) for d in (1.0, 4.0, 16.0)]
    assert needs[0] < needs[1] < needs[2]


def test_a_large_fleet_needs_less_than_its_share_because_it_pools() -> None:
    pooled = cap_of(Load(tokens_in=8000.0))
    assert replicas(40.0, pooled) < 40.0 * replicas(1.0, pooled)
    single = cap_of(Load(tokens_in=8000.0, pooled=False))
    assert replicas(40.0, single) == pytest.approx(40.0 * replicas(1.0, single), rel=0.02)


def test_little_memory_binds_before_the_engine_does() -> None:
    roomy, tight = cap_of(Load()), cap_of(Load(kv_tokens=40_000.0))
    assert replicas(10.0, tight) > replicas(10.0, roomy)
    # λ = tokens/(O·C·base + k·tokens) = 40000/(250·1125·.006 + .03375·40000) = 13.2
    assert tight.batch_rate == pytest.approx(13.17, rel=0.01)


def test_half_the_residual_needs_twice_the_replicas() -> None:
    one, half = cap_of(Load()), cap_of(Load(sigma=0.5))
    assert replicas(10.0, half) == pytest.approx(2 * replicas(10.0, one))


@pytest.mark.parametrize("base_s", [0.0475, 0.05, 0.5])
def test_an_itl_that_an_idle_engine_misses_binds_nothing(base_s: float) -> None:
    """More replicas would not help: what remains is what the engine can carry at all."""
    cap = cap_of(Load(step=StepTime(base_s, 2e-5, 1e-5, 4e-8)))
    assert capacity.itl_hopeless(cap)
    assert replicas(10.0, cap) == pytest.approx(10.0 * cap.request_s / capacity.U_MAX, rel=0.02)


def test_an_itl_barely_above_the_idle_step_asks_at_most_ten_times_the_work() -> None:
    cap = cap_of(Load(step=StepTime(0.0474, 2e-5, 1e-5, 4e-8)))
    assert not capacity.itl_hopeless(cap)
    assert replicas(10.0, cap) <= 10.0 * cap.request_s / capacity.U_MIN * 1.01


def test_a_prompt_that_an_idle_engine_answers_late_is_judged_by_twice_its_idle_time() -> None:
    mix = Mix(100_000.0, 100_000.0, 10.0)
    patience_s, hopeless = capacity.patience(H100, mix, 1.0)
    assert hopeless
    assert patience_s == pytest.approx(2.006)  # 2·(6 ms + 2 s) less the same once
    assert math.isfinite(replicas(1.0, cap_of(Load(tokens_in=100_000.0, tokens_out=10.0))))


def test_no_load_needs_nothing() -> None:
    assert replicas(0.0, cap_of(Load())) == 0.0
