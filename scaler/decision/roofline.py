"""What one replica's step time should be before it was ever seen (scaling-law 15.3 'Prior').

Three sources, best first: tokens per second that a person gave, datasheet facts of model and GPU, and, with
neither, guesses in units of the objective alone.
"""

from typing import NamedTuple

from scaler.decision.policy import Policy, Roofline

MEMORY_EFFICIENCY = 0.75
"""Share of HBM bandwidth that vLLM's decode GEMMs reach: 0.78 H100, 0.69-0.71 A100, 0.77-0.80 L40S
(AIConfigurator op tables, vLLM 0.14-0.19)."""
COMPUTE_EFFICIENCY = 0.70
"""Share of dense FLOPS in large prefill GEMMs: 0.72-0.86 (same tables), less attention's share."""
HOST_S = 0.0005
"""Launch and host overhead of a step (0.4 ms left over on an H100 at batch 1, same source)."""
SEQUENCE_S = 1e-5
"""Sampling and bookkeeping per sequence and step: 4-10 us in fitted constants (BLIS, our own fit)."""


_ANYTHING = (2.0, 1.5, 1.5, 1.5)
"""Relative error of a guess from the objective: the truth may be a tenth or several times of it."""


class StepTime(NamedTuple):
    """Seconds of one engine step: ``base + prefill·P + sequence·B + context·K``."""

    base_s: float
    """Reading the weights once, and the host."""
    prefill_s: float
    """Per prompt token computed in the step."""
    sequence_s: float
    """Per running sequence."""
    context_s: float
    """Per KV token read."""


class Belief(NamedTuple):
    """A step time and how far each of its parts may be off (relative standard deviations)."""

    mean: StepTime
    spread: StepTime


def _from_datasheet(facts: Roofline) -> StepTime:
    bandwidth = facts.memory_bytes_per_s * MEMORY_EFFICIENCY
    return StepTime(
        base_s=facts.weight_bytes / bandwidth + HOST_S,
        prefill_s=2.0 * facts.active_parameters / (facts.flops_per_s * COMPUTE_EFFICIENCY),
        sequence_s=SEQUENCE_S,
        context_s=facts.kv_bytes_per_token / bandwidth,
    )


def _from_objective(policy: Policy, kv_capacity_tokens: float) -> StepTime:
    """A model whose owner chose this objective: a step a quarter of the ITL, 16k prompt tokens in the TTFT.

    A full KV cache is read in about the time that the weights are (they share the memory), 256 sequences
    cost as much again.
    """
    base_s = policy.itl_slo_ms / 1000.0 / 4.0
    return StepTime(
        base_s, policy.ttft_slo_ms / 1000.0 / 16384.0, base_s / 256.0, base_s / kv_capacity_tokens
    )


def _with_rates(step: StepTime, policy: Policy) -> StepTime:
    """Replace what a person stated: V_p = 1/prefill_s, and V_d as sequences' share at a 4,096-token
    context."""
    prior = policy.prior
    if prior is None:
        return step
    if prior.prefill_tokens_per_s is not None:
        step = step._replace(prefill_s=1.0 / prior.prefill_tokens_per_s)
    if prior.decode_tokens_per_s is not None:
        per_token_s = 1.0 / prior.decode_tokens_per_s
        share = per_token_s / (step.sequence_s + 4096.0 * step.context_s)
        step = step._replace(sequence_s=step.sequence_s * share, context_s=step.context_s * share)
    return step


def believe(policy: Policy, kv_capacity_tokens: float | None) -> Belief:
    """The prior of one replica's step time; ``kv_capacity_tokens`` as scraped, None when unknown."""
    facts = policy.prior.roofline if policy.prior is not None else None
    if facts is not None:
        step, spread = _from_datasheet(facts), StepTime(0.3, 0.4, 1.0, 0.5)
    else:
        step, spread = _from_objective(policy, kv_capacity_tokens or 200_000.0), StepTime(*_ANYTHING)
    if policy.prior is not None and policy.prior.prefill_tokens_per_s is not None:
        spread = spread._replace(prefill_s=0.3)
    if policy.prior is not None and policy.prior.decode_tokens_per_s is not None:
        spread = spread._replace(sequence_s=0.5, context_s=0.5)
    slower = 1.0 / policy.prior_scale
    step = _with_rates(step, policy)
    return Belief(StepTime(*(part * slower for part in step)), spread)
