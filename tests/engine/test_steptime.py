"""What any sensible step time obeys, for every model and GPU."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.engine.gpus import load_gpu
from simulations.engine.models import load_model
from simulations.engine.steptime import gemm_s, step_time

MODELS = ("meta-llama/Llama-3.1-8B", "Qwen/Qwen3-30B-A3B", "mistralai/Mixtral-8x7B-Instruct-v0.1")
GPUS = ("h100-sxm", "a100-sxm-80g", "l4", "rtx-4090", "rtx-pro-6000", "b200")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("gpu", GPUS)
def test_more_tokens_never_take_less(model: str, gpu: str) -> None:
    tokens_ps = step_time(load_model(model), load_gpu(gpu), 1, 2048).tokens_ps
    assert tokens_ps[0] == 0
    assert all(a <= b for a, b in pairwise(tokens_ps))


@given(st.sampled_from(MODELS), st.sampled_from(GPUS), st.integers(1, 8192))
def test_no_step_beats_the_datasheet_by_more_than_its_boost(model: str, gpu: str, tokens: int) -> None:
    shape, device = load_model(model), load_gpu(gpu)
    always = shape.layers * shape.attention_params + shape.dense_params
    active = always + shape.moe_layers * shape.experts_per_token * shape.expert_params
    flops_s = 2 * active * tokens / (device.bf16_tflops * 1e12)
    bytes_s = 2 * active / (device.memory_gb_per_s * 1e9)
    assert gemm_s(shape, device, 1, tokens) >= max(flops_s, bytes_s) * 0.95


def test_a_small_batch_touches_few_experts_and_a_large_one_all() -> None:
    model, gpu = load_model("Qwen/Qwen3-30B-A3B"), load_gpu("rtx-pro-6000")
    one, many = (gemm_s(model, gpu, 1, tokens) for tokens in (1, 1024))
    assert many > 8 * one
    dense = replace(model, experts_per_token=model.experts)
    assert gemm_s(dense, gpu, 1, 1) == pytest.approx(
        gemm_s(replace(model, experts_per_token=127), gpu, 1, 1), rel=0.02
    )


@pytest.mark.parametrize(("gpu", "faster"), [("h100-sxm", 1.6), ("rtx-pro-6000", 1.3)])
def test_two_gpus_are_faster_but_not_twice(gpu: str, faster: float) -> None:
    model, device = load_model("Qwen/Qwen3-32B"), load_gpu(gpu)
    one, two = (step_time(model, device, parallel, 64).tokens_ps[64] for parallel in (1, 2))
    assert faster < one / two < 2


def test_pcie_pays_more_for_a_long_prompt_than_nvlink() -> None:
    model, device = load_model("Qwen/Qwen3-32B"), load_gpu("rtx-pro-6000")
    linked = replace(device, link=load_gpu("h100-sxm").link, link_gb_per_s=450)
    pcie, nvlink = (step_time(model, gpu, 2, 2048).tokens_ps[2048] for gpu in (device, linked))
    # 128 all-reduces of 21 MB at 36 GB/s and at 315 GB/s: 0.59 and 0.07 ms each.
    assert (pcie - nvlink) / 1e9 == pytest.approx(128 * (0.587 - 0.074), rel=0.05)


def test_a_window_bounds_what_decoding_reads() -> None:
    model, gpu = load_model("meta-llama/Llama-3.1-8B"), load_gpu("h100-sxm")
    windowed = replace(model, window=1024, window_layers=model.layers)
    assert step_time(windowed, gpu, 1, 1).kv_token_ps == 0
    assert step_time(windowed, gpu, 1, 1).sequence_ps == pytest.approx(
        step_time(model, gpu, 1, 1).sequence_ps + 1024 * step_time(model, gpu, 1, 1).kv_token_ps, rel=1e-5
    )


def test_fp8_weights_run_on_fp8_cores_where_there_are_any() -> None:
    model = replace(load_model("meta-llama/Llama-3.1-8B"), linear_bits=8)
    assert gemm_s(model, load_gpu("h100-sxm"), 1, 4096) < 0.6 * gemm_s(
        replace(model, linear_bits=16), load_gpu("h100-sxm"), 1, 4096
    )
    assert gemm_s(model, load_gpu("a100-sxm-80g"), 1, 4096) == pytest.approx(
        gemm_s(replace(model, linear_bits=16), load_gpu("a100-sxm-80g"), 1, 4096), rel=0.1
    )
