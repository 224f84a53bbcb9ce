"""What an idle engine needs for a prompt."""

from simulations.engine.spec import PS_PER_US, EngineSpec


def idle_ttft_us(spec: EngineSpec, input_tokens: int) -> int:
    """Arrival to first token on an idle engine with an empty prefix cache: ingest, then chunk after chunk."""
    step, budget = spec.step, spec.max_num_batched_tokens
    total_ps = done = 0
    while done < input_tokens:
        chunk = min(budget, input_tokens - done)
        attention_ps = chunk * (step.prefill_token_ps + step.half_pair_ps * (2 * done + chunk))
        attention_ps += step.kv_token_ps * done
        total_ps += step.tokens_ps[chunk] + step.sequence_ps + attention_ps
        done += chunk
    return spec.ingest_us + total_ps // PS_PER_US


def idle_ttft_s(spec: EngineSpec, input_tokens: int) -> float:
    """:func:`idle_ttft_us` in seconds."""
    return idle_ttft_us(spec, input_tokens) / 1_000_000
