"""Models: what the step time and the KV cache need to know, read from a ``config.json`` or the data file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from simulations.errors import InputError

DATA = Path(__file__).parent.parent / "data"

_DTYPE_BITS = {"bfloat16": 16, "float16": 16, "float32": 16}
"""vLLM runs float32 checkpoints in 16 bits (``dtype=auto``)."""

_DOWNCAST_BYTES = 2
"""Activations and the KV cache (``kv_cache_dtype=auto``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Sizes of one transformer. Parameters are counts, not bytes."""

    name: str
    layers: int
    hidden: int
    heads: int
    head_dim: int
    """Of queries and keys."""
    value_dim: int
    kv_heads: int
    vocab: int
    tied: bool
    attention_params: int
    """Of one layer."""
    dense_params: int
    """Feed-forward weights that every token uses, summed over the layers: dense MLPs, shared experts,
    routers."""
    expert_params: int
    """Of one routed expert; 0 in a dense model."""
    experts: int
    experts_per_token: int
    moe_layers: int
    linear_bits: int
    """Of each weight in the layers; embeddings and head have 16."""
    latent_kv: int
    """Numbers per token and layer that multi-head latent attention caches; 0 without it."""
    window: int
    """Sliding attention window of ``window_layers`` layers; 0 without one."""
    window_layers: int
    max_len: int

    @property
    def embedding_params(self) -> int:
        """One table; the head is a second one unless tied."""
        return self.vocab * self.hidden

    @property
    def linear_params(self) -> int:
        """All weights in the layers."""
        routed = self.moe_layers * self.experts * self.expert_params
        return self.layers * self.attention_params + self.dense_params + routed

    @property
    def weights_bytes(self) -> int:
        """Of the checkpoint."""
        tables = self.embedding_params * (1 if self.tied else 2)
        return self.linear_params * self.linear_bits // 8 + tables * _DOWNCAST_BYTES

    def kv_bytes(self, tensor_parallel: int) -> int:
        """KV-cache bytes per token on one GPU; latent caches and too few heads are copied to every rank."""
        if self.latent_kv:
            return self.layers * self.latent_kv * _DOWNCAST_BYTES
        heads = max(1, self.kv_heads // tensor_parallel)
        return self.layers * heads * (self.head_dim + self.value_dim) * _DOWNCAST_BYTES


def load_model(name: str) -> Model:
    """A model of the data file, or the ``config.json`` at the path ``name``."""
    path = Path(name)
    if path.suffix == ".json" or path.is_file():
        return parse_config(_read_json(path), name)
    known = known_models()
    if name not in known:
        near = get_close_matches(name, known, 1, 0.3)
        hint = f"the nearest known one is {near[0]}" if near else f"known ones: {', '.join(known)}"
        raise InputError(
            "engine.model", f"{name!r} is not known", f"{hint}; or give the path of its config.json"
        )
    return parse_config(known[name], name)


@cache
def known_models() -> dict[str, dict[str, Any]]:
    """Config fields by Hugging Face id."""
    content: dict[str, dict[str, Any]] = yaml.safe_load((DATA / "models.yaml").read_text(encoding="utf-8"))
    return content


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"engine.model {path}", "there is no such file", "give an existing config.json"
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"engine.model {path}", f"not readable as JSON ({error})", "give a model's config.json"
        ) from None
    if not isinstance(config, dict):
        raise InputError(f"engine.model {path}", "not a JSON object", "give a model's config.json")
    text: Mapping[str, Any] = config.get(
        "text_config", config
    )  # vision-language models nest the language model
    return text


class _Fields:
    """Reads whole numbers out of a config, with errors that name file and field."""

    def __init__(self, config: Mapping[str, Any], where: str) -> None:
        self._config = config
        self._where = where

    def need(self, *names: str) -> int:
        for name in names:
            if self._config.get(name) is not None:
                return self._whole(name)
        raise InputError(
            f"{self._where}: {names[0]}", "the field is missing", "add it (a whole number of at least 1)"
        )

    def get(self, default: int, *names: str) -> int:
        for name in names:
            if self._config.get(name) is not None:
                return self._whole(name)
        return default

    def _whole(self, name: str) -> int:
        value = self._config[name]
        if isinstance(value, list):  # some MoE models give one value per layer
            value = value[0] if value else None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InputError(
                f"{self._where}: {name}", f"{value!r} is not a whole number", "give a whole number"
            )
        return value


def parse_config(config: Mapping[str, Any], where: str) -> Model:
    """A model from the fields of a Hugging Face ``config.json``."""
    fields = _Fields(config, where)
    layers = fields.need("num_hidden_layers", "n_layer")
    hidden = fields.need("hidden_size", "n_embd")
    heads = fields.need("num_attention_heads", "n_head")
    if not (layers and hidden and heads):
        raise InputError(
            where, "layers, hidden size and heads must be at least 1", "give the model's real sizes"
        )
    kv_heads = fields.get(heads, "num_key_value_heads")
    head_dim = fields.get(hidden // heads, "head_dim")
    latent = fields.get(0, "kv_lora_rank")
    rope_dim = fields.get(0, "qk_rope_head_dim")
    if latent:
        head_dim = fields.need("qk_nope_head_dim") + rope_dim
    value_dim = fields.get(head_dim, "v_head_dim") if latent else head_dim
    moe_layers, experts = _moe_layers(fields, layers)
    window, window_layers = _windows(config, fields, layers)
    return Model(
        name=where,
        layers=layers,
        hidden=hidden,
        heads=heads,
        head_dim=head_dim,
        value_dim=value_dim,
        kv_heads=kv_heads,
        vocab=fields.need("vocab_size"),
        tied=bool(config.get("tie_word_embeddings", False)),
        attention_params=_attention_params(fields, hidden, heads, kv_heads, head_dim, value_dim),
        dense_params=_dense_params(fields, hidden, layers, moe_layers, experts),
        expert_params=3 * hidden * _expert_width(fields) if experts else 0,
        experts=experts,
        experts_per_token=fields.get(0, "num_experts_per_tok", "moe_topk", "top_k_experts") if experts else 0,
        moe_layers=moe_layers,
        linear_bits=_linear_bits(config, where),
        latent_kv=latent + rope_dim if latent else 0,
        window=window,
        window_layers=window_layers,
        max_len=fields.get(2048, "max_position_embeddings", "n_positions"),
    )


def _attention_params(
    fields: _Fields, hidden: int, heads: int, kv_heads: int, head_dim: int, value_dim: int
) -> int:
    latent = fields.get(0, "kv_lora_rank")
    if not latent:
        return hidden * (heads * head_dim + kv_heads * (head_dim + value_dim)) + heads * value_dim * hidden
    rank = fields.get(0, "q_lora_rank")
    rope = fields.get(0, "qk_rope_head_dim")
    query = hidden * rank + rank * heads * head_dim if rank else hidden * heads * head_dim
    down = hidden * (latent + rope)
    up = latent * heads * (head_dim - rope + value_dim)
    return query + down + up + heads * value_dim * hidden


def _moe_layers(fields: _Fields, layers: int) -> tuple[int, int]:
    """(layers with routed experts, experts in each)."""
    experts = fields.get(0, "num_local_experts", "num_experts", "n_routed_experts")
    if not experts:
        return 0, 0
    step = max(1, fields.get(1, "decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq"))
    return (layers - fields.get(0, "first_k_dense_replace")) // step, experts


def _expert_width(fields: _Fields) -> int:
    return fields.get(fields.need("intermediate_size", "moe_intermediate_size"), "moe_intermediate_size")


def _dense_params(fields: _Fields, hidden: int, layers: int, moe_layers: int, experts: int) -> int:
    dense = 0
    if layers > moe_layers:
        width = fields.need("intermediate_size", "intermediate_size_mlp", "n_inner")
        dense = (layers - moe_layers) * 3 * hidden * width
    if not experts:
        return dense
    shared = fields.get(
        fields.get(0, "n_shared_experts") * _expert_width(fields), "shared_expert_intermediate_size"
    )
    return dense + moe_layers * hidden * (3 * shared + experts)


def _windows(config: Mapping[str, Any], fields: _Fields, layers: int) -> tuple[int, int]:
    """(window, layers that have it)."""
    window = fields.get(0, "sliding_window")
    if not window or config.get("use_sliding_window") is False:
        return 0, 0
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        return window, sum(kind == "sliding_attention" for kind in kinds)
    pattern = fields.get(0, "sliding_window_pattern")
    return window, layers - layers // pattern if pattern else layers


def _linear_bits(config: Mapping[str, Any], where: str) -> int:
    """Bits of a weight in the layers."""
    quantization = config.get("quantization_config") or config.get("compression_config")
    if quantization:
        return _quantized_bits(quantization, where)
    dtype = str(config.get("dtype") or config.get("torch_dtype") or "bfloat16").removeprefix("torch.")
    if dtype not in _DTYPE_BITS:
        raise InputError(
            f"{where}: torch_dtype", f"{dtype!r} is not known", f"use one of {', '.join(sorted(_DTYPE_BITS))}"
        )
    return _DTYPE_BITS[dtype]


def _quantized_bits(quantization: Mapping[str, Any], where: str) -> int:
    method = str(quantization.get("quant_method", ""))
    groups = quantization.get("config_groups")
    if isinstance(groups, dict) and groups:
        weights = next(iter(groups.values())).get("weights") or {}
        bits = weights.get("num_bits")
    else:
        bits = quantization.get("bits") or quantization.get("w_bit")
    if bits is None:
        bits = {"fp8": 8, "fbgemm_fp8": 8, "awq": 4, "gptq": 4, "mxfp4": 4, "modelopt": 8}.get(method)
    if not isinstance(bits, int) or not 1 <= bits <= 16:
        raise InputError(
            f"{where}: quantization_config",
            f"the bits of method {method!r} are not known",
            "add bits: 4 or 8 there",
        )
    return bits
