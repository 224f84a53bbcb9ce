"""The step time: priors from facts, fits from differences, and how sure they are."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.decision import steptime
from scaler.decision.linear import Four, Upper, factor, solve, solve_nonnegative
from scaler.decision.policy import Policy, Prior, Roofline
from scaler.decision.roofline import Belief, StepTime, believe

H100_8B = Roofline(
    weight_bytes=16.06e9,
    active_parameters=8.03e9,
    kv_bytes_per_token=131_072.0,
    memory_bytes_per_s=3.35e12,
    flops_per_s=989e12,
)
fours = st.tuples(*[st.floats(0.1, 10.0)] * 4)


def dominant(diagonal: Four) -> Upper:
    """A positive definite matrix: 0.5 beside a diagonal of at least 4."""
    a, b, c, d = (value + 4.0 for value in diagonal)
    return a, 0.5, 0.5, 0.5, b, 0.5, 0.5, c, 0.5, d


def test_the_roofline_of_an_8b_model_on_an_h100_is_near_the_operator_tables() -> None:
    """Sum of GEMMs 5.4-5.6 ms a step plus lm_head 0.4 (AIConfigurator tables), 18-20 µs a prompt token."""
    step = believe(Policy(prior=Prior(roofline=H100_8B)), None).mean
    assert step.base_s == pytest.approx(6.4e-3, rel=0.2)
    assert step.prefill_s == pytest.approx(19e-6, rel=0.3)
    assert step.context_s == pytest.approx(5e-8, rel=0.3)


def test_a_stated_rate_replaces_the_datasheet() -> None:
    prior = Prior(prefill_tokens_per_s=15_928.0, decode_tokens_per_s=2600.0, roofline=H100_8B)
    step = believe(Policy(prior=prior), None).mean
    assert step.prefill_s == pytest.approx(1 / 15_928.0)
    assert step.sequence_s + 4096 * step.context_s == pytest.approx(1 / 2600.0)


def test_without_facts_the_guess_scales_with_the_objective() -> None:
    slow, fast = believe(Policy(itl_slo_ms=200.0), None).mean, believe(Policy(itl_slo_ms=20.0), None).mean
    assert slow.base_s == pytest.approx(10 * fast.base_s)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.6])
def test_the_prior_scale_multiplies_capacity(scale: float) -> None:
    one = believe(Policy(prior=Prior(roofline=H100_8B)), None).mean
    other = believe(Policy(prior=Prior(roofline=H100_8B), prior_scale=scale), None).mean
    assert other.base_s == pytest.approx(one.base_s / scale)
    assert other.prefill_s == pytest.approx(one.prefill_s / scale)


@given(fours, fours)
def test_solve_solves(diagonal: Four, x: Four) -> None:
    m = dominant(diagonal)
    rows = [[m[k] for k in row] for row in ((0, 1, 2, 3), (1, 4, 5, 6), (2, 5, 7, 8), (3, 6, 8, 9))]
    a, b, c, d = (sum(rows[i][j] * x[j] for j in range(4)) for i in range(4))
    assert solve(factor(m), (a, b, c, d)) == pytest.approx(x)
    assert solve_nonnegative(m, factor(m), (a, b, c, d)) == pytest.approx(x)


@given(fours, st.tuples(*[st.floats(-10.0, 10.0)] * 4))
def test_no_part_is_negative_and_what_is_left_is_the_best(diagonal: Four, right: Four) -> None:
    m = dominant(diagonal)
    x = solve_nonnegative(m, factor(m), right)
    assert min(x) >= 0.0
    if any(x):
        assert max(right) > 0.0


TRUTHS = [
    StepTime(0.006, 2e-5, 1e-5, 4e-8),  # 8B on an H100
    StepTime(0.060, 1.2e-4, 3e-5, 4e-7),  # 8B on an L4
    StepTime(0.013, 8e-5, 4e-5, 3e-8),  # 70B on four H100
    StepTime(0.002, 1e-6, 5e-6, 1e-9),  # a tiny model
]


def observed(fit: steptime.Fit, truth: StepTime, n: int, luck: random.Random) -> steptime.Fit:
    for _ in range(n):
        prefill, sequences = luck.uniform(0, 2000), luck.uniform(1, 100)
        context = sequences * luck.uniform(200, 4000)
        step_s = (
            truth.base_s
            + truth.prefill_s * prefill
            + truth.sequence_s * sequences
            + truth.context_s * context
        )
        fit = steptime.learn(fit, prefill, sequences, context, step_s * luck.uniform(0.95, 1.05))
    return fit


@pytest.mark.parametrize("truth", TRUTHS)
def test_the_fit_finds_any_engine_from_a_guess(truth: StepTime) -> None:
    fit = observed(steptime.EMPTY, truth, 300, random.Random(1))
    found = steptime.estimate(fit, believe(Policy(), None)).step
    typical = StepTime(1.0, 500.0, 30.0, 45_000.0)
    assert sum(a * b for a, b in zip(found, typical, strict=True)) == pytest.approx(
        sum(a * b for a, b in zip(truth, typical, strict=True)), rel=0.05
    )
    assert found.base_s == pytest.approx(truth.base_s, rel=0.25)


def test_evidence_makes_the_fit_surer() -> None:
    belief = Belief(TRUTHS[0], StepTime(0.5, 0.5, 0.5, 0.5))
    parts = StepTime(0.0, 1000.0, 250.0, 250.0 * 1125.0)
    errors = [
        steptime.spread(
            steptime.estimate(observed(steptime.EMPTY, TRUTHS[0], n, random.Random(2)), belief), parts
        )
        for n in (0, 1, 10, 100)
    ]
    assert errors == sorted(errors, reverse=True)


def test_without_evidence_the_prior_stands() -> None:
    belief = Belief(TRUTHS[1], StepTime(0.5, 0.5, 0.5, 0.5))
    assert steptime.estimate(steptime.EMPTY, belief).step == pytest.approx(TRUTHS[1])


def test_an_engine_that_slowed_down_is_found_again() -> None:
    """Under one ``config_id`` (a throttled GPU): relative errors favour the old, faster times, so it takes a
    while."""
    luck = random.Random(3)
    slower = StepTime(*(2.0 * part for part in TRUTHS[0]))
    fit = observed(observed(steptime.EMPTY, TRUTHS[0], 400, luck), slower, 800, luck)
    found = steptime.estimate(fit, believe(Policy(), None)).step
    assert found.base_s == pytest.approx(slower.base_s, rel=0.35)
