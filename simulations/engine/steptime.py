"""Step time from sizes and peaks: one rule for every model and GPU (docs/designs/0003 derives and checks it).

A step of T tokens in B sequences takes

    max(W(T) + ramp·c·T, overlap·W(T) + c·T)      GEMMs: weights read, or FLOPs, with a soft knee between
  + head                                          sampling head, read once
  + 2 all-reduces a layer                         latency + bytes over the link, only with tensor parallelism
  + layer·(layer_us + attention_us)               small kernels and launches
  + element-wise bytes·T                          activations, norms
  + KV bytes of the context that decoding reads, + sequence_us a sequence
  + causal prefill attention, quadratic in the prompt

W(T) is the bytes of the weights that T tokens touch: in a mixture of experts a small batch touches few of
them.
"""

from simulations.engine.gpus import Gpu
from simulations.engine.models import Model
from simulations.engine.spec import StepTime

_PS = 10**12
_ELEMENT_BYTES = 2
"""Activations and KV entries are 16 bits wide."""

_STREAM = 0.95
"""Share of the bandwidth that element-wise kernels reach at many tokens."""

_ROUTING_US = 15.0
"""Of a layer with routed experts: router, top-k, sorting by expert, weighted sum (five small kernels)."""


def step_time(model: Model, gpu: Gpu, tensor_parallel: int, max_tokens: int) -> StepTime:
    """The coefficients of ``model`` on ``tensor_parallel`` GPUs, in integer picoseconds."""
    efficiency = gpu.efficiency
    fixed_s = _fixed_s(model, gpu, tensor_parallel)
    token_s = _elementwise_s(model, gpu, tensor_parallel) + _wire_s(model, gpu, tensor_parallel)
    tokens = (
        round((gemm_s(model, gpu, tensor_parallel, count) + fixed_s + token_s * count) * _PS)
        for count in range(1, max_tokens + 1)
    )
    half_pair_s = _pair_flops(model) / tensor_parallel / 2 / (efficiency.attention * gpu.bf16_tflops * 1e12)
    return StepTime(
        tokens_ps=(0, *tokens),
        sequence_ps=round(_sequence_s(model, gpu) * _PS),
        kv_token_ps=round(
            _kv_read_bytes(model, tensor_parallel) / (efficiency.kv * gpu.memory_gb_per_s * 1e9) * _PS
        ),
        prefill_token_ps=round(half_pair_s * 2 * efficiency.attention_keys * _PS),
        half_pair_ps=round(half_pair_s * _PS),
    )


def gemm_s(model: Model, gpu: Gpu, tensor_parallel: int, tokens: int) -> float:
    """All linear layers of one step; what the operator tables of docs/designs/0003 measure."""
    dense = model.layers * model.attention_params + model.dense_params
    total_s = _product_s(model, gpu, dense / tensor_parallel, dense / tensor_parallel * tokens, 1.0)
    if not model.experts:
        return total_s
    expert = model.moe_layers * model.expert_params / tensor_parallel
    work = expert * model.experts_per_token * tokens
    return total_s + _product_s(
        model, gpu, expert * _experts_touched(model, tokens), work, gpu.efficiency.moe
    )


def _product_s(model: Model, gpu: Gpu, weights: float, multiplications: float, share: float) -> float:
    """Matrix products that read so many weights and multiply so often, at ``share`` of dense FLOPS."""
    efficiency = gpu.efficiency
    read_s = weights * model.linear_bits / 8 / (efficiency.memory * gpu.memory_gb_per_s * 1e9)
    compute_s = 2 * multiplications / (share * efficiency.compute * _peak_flops(model, gpu))
    return max(read_s + efficiency.ramp * compute_s, efficiency.overlap * read_s + compute_s)


def _experts_touched(model: Model, tokens: int) -> float:
    """Expected number of different experts of a layer that ``tokens`` tokens with uniform routing use."""
    if not model.experts:
        return 0.0
    return float(model.experts * (1 - (1 - model.experts_per_token / model.experts) ** tokens))


def _peak_flops(model: Model, gpu: Gpu) -> float:
    """8-bit weights run on FP8 tensor cores where there are any; 4-bit ones are widened to 16 first."""
    if model.linear_bits == 8 and gpu.fp8_tflops is not None:
        return gpu.fp8_tflops * 1e12
    return gpu.bf16_tflops * 1e12


def _fixed_s(model: Model, gpu: Gpu, tensor_parallel: int) -> float:
    """Per step, whatever is in it: sampling head, small kernels, all-reduce latency."""
    efficiency = gpu.efficiency
    head_s = (
        model.embedding_params
        * _ELEMENT_BYTES
        / tensor_parallel
        / (efficiency.memory * gpu.memory_gb_per_s * 1e9)
    )
    layers_us = (
        model.layers * (efficiency.layer_us + efficiency.attention_us) + model.moe_layers * _ROUTING_US
    )
    if tensor_parallel > 1:
        growth = (tensor_parallel / 2) ** gpu.link.latency_growth
        layers_us += 2 * model.layers * gpu.link.latency_us * growth
    return head_s + layers_us * 1e-6


def _elementwise_s(model: Model, gpu: Gpu, tensor_parallel: int) -> float:
    """Per token: activation functions, norms and residuals."""
    active = model.dense_params + model.moe_layers * model.experts_per_token * model.expert_params
    numbers = active / model.hidden / tensor_parallel + model.layers * 4 * model.hidden
    return numbers * _ELEMENT_BYTES / (_STREAM * gpu.memory_gb_per_s * 1e9)


def _wire_s(model: Model, gpu: Gpu, tensor_parallel: int) -> float:
    """Per token: two all-reduces a layer of one hidden vector each, 2(n−1)/n of its bytes over the link."""
    if tensor_parallel == 1:
        return 0.0
    sent = 2 * (tensor_parallel - 1) / tensor_parallel * model.hidden * _ELEMENT_BYTES
    return 2 * model.layers * sent / (gpu.link.efficiency * gpu.link_gb_per_s * 1e9)


def _kv_read_bytes(model: Model, tensor_parallel: int) -> float:
    """Per context token: what layers with full attention read."""
    full = 1 - model.window_layers / model.layers
    return model.kv_bytes(tensor_parallel) * full


def _sequence_s(model: Model, gpu: Gpu) -> float:
    """Per decoding sequence: its share of the attention grid, and the windows of sliding-window layers."""
    window_bytes = model.kv_bytes(1) * model.window_layers / model.layers * model.window
    return model.layers * gpu.efficiency.sequence_us * 1e-6 + window_bytes / (
        gpu.efficiency.kv * gpu.memory_gb_per_s * 1e9
    )


def _pair_flops(model: Model) -> float:
    """Per query-key pair over all layers: scores and weighted sum, 2 operations each."""
    return 2.0 * model.layers * model.heads * (model.head_dim + model.value_dim)
