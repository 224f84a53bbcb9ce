"""From process start to serving: how long each phase takes, and what vLLM says meanwhile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simulations.engine.spec import EngineSpec
from simulations.scenario import Phases

_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase: ``before`` is logged when it begins, ``after`` when it is over."""

    name: str
    seconds: float
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def spread(total_s: float, weights_bytes: int) -> dict[str, float]:
    """A start of ``total_s`` seconds, divided as the simulator's cold start divides one without downloads."""
    usual = Phases()
    parts = {
        "init": usual.process_init_s,
        "load": weights_bytes / 1e9 / usual.disk_gb_per_s,
        "compile": usual.compile_cached_s if usual.compile_cached else usual.compile_cold_s,
        "profile": usual.profile_s,
        "capture": usual.capture_s,
        "warmup": usual.warmup_s,
    }
    scale = total_s / sum(parts.values())
    return {name: seconds * scale for name, seconds in parts.items()}


def phases(spec: EngineSpec, seconds: Mapping[str, float], time_scale: float) -> Iterator[Phase]:
    """All phases in order, those that were not given taking no time."""
    for name, (before, after) in _words(spec, seconds).items():
        yield Phase(name=name, seconds=seconds.get(name, 0.0) / time_scale, before=before, after=after)


_Lines = tuple[str, ...]


def _words(spec: EngineSpec, seconds: Mapping[str, float]) -> dict[str, tuple[_Lines, _Lines]]:
    def took(name: str) -> float:
        return seconds.get(name, 0.0)

    weights_gib = spec.weights_bytes / _GIB / spec.tensor_parallel
    engine_s = took("compile") + took("profile") + took("capture") + took("warmup")
    config = (
        f"model='{spec.model}', tensor_parallel_size={spec.tensor_parallel}, max_seq_len={spec.max_model_len}"
    )
    concurrency = spec.kv_tokens / spec.max_model_len
    most = f"Maximum concurrency for {spec.max_model_len:,} tokens per request: {concurrency:.2f}x"
    return {
        "weights": ((f"Waiting for the weights of {spec.model}",) if took("weights") else (), ()),
        "init": ((f"Initializing a V1 LLM engine with config: {config}",), ()),
        "load": (
            (f"Starting to load model {spec.model}...",),
            (
                f"Loading weights took {took('load'):.2f} seconds",
                f"Model loading took {weights_gib:.2f} GiB memory and {took('load'):.6f} seconds",
            ),
        ),
        "compile": ((), (f"torch.compile took {took('compile'):.2f} s in total",)),
        "profile": (
            (),
            (f"GPU KV cache size: {spec.kv_tokens:,} tokens, {most}",),
        ),
        "capture": ((), (f"Graph capturing finished in {took('capture'):.0f} secs",)),
        "warmup": (
            (),
            (f"init engine (profile, create kv cache, warmup model) took {engine_s:.2f} s",),
        ),
    }
