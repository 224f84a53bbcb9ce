"""What is proved: the tuning loads, the held-out traces, priors, cold starts, ablation, sceptics' runs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from simulations.policies.grids import grid
from tests.prove.cells import Cell

SEEDS = (0, 1, 2)
COLD_STARTS_S = (30, 100, 180)
LEVELS = (0.95, 0.98, 0.99)
RIVALS = (
    "queue",
    "kv",
    "inflight",
    "keda-otel",
    "kpa",
    "apa",
    "wva",
    "llmd-slo",
    "llmd-tokens",
    "dynamo",
    "hpa-cpu",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A trace on a fleet: what every policy is put through alike."""

    name: str
    trace: str
    settings: tuple[str, ...]
    statics: tuple[int, ...] = ()
    """Fixed fleets to compare with."""


QWEN_32B = ("engine.model=Qwen/Qwen3-32B", "engine.tensor_parallel=2", "slo.ttft_ms=3000", "slo.itl_ms=100")
"""The fleet of scaling-law studies by llm-d: Qwen3-32B on two H100 a replica, 3 s and 100 ms."""


def _synthetic(name: str, floor: int) -> Load:
    settings = (*QWEN_32B, f"cluster.min_replicas={floor}", "cluster.max_replicas=16")
    return Load(name=name, trace=f"synthetic:{name}", settings=settings, statics=(4, 6, 8, 10, 12))


def _servegen(name: str, trace: str, hours: tuple[int, int], copies: int, ceiling: int) -> Load:
    start, end = hours
    window = (f"trace.start_s={start * 3600}", f"trace.duration_s={(end - start) * 3600}")
    fleet = (f"trace.copies={copies}", "cluster.min_replicas=1", f"cluster.max_replicas={ceiling}")
    return Load(name=name, trace=trace, settings=(*window, *fleet), statics=(2, 3, 4, 6, 8, 12))


TUNING = (
    _synthetic("ramp", 3),
    _synthetic("sine", 1),
    _synthetic("burst", 2),
    _synthetic("prefill", 2),
    _synthetic("decode", 2),
    _servegen("m-mid-day", "servegen-m-mid", (8, 10), 6, 12),
    _servegen("m-small-night", "servegen-m-small", (2, 5), 6, 8),
)
"""What defaults are chosen on; synthetic loads and ServeGen only."""


def _held_out(name: str, trace: str, copies: int, ceiling: int) -> Load:
    fleet = (f"trace.copies={copies}", "cluster.min_replicas=1", f"cluster.max_replicas={ceiling}")
    return Load(name=f"{name}-x{copies}", trace=trace, settings=fleet)


HELD_OUT = (
    _held_out("azure-conv", "azure-conv", 6, 8),
    _held_out("azure-conv", "azure-conv", 17, 18),
    _held_out("azure-code", "azure-code", 2, 8),
    _held_out("azure-code", "azure-code", 8, 18),
    _held_out("aibrix", "aibrix", 18, 8),
    _held_out("aibrix", "aibrix", 54, 18),
)
"""What defaults are judged on, run once after the commit tagged ``freeze``."""


def _cells(
    load: Load, cold_s: int, policy: str, knobs: Mapping[str, object], seeds: Iterable[int]
) -> Iterator[Cell]:
    label = ",".join(f"{key}={value}" for key, value in knobs.items())
    settings = (
        *load.settings,
        f"cold_start.seconds={cold_s}",
        *(f"policy.{k}={v}" for k, v in knobs.items()),
    )
    for seed in seeds:
        yield Cell(
            load=f"{load.name}/{cold_s}s",
            trace=load.trace,
            policy=policy,
            seed=seed,
            settings=settings,
            label=label,
        )


def tuning() -> list[Cell]:
    """Every policy at every point of its grid, on the tuning loads at the middle cold start."""
    return [
        cell
        for load in TUNING
        for policy in ("hearth", *RIVALS)
        for knobs in grid(policy)
        for cell in _cells(load, 100, policy, knobs, SEEDS[:1])
    ]


def _levelled(load: Load, cold_s: int, policy: str) -> Iterator[Cell]:
    for level in LEVELS:
        for cell in _cells(load, cold_s, policy, {}, SEEDS[:1]):
            yield replace(cell, level_ratio=level)


def oracle() -> list[Cell]:
    """Perfect foresight and the proof of what no schedule can beat, on the held-out loads."""
    return [
        cell
        for load in HELD_OUT
        for policy in ("oracle", "lower-bound")
        for cell in _levelled(load, 100, policy)
    ]


GROUPS = {"tuning": tuning, "oracle": oracle}
