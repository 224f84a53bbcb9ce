"""How many KV blocks fit: vLLM's profiling run at start-up, as arithmetic.

KV tokens = (fraction × memory − weights − activation peak − non-torch memory) / KV bytes per token.
Checked against an RTX 4090 with Llama-3.1-8B on vLLM 0.19 at 0.9: 2,588 blocks (LLMServingSim validation).
"""

from simulations.engine.gpus import Gpu
from simulations.engine.models import Model

_GIB = 1 << 30
_NON_TORCH_GIB = 0.3
"""CUDA context and libraries after start-up (vLLM logs 0.25-0.35 on one GPU)."""
_NCCL_GIB = 0.35
"""Communication buffers with tensor parallelism (AIConfigurator: 342-392 MB)."""
_SAMPLER_BYTES = 20
"""Per logit of the profiling run: 16- and 32-bit logits, probabilities, sorted values, 64-bit indices."""


def kv_bytes_available(
    model: Model, gpu: Gpu, tensor_parallel: int, fraction: float, max_tokens: int, max_seqs: int
) -> float:
    """Bytes for KV blocks on each GPU; negative when the model does not fit."""
    other_gib = _NON_TORCH_GIB + (_NCCL_GIB if tensor_parallel > 1 else 0.0)
    used = model.weights_bytes / tensor_parallel + activation_bytes(
        model, tensor_parallel, max_tokens, max_seqs
    )
    return (fraction * gpu.memory_gib - other_gib) * _GIB - used


def activation_bytes(model: Model, tensor_parallel: int, max_tokens: int, max_seqs: int) -> float:
    """Peak of the profiling run: the widest layer at the token budget, and the sampler at
    ``max_num_seqs``."""
    active = model.dense_params + model.moe_layers * model.experts_per_token * model.expert_params
    widest = active / model.layers / model.hidden / tensor_parallel
    layer = max_tokens * (widest + 4 * model.hidden) * 2
    return layer + min(max_seqs, max_tokens) * model.vocab * _SAMPLER_BYTES


def kv_blocks(
    model: Model,
    gpu: Gpu,
    tensor_parallel: int,
    fraction: float,
    max_tokens: int,
    max_seqs: int,
    block_tokens: int,
) -> int:
    """Whole blocks; 0 or less when nothing is left for the cache."""
    available = kv_bytes_available(model, gpu, tensor_parallel, fraction, max_tokens, max_seqs)
    return int(available // (model.kv_bytes(tensor_parallel) * block_tokens))
