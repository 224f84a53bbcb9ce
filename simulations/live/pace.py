"""The same engine, faster or slower: every duration of the model scaled, nothing else."""

from dataclasses import replace

from simulations.engine.spec import EngineSpec, StepTime


def at_speed(spec: EngineSpec, factor: float) -> EngineSpec:
    """``spec`` with every duration divided by ``factor`` (> 0): steps and ingest; sizes and limits stay."""
    return replace(spec, step=step_at_speed(spec.step, factor), ingest_us=round(spec.ingest_us / factor))


def step_at_speed(step: StepTime, factor: float) -> StepTime:
    """Step times divided by ``factor``, in whole picoseconds; what costs anything goes on costing one."""
    return StepTime(
        tokens_ps=tuple(_scaled(ps, factor) for ps in step.tokens_ps),
        sequence_ps=_scaled(step.sequence_ps, factor),
        kv_token_ps=_scaled(step.kv_token_ps, factor),
        prefill_token_ps=_scaled(step.prefill_token_ps, factor),
        half_pair_ps=_scaled(step.half_pair_ps, factor),
        mixed_sequence_ps=_scaled(step.mixed_sequence_ps, factor),
        mixed_kv_token_ps=_scaled(step.mixed_kv_token_ps, factor),
    )


def _scaled(ps: int, factor: float) -> int:
    return max(1, round(ps / factor)) if ps else 0
