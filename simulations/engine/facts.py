"""What a scaler could know of an engine it has never seen: a roofline in plain numbers."""

from dataclasses import dataclass

from simulations.engine.spec import EngineSpec

_PS_PER_S = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class RooflineFacts:
    """Step time as ``fixed_s + prefill_token_s·prompt tokens + sequence_s·sequences +
    kv_token_s·context tokens``."""

    fixed_s: float
    prefill_token_s: float
    """Marginal, at the token budget, attention over a prompt of that length included."""
    sequence_s: float
    """Marginal, of one more decoding sequence, its context apart."""
    kv_token_s: float
    kv_tokens: int


def roofline_facts(spec: EngineSpec) -> RooflineFacts:
    """The engine's step time as a linear law around its working point."""
    step = spec.step
    budget = spec.max_num_batched_tokens
    seqs = min(spec.max_num_seqs, 256, budget)
    fixed_ps = step.tokens_ps[1]
    prefill_ps = (
        (step.tokens_ps[budget] - fixed_ps) / budget + step.prefill_token_ps + step.half_pair_ps * budget
    )
    sequence_ps = (step.tokens_ps[seqs] - fixed_ps) / seqs + step.sequence_ps
    return RooflineFacts(
        fixed_s=fixed_ps / _PS_PER_S,
        prefill_token_s=prefill_ps / _PS_PER_S,
        sequence_s=sequence_ps / _PS_PER_S,
        kv_token_s=step.kv_token_ps / _PS_PER_S,
        kv_tokens=spec.kv_tokens,
    )
