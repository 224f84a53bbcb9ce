"""GPUs: datasheet peaks and the shares of them that real kernels reach."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from simulations.engine.models import DATA
from simulations.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """Shares and small costs of an architecture's kernels; ``simulations/data/gpus.yaml`` says what
    each means."""

    memory: float
    compute: float
    ramp: float
    overlap: float
    moe: float
    kv: float
    attention: float
    attention_keys: float
    attention_us: float
    sequence_us: float
    mixed_kv: float
    mixed_sequence_us: float
    layer_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An all-reduce over the link: latency + bytes over the wire / (efficiency × peak)."""

    latency_us: float
    """With two ranks; with n it grows by (n/2)^``latency_growth``."""
    latency_growth: float
    efficiency: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU type. Bandwidths in 10⁹ bytes/s, compute in 10¹² operations/s."""

    name: str
    memory_gib: float
    memory_gb_per_s: float
    bf16_tflops: float
    fp8_tflops: float | None
    link_gb_per_s: float
    efficiency: Efficiency
    link: Link
    ampere: bool
    """vLLM gives A100s the small token budget."""


def load_gpu(name: str) -> Gpu:
    """A GPU of the data file, or of the YAML file at the path ``name``."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        return _parse(_read_yaml(path), str(path))
    known: Mapping[str, Mapping[str, Any]] = _data()["gpus"]
    if name not in known:
        near = get_close_matches(name, known, 1, 0.3)
        hint = f"did you mean {near[0]}?" if near else "choose one."
        raise InputError(
            "engine.gpu",
            f"{name!r} is not known",
            f"{hint} Known: {', '.join(known)}, or the path of a YAML file",
        )
    return _parse(known[name], name)


@cache
def _data() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DATA / "gpus.yaml").read_text(encoding="utf-8"))
    return content


def _read_yaml(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"engine.gpu {path}", "there is no such file", "give an existing YAML file"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        line = str(error).replace("\n", " ")
        raise InputError(
            f"engine.gpu {path}", f"not readable as YAML ({line})", "give one GPU's fields"
        ) from None
    if not isinstance(content, dict):
        raise InputError(
            f"engine.gpu {path}", "not a mapping", "give one GPU's fields, as in simulations/data/gpus.yaml"
        )
    return content


def _parse(content: Mapping[str, Any], where: str) -> Gpu:
    data = _data()
    architecture = _choice(content, "architecture", data["architectures"], where)
    link = _choice(content, "link", data["links"], where)
    return Gpu(
        name=where,
        memory_gib=_positive(content, "memory_gib", where),
        memory_gb_per_s=_positive(content, "memory_gb_per_s", where),
        bf16_tflops=_positive(content, "bf16_tflops", where),
        fp8_tflops=None if content.get("fp8_tflops") is None else _positive(content, "fp8_tflops", where),
        link_gb_per_s=_positive(content, "link_gb_per_s", where),
        efficiency=Efficiency(
            **{f.name: data["architectures"][architecture][f.name] for f in fields(Efficiency)}
        ),
        link=Link(**{f.name: data["links"][link][f.name] for f in fields(Link)}),
        ampere=architecture == "ampere",
    )


def _positive(content: Mapping[str, Any], key: str, where: str) -> float:
    value = content.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        problem = "the field is missing" if value is None else f"{value!r} is not a positive number"
        raise InputError(f"engine.gpu {where}: {key}", problem, "give a positive number")
    return float(value)


def _choice(content: Mapping[str, Any], key: str, choices: Mapping[str, Any], where: str) -> str:
    value = content.get(key)
    if value not in choices:
        problem = "the field is missing" if value is None else f"{value!r} is not known"
        raise InputError(f"engine.gpu {where}: {key}", problem, f"use one of {', '.join(choices)}")
    return str(value)
