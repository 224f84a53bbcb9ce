"""A tiny Llama with random weights and a tokenizer: 0.5 million parameters, the same bytes on every machine.

Written with the standard library alone, in the formats that engines read: ``config.json``,
``model.safetensors`` (a JSON header, then the numbers) and ``tokenizer.json``. Its tokens are bytes, blank +
letter, pairs of letters and some short words: about half as many bytes a token as real vocabularies have.
"""

import json
import math
import struct
from array import array
from itertools import product
from pathlib import Path
from string import ascii_lowercase

from simulations.rng import stream
from tests.e2e.cluster import folders

VOCABULARY = 1000
HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS, HEAD_DIM = 128, 256, 2, 4, 2, 32
CONTEXT = 32_768
SPECIAL = ("<s>", "</s>", "<pad>")
_BLANK = "Ġ"
_WORDS = (
    "the and for you are not but all can her was one our out day get has him his how man new now old see two "
    "way who boy did its let put say she too use dad mom"
)
_SPREAD = 0.02
"""Standard deviation of the weights, as Llama initialises them."""
_TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "intermediate_size": INTERMEDIATE,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS,
    "head_dim": HEAD_DIM,
    "hidden_act": "silu",
    "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
    "torch_dtype": "bfloat16",
}


def model() -> Path:
    """Its folder, made once: keyed by this file."""
    key = folders.key([Path(__file__).read_bytes()])
    return folders.made_once(folders.cache() / "vllm" / "models" / f"tiny-{key}", write)


def write(folder: Path) -> None:
    """Make ``folder`` with everything in it."""
    folder.mkdir(parents=True)
    texts = {
        "config.json": CONFIG,
        "generation_config.json": {"bos_token_id": 0, "eos_token_id": 1},
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "pad_token": "<pad>",
            "model_max_length": CONTEXT,
            "chat_template": _TEMPLATE,
        },
    }
    for name, content in texts.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(_weights())


# --- weights


def shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor, by the names that Hugging Face gives Llama's."""
    queries, keys = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
    layer = {
        "input_layernorm": (HIDDEN,),
        "self_attn.q_proj": (queries, HIDDEN),
        "self_attn.k_proj": (keys, HIDDEN),
        "self_attn.v_proj": (keys, HIDDEN),
        "self_attn.o_proj": (HIDDEN, queries),
        "post_attention_layernorm": (HIDDEN,),
        "mlp.gate_proj": (INTERMEDIATE, HIDDEN),
        "mlp.up_proj": (INTERMEDIATE, HIDDEN),
        "mlp.down_proj": (HIDDEN, INTERMEDIATE),
    }
    layers = {
        f"model.layers.{n}.{name}.weight": shape for n in range(LAYERS) for name, shape in layer.items()
    }
    table = (VOCABULARY, HIDDEN)
    ends = {"model.embed_tokens.weight": table, "model.norm.weight": (HIDDEN,), "lm_head.weight": table}
    return {**ends, **layers}


def _weights() -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    parts, end = [], 0
    for name, shape in shapes().items():
        part = _tensor(name, shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": (end, end + len(part))}
        parts.append(part)
        end += len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def _tensor(name: str, shape: tuple[int, ...]) -> bytes:
    """Norms are ones, all else is uniform: unlike a normal draw, the same bytes on every machine.

    bfloat16 is the upper half of a float.
    """
    count = math.prod(shape)
    draws = stream(0, f"tiny.{name}").random
    most = _SPREAD * math.sqrt(3.0)
    values = [1.0] * count if len(shape) == 1 else [most * (2.0 * draws() - 1.0) for _ in range(count)]
    return array("H", struct.pack(f"<{count}f", *values))[1::2].tobytes()


# --- tokenizer


def _tokenizer() -> dict[str, object]:
    merges = _merges()
    tokens = [*SPECIAL, *_byte_letters(), *(first + second for first, second in merges)]
    assert len(tokens) == len(set(tokens)) == VOCABULARY
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_special(number, text) for number, text in enumerate(SPECIAL)],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": merges,
        },
    }


def _merges() -> list[tuple[str, str]]:
    """In the order in which they are tried: blanks join the letter after them, then letters pair up."""
    blanks = [(_BLANK, letter) for letter in ascii_lowercase]
    pairs = list(product(ascii_lowercase, ascii_lowercase))
    words = [(_BLANK + word[0], word[1:]) for word in _WORDS.split()]
    return [*blanks, *pairs, *words]


def _byte_letters() -> list[str]:
    """The letter that byte-level BPE writes for each byte (GPT-2, ``bytes_to_unicode``)."""
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def _special(number: int, text: str) -> dict[str, object]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": text, **flags, "special": True}
