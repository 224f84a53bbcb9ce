"""From settings to an engine: model and GPU are looked up, and vLLM's own defaults fill what was left
open."""

from dataclasses import dataclass

from simulations import scenario
from simulations.engine.calibration import apply_calibration
from simulations.engine.gpus import Gpu, load_gpu
from simulations.engine.memory import kv_blocks
from simulations.engine.models import Model, load_model
from simulations.engine.spec import EngineSpec
from simulations.engine.steptime import step_time
from simulations.errors import InputError

DEFAULTS_OF = "vLLM 0.19"
BLOCK_TOKENS = 16
_BIG_GPU_GIB = 70
_USEFUL_BLOCKS = 512


@dataclass(frozen=True, slots=True)
class _Limits:
    tokens: int
    seqs: int


def context_note(engine: scenario.Engine, spec: EngineSpec) -> str:
    """What to know where the model's own context does not fit the cache; empty where it does."""
    own = load_model(engine.model).max_len
    if engine.max_model_len is not None or spec.max_model_len >= own:
        return ""
    return (
        f"the context is cut from {own:,} to the {spec.max_model_len:,} tokens that the KV cache holds; "
        f"vLLM starts only with --max-model-len {spec.max_model_len}"
    )


def resolve(engine: scenario.Engine) -> EngineSpec:
    """Every number that the engine needs; :class:`simulations.errors.InputError` when model and GPU do
    not fit."""
    model = load_model(engine.model)
    gpu = load_gpu(engine.gpu)
    if engine.calibration is not None:
        gpu = apply_calibration(gpu, engine.calibration)
    _check_parallel(engine, model)
    limits = _limits(engine, gpu)
    blocks = _blocks(engine, model, gpu, limits)
    return EngineSpec(
        model=engine.model,
        gpu=engine.gpu,
        tensor_parallel=engine.tensor_parallel,
        step=step_time(model, gpu, engine.tensor_parallel, limits.tokens),
        block_tokens=BLOCK_TOKENS,
        kv_blocks=blocks,
        max_num_seqs=limits.seqs,
        max_num_batched_tokens=limits.tokens,
        max_model_len=_context(engine, model, blocks),
        prefix_caching=engine.prefix_caching,
        async_scheduling=True,
        ingest_us=round(engine.ingest_ms * 1000),
        weights_bytes=model.weights_bytes,
        defaults_of=DEFAULTS_OF,
    )


def _limits(engine: scenario.Engine, gpu: Gpu) -> _Limits:
    """``max_num_batched_tokens`` and ``max_num_seqs`` of an API server (vllm engine/arg_utils.py, 0.19).

    GPUs of 70 GiB or more get 8,192 and 1,024, others and A100s 2,048 and 256 (PR vllm#17885).
    """
    big = gpu.memory_gib >= _BIG_GPU_GIB and not gpu.ampere
    tokens = engine.max_num_batched_tokens or (8192 if big else 2048)
    seqs = engine.max_num_seqs
    if seqs is None:
        return _Limits(tokens, min(1024 if big else 256, tokens))
    if seqs > tokens:
        raise InputError(
            "engine.max_num_batched_tokens",
            f"{tokens} is less than max_num_seqs {seqs}",
            f"raise it to at least {seqs} or lower engine.max_num_seqs",
        )
    return _Limits(tokens, seqs)


def _check_parallel(engine: scenario.Engine, model: Model) -> None:
    if model.heads % engine.tensor_parallel:
        fits = [n for n in range(1, 65) if model.heads % n == 0]
        raise InputError(
            "engine.tensor_parallel",
            f"{engine.tensor_parallel} does not divide the {model.heads} attention heads of {engine.model}",
            f"use one of {', '.join(map(str, fits))}",
        )


def _blocks(engine: scenario.Engine, model: Model, gpu: Gpu, limits: _Limits) -> int:
    """KV blocks: as given, or what the memory holds."""
    if engine.kv_tokens is not None:
        blocks = engine.kv_tokens // BLOCK_TOKENS
        if blocks < 2:
            raise InputError(
                "engine.kv_tokens", f"{engine.kv_tokens} is too small", f"give at least {2 * BLOCK_TOKENS}"
            )
        return blocks
    blocks = kv_blocks(
        model,
        gpu,
        engine.tensor_parallel,
        engine.gpu_memory_utilization,
        limits.tokens,
        limits.seqs,
        BLOCK_TOKENS,
    )
    if blocks < 2:
        raise InputError("engine.gpu", _misfit(engine, model, gpu), _fitting(engine, model, gpu, limits))
    return blocks


def _misfit(engine: scenario.Engine, model: Model, gpu: Gpu) -> str:
    weights_gib = model.weights_bytes / (1 << 30) / engine.tensor_parallel
    usable_gib = engine.gpu_memory_utilization * gpu.memory_gib
    return (
        f"{engine.model} does not fit {engine.tensor_parallel} x {engine.gpu}: {weights_gib:.1f} GiB "
        f"of weights each, {usable_gib:.1f} GiB usable, no room for a KV cache"
    )


def _fitting(engine: scenario.Engine, model: Model, gpu: Gpu, limits: _Limits) -> str:
    """The smallest tensor_parallel that leaves a cache worth having."""
    for parallel in (2, 4, 8, 16, 32, 64):
        if parallel <= engine.tensor_parallel or model.heads % parallel:
            continue
        fraction = engine.gpu_memory_utilization
        if (
            kv_blocks(model, gpu, parallel, fraction, limits.tokens, limits.seqs, BLOCK_TOKENS)
            > _USEFUL_BLOCKS
        ):
            return f"set engine.tensor_parallel to {parallel} or choose a larger GPU"
    return "choose a larger GPU or a smaller model"


def _context(engine: scenario.Engine, model: Model, blocks: int) -> int:
    """``max_model_len``: vLLM refuses to start when one request of that length does not fit the cache."""
    most = (blocks - 1) * BLOCK_TOKENS  # one block is vLLM's null block
    if engine.max_model_len is None:
        return min(model.max_len, most)
    if engine.max_model_len > most:
        raise InputError(
            "engine.max_model_len",
            f"{engine.max_model_len} is more than the {most} tokens that the KV cache holds",
            f"lower it to {most} or raise engine.gpu_memory_utilization or engine.tensor_parallel",
        )
    return engine.max_model_len
