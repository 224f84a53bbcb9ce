"""Measured figures that the engine model is held against, with their sources, and how the model answers
them."""

from dataclasses import dataclass

from simulations.engine.gpus import load_gpu
from simulations.engine.models import load_model
from simulations.engine.spec import StepTime
from simulations.engine.steptime import gemm_s, step_time

LLAMA_8B = "meta-llama/Llama-3.1-8B"
LLAMA_70B = "meta-llama/Llama-3.1-70B"

TOKENS = (1, 32, 128, 256, 512, 1024, 2048, 8192)
GEMM_MS: dict[tuple[str, str, int], tuple[float, ...]] = {
    ("h100-sxm", LLAMA_8B, 1): (5.37, 5.63, 6.00, 6.42, 10.0, 18.0, 37.2, 160),
    ("h100-sxm", LLAMA_70B, 4): (12.7, 13.2, 13.5, 14.6, 21.6, 44.1, 83.8, 371),
    ("a100-sxm-80g", LLAMA_8B, 1): (9.85, 10.1, 11.7, 17.5, 30.1, 55.9, 107, 435),
    ("a100-sxm-80g", LLAMA_70B, 4): (23.6, 25.9, 29.4, 43.8, 77.5, 138, 259, 1004),
    ("l40s", LLAMA_8B, 1): (20.9, 21.9, 23.7, 25.7, 28.9, 53.9, 103, 473),
}
"""All linear layers of one step, by tokens in it: AIConfigurator tables, vLLM 0.19 (H100) and 0.14."""

DECODE_MS: dict[str, dict[tuple[int, int], float]] = {
    "h100-sxm": {(16, 1024): 1.07, (64, 1024): 3.29, (64, 4096): 11.5, (256, 512): 6.58},
    "a100-sxm-80g": {(16, 1024): 2.22, (64, 1024): 6.17, (64, 4096): 21.8, (256, 512): 11.5},
    "l40s": {(64, 2048): 24.3},
}
"""Decode attention of Llama-3.1-8B, all layers, by (batch, context). Same source."""

PREFILL_MS: dict[str, dict[int, float]] = {
    "h100-sxm": {1024: 0.93, 2048: 2.3, 4096: 7.2, 8192: 25.2, 16384: 95},
    "a100-sxm-80g": {1024: 3.1, 2048: 8.7, 4096: 28.8, 8192: 99.8, 16384: 400},
}
"""Attention of one prompt, 8B, all layers, by tokens. Same source."""

KV_TOKENS: tuple[tuple[str, str, int, int, int, int], ...] = (
    ("rtx-4090", LLAMA_8B, 1, 2048, 256, 2588 * 16),
    ("h100-sxm", "meta-llama/Llama-2-7b-hf", 1, 2048, 128, 119_408),
    ("h100-sxm", "meta-llama/Llama-2-70b-hf", 4, 2048, 128, 501_712),
    ("h100-sxm", "mistralai/Mixtral-8x7B-Instruct-v0.1", 2, 2048, 128, 440_176),
    ("h100-sxm", "codellama/CodeLlama-34b-Instruct-hf", 2, 2048, 128, 425_648),
)
"""(GPU, model, TP, token budget, seats, KV tokens at 0.9): LLMServingSim validation (vLLM 0.19) and
inference-sim/sim-to-real-accuracy-validation, 2026-03-04 design (vLLM 0.15.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A load of inference-perf's shared prefixes: 9 system prompts of 100 tokens, 5 questions each, over
    and over."""

    input_tokens: int
    output_tokens: int
    rates: tuple[float, ...]


WORKLOADS = {
    "general": Workload(input_tokens=547, output_tokens=248, rates=(8, 20)),
    "general-lite": Workload(input_tokens=547, output_tokens=248, rates=(6,)),
    "codegen": Workload(input_tokens=566, output_tokens=247, rates=(5, 10)),
    "roleplay": Workload(input_tokens=750, output_tokens=251, rates=(6,)),
    "reasoning": Workload(input_tokens=1034, output_tokens=1448, rates=(4,)),
}

PUBLISHED: tuple[tuple[str, int, str, int, float, float, float], ...] = (
    (LLAMA_8B, 1, "general", 2048, 39.8, 8.9, 2119),
    (LLAMA_8B, 1, "general", 1024, 37.5, 8.5, 2029),
    (LLAMA_8B, 1, "general", 8192, 36.8, 8.8, 2079),
    (LLAMA_8B, 1, "codegen", 2048, 33.3, 8.1, 1876),
    (LLAMA_8B, 1, "roleplay", 2048, 33.2, 8.3, 1987),
    (LLAMA_8B, 1, "reasoning", 2048, 56.3, 16.6, 22705),
    (LLAMA_8B, 2, "general", 2048, 27.9, 5.9, 1359),
    (LLAMA_70B, 4, "general-lite", 8192, 53.7, 18.3, 4502),
    (LLAMA_70B, 4, "codegen", 2048, 58.1, 19.7, 4841),
    ("meta-llama/Llama-2-70b-hf", 4, "codegen", 2048, 124, 21.3, 5363),
    ("meta-llama/Llama-2-70b-hf", 4, "roleplay", 2048, 86, 20.5, 5105),
    ("meta-llama/Llama-2-7b-hf", 1, "codegen", 2048, 28.0, 10.6, 2081),
    ("Qwen/Qwen3-14B", 1, "general", 2048, 65.4, 15.8, 3909),
    ("Qwen/Qwen3-14B", 1, "codegen", 2048, 58.6, 18.4, 3354),
    ("codellama/CodeLlama-34b-Instruct-hf", 2, "codegen", 2048, 71.9, 15.8, 3993),
    ("mistralai/Mixtral-8x7B-Instruct-v0.1", 2, "general", 2048, 556, 29.5, 7788),
)
"""(model, TP, workload, token budget, TTFT ms, ITL ms, E2E ms): client-side means, vLLM 0.15.1 on H100 SXM,
128 seats, inference-sim/sim-to-real-accuracy-validation."""


def model_gemm_ms(gpu: str, model: str, tensor_parallel: int, tokens: int) -> float:
    """The engine model's answer to a row of :data:`GEMM_MS`."""
    return gemm_s(load_model(model), load_gpu(gpu), tensor_parallel, tokens) * 1e3


def _attention(gpu: str) -> tuple[StepTime, float]:
    """(step coefficients of the 8B model, ms of attention that every step pays)."""
    model, device = load_model(LLAMA_8B), load_gpu(gpu)
    return step_time(model, device, 1, 1), model.layers * device.efficiency.attention_us / 1e3


def model_decode_ms(gpu: str, batch: int, context: int) -> float:
    """The engine model's answer to a row of :data:`DECODE_MS`."""
    step, fixed_ms = _attention(gpu)
    return fixed_ms + (step.sequence_ps * batch + step.kv_token_ps * batch * context) / 1e9


def model_prefill_ms(gpu: str, tokens: int) -> float:
    """The engine model's answer to a row of :data:`PREFILL_MS`."""
    step, fixed_ms = _attention(gpu)
    return fixed_ms + tokens * (step.prefill_token_ps + step.half_pair_ps * tokens) / 1e9
