"""The tiny model's files, read as engines read them."""

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.vllm import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("made") / "tiny"
    tiny.write(made)
    return made


def tokenizer(folder: Path) -> Any:
    return json.loads((folder / "tokenizer.json").read_text())


def test_it_is_the_same_on_every_machine(folder: Path) -> None:
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert digest[:16] == "10b76655623f34eb"


def test_tensors_lie_back_to_back_and_fill_the_file(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert length % 8 == 0
    assert header.pop("__metadata__") == {"format": "pt"}
    assert {name: tuple(tensor["shape"]) for name, tensor in header.items()} == tiny.shapes()
    end = 0
    for tensor in header.values():
        first, last = tensor["data_offsets"]
        assert (first, last - first) == (end, 2 * math.prod(tensor["shape"]))
        end = last
    assert 8 + length + end == len(data)


def test_norms_are_ones_and_weights_are_small(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])

    def values(name: str) -> list[float]:
        first, last = header[name]["data_offsets"]
        halves = data[8 + length + first : 8 + length + last]
        return [
            struct.unpack("<f", b"\0\0" + halves[i : i + 2])[0] for i in range(0, min(len(halves), 2000), 2)
        ]

    assert set(values("model.norm.weight")) == {1.0}
    weights = values("lm_head.weight")
    assert 0.018 < math.sqrt(sum(w * w for w in weights) / len(weights)) < 0.022


def test_the_vocabulary_is_full_and_every_merge_makes_a_token_of_it(folder: Path) -> None:
    model = tokenizer(folder)["model"]
    assert sorted(model["vocab"].values()) == list(range(tiny.VOCABULARY))
    for first, second in model["merges"]:
        assert {first, second, first + second} <= set(model["vocab"])


def test_special_tokens_have_the_ids_that_the_config_names(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    ids = {token["content"]: token["id"] for token in tokenizer(folder)["added_tokens"]}
    assert ids == {
        "<s>": config["bos_token_id"],
        "</s>": config["eos_token_id"],
        "<pad>": config["pad_token_id"],
    }
