"""Sizes of models, from the data file and from any config.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulations.engine.models import known_models, load_model, parse_config
from simulations.errors import InputError

SMALL: dict[str, Any] = {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "vocab_size": 1000,
    "torch_dtype": "bfloat16",
}


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("meta-llama/Llama-3.1-8B", 8.03e9),
        ("meta-llama/Llama-3.1-70B", 70.6e9),
        ("meta-llama/Llama-3.2-1B", 1.24e9),
        ("meta-llama/Llama-3.2-3B", 3.21e9),
        ("meta-llama/Llama-2-7b-hf", 6.74e9),
        ("meta-llama/Llama-2-70b-hf", 69.0e9),
        ("codellama/CodeLlama-34b-Instruct-hf", 33.7e9),
        ("Qwen/Qwen2.5-7B-Instruct", 7.62e9),
        ("Qwen/Qwen3-8B", 8.19e9),
        ("Qwen/Qwen3-14B", 14.8e9),
        ("Qwen/Qwen3-32B", 32.8e9),
        ("Qwen/Qwen3-30B-A3B", 30.5e9),
        ("mistralai/Mistral-7B-Instruct-v0.3", 7.25e9),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 46.7e9),
    ],
)
def test_the_sizes_are_those_of_the_model_cards(model: str, params: float) -> None:
    assert load_model(model).weights_bytes / 2 == pytest.approx(params, rel=0.005)


def test_every_model_of_the_data_file_can_be_read() -> None:
    assert all(load_model(name).weights_bytes > 1e9 for name in known_models())


@pytest.mark.parametrize(
    ("model", "parallel", "kv_bytes"),
    [
        ("meta-llama/Llama-3.1-8B", 1, 131_072),
        ("meta-llama/Llama-3.1-70B", 1, 327_680),
        ("meta-llama/Llama-3.1-70B", 4, 81_920),
        ("meta-llama/Llama-3.1-70B", 16, 40_960),
        ("Qwen/Qwen3-32B", 2, 131_072),
    ],
    ids=["8B", "70B", "70B on four", "two ranks share a head", "32B on two"],
)
def test_kv_bytes_per_token(model: str, parallel: int, kv_bytes: int) -> None:
    assert load_model(model).kv_bytes(parallel) == kv_bytes


def test_latent_attention_caches_its_latent_on_every_rank() -> None:
    deepseek = parse_config(
        {
            "num_hidden_layers": 61,
            "hidden_size": 7168,
            "intermediate_size": 18432,
            "moe_intermediate_size": 2048,
            "n_routed_experts": 256,
            "n_shared_experts": 1,
            "num_experts_per_tok": 8,
            "first_k_dense_replace": 3,
            "num_attention_heads": 128,
            "num_key_value_heads": 128,
            "kv_lora_rank": 512,
            "q_lora_rank": 1536,
            "qk_nope_head_dim": 128,
            "qk_rope_head_dim": 64,
            "v_head_dim": 128,
            "vocab_size": 129280,
            "quantization_config": {"quant_method": "fp8"},
        },
        "DeepSeek-V3",
    )
    assert deepseek.kv_bytes(1) == deepseek.kv_bytes(8) == 61 * 576 * 2
    assert deepseek.linear_bits == 8
    assert deepseek.linear_params == pytest.approx(671e9 - 2 * 129280 * 7168, rel=0.01)
    active = deepseek.moe_layers * deepseek.experts_per_token * deepseek.expert_params
    always = deepseek.layers * deepseek.attention_params + deepseek.dense_params
    assert active + always + 129280 * 7168 == pytest.approx(37e9, rel=0.02)


@pytest.mark.parametrize(
    ("quantization", "bits"),
    [
        ({"quant_method": "awq", "bits": 4}, 4),
        ({"quant_method": "gptq", "bits": 8}, 8),
        ({"quant_method": "fp8"}, 8),
        ({"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 4}}}}, 4),
    ],
)
def test_quantised_weights_are_smaller(quantization: dict[str, Any], bits: int) -> None:
    assert parse_config({**SMALL, "quantization_config": quantization}, "x").linear_bits == bits


@pytest.mark.parametrize(
    ("extra", "layers"),
    [
        ({"sliding_window": 512, "use_sliding_window": False}, 0),
        ({"sliding_window": 512}, 2),
        ({"sliding_window": 512, "layer_types": ["sliding_attention", "full_attention"]}, 1),
        ({"sliding_window": 512, "sliding_window_pattern": 2}, 1),
        ({}, 0),
    ],
)
def test_layers_with_a_window(extra: dict[str, Any], layers: int) -> None:
    assert parse_config({**SMALL, **extra}, "x").window_layers == layers


def test_a_config_file_is_read_and_a_nested_language_model_is_found(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"text_config": SMALL}))
    assert load_model(str(path)).layers == 2


@pytest.mark.parametrize(
    ("change", "field", "fix"),
    [
        ({"hidden_size": None}, "hidden_size", "add it"),
        ({"vocab_size": "many"}, "vocab_size", "whole number"),
        ({"num_hidden_layers": -3}, "num_hidden_layers", "whole number"),
        ({"torch_dtype": "complex64"}, "torch_dtype", "bfloat16"),
        ({"quantization_config": {"quant_method": "magic"}}, "quantization_config", "bits"),
        ({"num_hidden_layers": 0}, "layers", "real sizes"),
    ],
)
def test_a_bad_config_says_which_field_and_what_to_do(change: dict[str, Any], field: str, fix: str) -> None:
    with pytest.raises(InputError, match=field) as caught:
        parse_config({**SMALL, **change}, "my/config.json")
    assert "my/config.json" in str(caught.value)
    assert fix in caught.value.fix


@pytest.mark.parametrize("content", ["", "{", "[]", "\0"])
def test_a_file_that_is_no_config_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"config\.json") as caught:
        load_model(str(path))
    assert "\n" not in str(caught.value)


def test_an_unknown_model_names_the_nearest_known_one() -> None:
    with pytest.raises(InputError, match=r"Llama-3\.1-8B"):
        load_model("meta-llama/Llama-3.1-8b")
