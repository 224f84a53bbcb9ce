"""What is proved: the tuning loads, the held-out traces, priors, cold starts, ablation, sceptics' runs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from scaler.decision.policy import SWITCHES
from simulations.policies.grids import grid
from tests.prove.cells import Cell
from tests.prove.store import FOLDER

SEEDS = (0, 1, 2)
COLD_STARTS_S = (30, 100, 180)
LEVELS = (0.98, 0.95, 0.99)
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
    _servegen("m-mid-08h", "servegen-m-mid", (8, 9), 6, 12),
    _servegen("m-small-02h", "servegen-m-small", (2, 4), 4, 8),
)
"""What defaults are chosen on; synthetic loads and ServeGen only."""


def _held_out(name: str, trace: str, copies: int, ceiling: int, statics: tuple[int, ...]) -> Load:
    fleet = (f"trace.copies={copies}", "cluster.min_replicas=1", f"cluster.max_replicas={ceiling}")
    return Load(name=f"{name}-x{copies}", trace=trace, settings=fleet, statics=statics)


HELD_OUT = (
    _held_out("azure-conv", "azure-conv", 6, 8, (2, 3, 4)),
    _held_out("azure-code", "azure-code", 3, 8, (3, 4, 5)),
    _held_out("aibrix", "aibrix", 24, 8, (2, 3, 4)),
    _held_out("azure-conv", "azure-conv", 17, 18, (5, 6, 8)),
    _held_out("azure-code", "azure-code", 11, 18, (8, 10, 12)),
    _held_out("aibrix", "aibrix", 72, 18, (5, 6, 8)),
)
"""What defaults are judged on, run once after the commit tagged ``freeze``."""


LARGE = (
    _held_out("azure-conv", "azure-conv", 60, 48, (18, 20, 24)),
    _held_out("azure-code", "azure-code", 40, 48, (24, 32)),
    _held_out("aibrix", "aibrix", 260, 48, (18, 24)),
)
"""The same at about twenty replicas: a million requests a run."""


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


CHOSEN = FOLDER / "chosen.json"
"""What ``python -m tests.prove choose`` wrote at the freeze: policy -> level -> setting."""


def _chosen() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(CHOSEN.read_text()) if CHOSEN.exists() else {}
    return found


def _knobs(label: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in label.split(",")) if label else {}


def _statics(load: Load, cold_s: int, seeds: Iterable[int]) -> Iterator[Cell]:
    for replicas in load.statics:
        for cell in _cells(load, cold_s, f"static:{replicas}", {}, seeds):
            yield replace(cell, label=str(replicas))


def _judged(load: Load, cold_s: int, levels: Iterable[str], seeds: Iterable[int]) -> Iterator[Cell]:
    """Ours as shipped, and everybody at the settings that tuning chose for these levels."""
    yield from _cells(load, cold_s, "hearth", {}, seeds)
    for policy, by_level in sorted(_chosen().items()):
        for label in sorted({by_level[level] for level in levels}):
            yield from _cells(load, cold_s, policy, _knobs(label), seeds)


def held_out() -> list[Cell]:
    """The middle cold start first, with whole frontiers; then the others; the largest fleets last."""
    middle = [
        c for load in HELD_OUT for c in (*_judged(load, 100, ("0.98",), SEEDS), *_statics(load, 100, SEEDS))
    ]
    ends = [c for load in HELD_OUT for c in _judged(load, 100, ("0.95", "0.99"), SEEDS[:1])]
    others = [c for load in HELD_OUT for s in (30, 180) for c in _judged(load, s, ("0.98",), SEEDS)]
    large = [
        c for load in LARGE for c in (*_judged(load, 100, ("0.98",), SEEDS), *_statics(load, 100, SEEDS[:1]))
    ]
    return _once(middle + ends + others + large)


def _once(cells: Iterable[Cell]) -> list[Cell]:
    return list({cell.key: cell for cell in cells}.values())


def priors() -> list[Cell]:
    """What a wrong belief about the engine costs: capacity believed at half, and at 1.6 times, its truth."""
    scales: tuple[dict[str, object], ...] = ({"prior_scale": 0.5}, {}, {"prior_scale": 1.6})
    return [
        cell for load in TUNING[:5] for knobs in scales for cell in _cells(load, 100, "hearth", knobs, SEEDS)
    ]


_SMALL = ("cluster.min_replicas=1", "cluster.max_replicas=16")
SCEPTICS = (
    Load(name="no fleet meets 5 ms", trace="synthetic:ramp", settings=(*_SMALL, "slo.itl_ms=5")),
    Load(name="GPUs run out", trace="synthetic:sine", settings=(
        *QWEN_32B, *_SMALL, "cluster.nodes=2", "cluster.gpus_per_node=8",
        "cluster.foreign_gpus=[[900,2400,6]]",
    )),
    Load(name="max_num_seqs cut to 24", trace="synthetic:sine", settings=(
        *QWEN_32B, *_SMALL, "changes=[{at_s: 1200, engine: {max_num_seqs: 24}}]",
    )),
    Load(name="a rush at first contact", trace="synthetic:rush", settings=(
        *QWEN_32B, "cluster.min_replicas=1", "cluster.max_replicas=24",
    )),
    Load(name="a crowd that doubles every 90 s", trace="synthetic:surge", settings=(
        *QWEN_32B, "cluster.min_replicas=1", "cluster.max_replicas=24",
    )),
    Load(name="sparse around zero", trace="synthetic:sparse", settings=(
        "cluster.min_replicas=0", "cluster.max_replicas=4",
    )),
    Load(name="clients give up and retry", trace="synthetic:sine", settings=(
        *QWEN_32B, *_SMALL, "client.timeout_s=120", "client.retries=2",
    )),
    Load(name="every second scrape lost", trace="synthetic:sine", settings=(
        *QWEN_32B, *_SMALL, "cluster.scrape_loss=0.5",
    )),
    Load(name="three in ten starts fail", trace="synthetic:sine", settings=(
        *QWEN_32B, *_SMALL, "cold_start.failure=0.3",
    )),
    Load(name="a neighbour takes warm slots", trace="synthetic:sine", settings=(
        *QWEN_32B, *_SMALL, "cluster.nodes=4", "cluster.gpus_per_node=8", "cluster.cached_fraction=0.5",
        "cold_start.uncached_extra_s=120", "cluster.foreign_gpus=[[600,1500,8],[2100,3000,8]]",
    )),
)  # fmt: skip
"""What a sceptic would try; the same for ours and for three rivals at their chosen settings."""


ABLATED = tuple(switch for switch in SWITCHES if switch != "use_classes")
"""Terms that are switched off one by one; on these loads all replicas start alike: there are no classes."""

INSURED = (
    "max_num_seqs cut to 24",
    "a rush at first contact",
    "a crowd that doubles every 90 s",
    "clients give up and retry",
)
"""Sceptics' loads on which the terms work that the tuning loads never need."""


def ablation() -> list[Cell]:
    """What each term buys: ours as shipped, and with one term switched off."""
    loads = (*TUNING[:5], *(load for load in SCEPTICS if load.name in INSURED))
    without: list[dict[str, object]] = [{}, {"forecast": "off"}, {"surge_trend": 0.0}, {"burst_reserve": 0.0}]
    without += [{term: "false"} for term in ABLATED]
    return [
        cell for load in loads for knobs in without for cell in _cells(load, 100, "hearth", knobs, SEEDS[:1])
    ]


def sceptics() -> list[Cell]:
    """Ours, and rivals of three kinds, through everything that goes wrong."""
    cells = [cell for load in SCEPTICS for cell in _cells(load, 100, "hearth", {}, SEEDS)]
    for policy in ("kpa", "llmd-slo", "kv"):
        knobs = _knobs(_chosen()[policy]["0.98"]) if policy in _chosen() else {}
        cells += [cell for load in SCEPTICS for cell in _cells(load, 100, policy, knobs, SEEDS)]
    return cells


def _levelled(load: Load, cold_s: int, policy: str) -> Iterator[Cell]:
    for level in LEVELS:
        for cell in _cells(load, cold_s, policy, {}, SEEDS[:1]):
            yield replace(cell, level_ratio=level, label=f"for {100 * level:g} %")


def oracle() -> list[Cell]:
    """Perfect foresight, and the proof of what no schedule can beat, on the held-out loads."""
    both = ("lower-bound", "oracle")
    return [cell for load in HELD_OUT for policy in both for cell in _levelled(load, 100, policy)]


GROUPS = {
    "tuning": tuning,
    "priors": priors,
    "ablation": ablation,
    "sceptics": sceptics,
    "held-out": held_out,
    "oracle": oracle,
}
