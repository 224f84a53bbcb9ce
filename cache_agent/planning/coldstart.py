"""How long a replica of one model takes on one node, from pod creation to ready.

    T = schedule + node + image + fetch + load + engine + warm-up + probe

- ``node``: until a node that was asked for is Ready; 0 on a node that is there.
- ``image``: 0 if the node has it, else bytes / pull rate (a moving average of past pulls).
- ``fetch``: bytes still missing / min(origin or the sum of the peers, disk write, hash rate × cores).
- ``load``: (1 - r)·B / disk + r·B / memory for a share r in the page cache, never faster than the GPUs'
  links: B / (link × GPUs).
- ``engine``: process start, compilation, profiling and graph capture: the median that launchers reported for
  this engine's compile key, one for a compile cache hit and one for a miss.
- ``warmup``: first requests until the engine says that it is healthy; ``probe``: half a probe period.

The phases of one start follow each other, so they add up. The shape and the terms are those of the model
cache's design (Ray Serve's published phases of vLLM starts agree: anyscale/ray-serve-llm-perf-examples).

Spread. A start is lognormal around its median, and its phases are slow together (one disk, one network,
one hour), so quantiles add: Q(q) = node·exp(z·node_sigma) + rest·exp(z·start_sigma) with z the standard
normal quantile. Independent phases would spread less: p90 errs on the late side, as a lead time should.
Worked example: 20 s of rest with start_sigma 0.2 has p50 20.0 s and p90 20·exp(1.2816·0.2) = 25.8 s.

What is not known is None and makes its phase, and thereby the sum, None: never zero. A fact that the case at
hand does not need (the pull rate of an image that is there) may stay unknown.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from statistics import NormalDist

_RATIOS = frozenset({"resident_ratio"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFacts:
    """All that is known about starting one model on one node. None: not known.

    Raises ValueError for a negative or non-finite figure, a rate of zero, or a ratio beyond 1.
    """

    schedule_s: float | None = None
    """From pod creation to its binding where a GPU is free."""
    node_s: float | None = None
    """Median seconds until the node is Ready; 0.0 for a node that is."""
    node_sigma: float | None = None
    """Lognormal spread of ``node_s``; needed only where that is above 0."""
    image_present: bool | None = None
    image_bytes: int | None = None
    image_bytes_per_s: float | None = None
    weights_bytes: int | None = None
    missing_bytes: int | None = None
    """Of ``weights_bytes``, those that are not on the node's disk yet."""
    source_bytes_per_s: float | None = None
    """What the origin, or all peers together, deliver to this node."""
    disk_write_bytes_per_s: float | None = None
    hash_bytes_per_s: float | None = None
    """One core."""
    hash_cores: int | None = None
    resident_ratio: float | None = None
    """Share of the weights in the page cache or a RAM tier, 0-1, when loading begins."""
    disk_read_bytes_per_s: float | None = None
    memory_bytes_per_s: float | None = None
    gpu_link_bytes_per_s: float | None = None
    """Host to one GPU (PCIe 4 ×16: about 25e9, PCIe 5 ×16: about 50e9)."""
    gpus: int | None = None
    compile_cached: bool | None = None
    """The compile cache has this engine's key."""
    engine_cached_s: float | None = None
    engine_uncached_s: float | None = None
    warmup_s: float | None = None
    probe_period_s: float | None = None
    """Readiness is seen at the next probe: half a period later on average; 0.0 where it is pushed."""
    start_sigma: float | None = None
    """Lognormal spread of everything but ``node_s``."""

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Seconds from pod creation to ready on one node; None: not known."""

    phases: tuple[tuple[str, float | None], ...]
    """(name, median seconds) in the order in which they happen."""
    p50_s: float | None
    p90_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A node that a replica might start on."""

    node: str
    schedulable: bool
    """Ready, not cordoned, and its taints are tolerated."""
    free_gpus: int
    estimate: Estimate


def estimate(facts: StartFacts) -> Estimate:
    """Median of each phase, and the p50 and p90 of the whole start."""
    return Estimate(
        phases=phases(facts), p50_s=startup_quantile_s(facts, 0.5), p90_s=startup_quantile_s(facts, 0.9)
    )


def startup_quantile_s(facts: StartFacts, quantile: float) -> float | None:
    """The start takes at most this many seconds with probability ``quantile``, 0 < quantile < 1."""
    rest = _sum(seconds for name, seconds in phases(facts) if name != "node")
    return _sum(
        (_stretched(facts.node_s, facts.node_sigma, quantile), _stretched(rest, facts.start_sigma, quantile))
    )


def phases(facts: StartFacts) -> tuple[tuple[str, float | None], ...]:
    """(name, median seconds or None) of each phase, in the order in which they happen."""
    return (
        ("schedule", facts.schedule_s),
        ("node", facts.node_s),
        ("image", _image_s(facts)),
        ("fetch", _fetch_s(facts)),
        ("load", _load_s(facts)),
        ("engine", _engine_s(facts)),
        ("warmup", facts.warmup_s),
        ("probe", None if facts.probe_period_s is None else facts.probe_period_s / 2),
    )


def best(candidates: Iterable[Candidate], *, gpus: int) -> Candidate | None:
    """The schedulable node with ``gpus`` free GPUs that starts soonest (p50, then p90, then name).

    None if there is no such node or nothing is known about any: an unknown start never wins.
    """
    able = [c for c in candidates if c.schedulable and c.free_gpus >= gpus and c.estimate.p50_s is not None]
    return min(able, key=_soonest, default=None)


def _soonest(candidate: Candidate) -> tuple[float, float, str]:
    known = candidate.estimate
    late_s = math.inf if known.p90_s is None else known.p90_s
    return (math.inf if known.p50_s is None else known.p50_s, late_s, candidate.node)


def _image_s(facts: StartFacts) -> float | None:
    if facts.image_present is None:
        return None
    return 0.0 if facts.image_present else _seconds(facts.image_bytes, facts.image_bytes_per_s)


def _fetch_s(facts: StartFacts) -> float | None:
    if facts.missing_bytes == 0:
        return 0.0
    hashing = _product(facts.hash_bytes_per_s, facts.hash_cores)
    return _seconds(
        facts.missing_bytes, _slowest(facts.source_bytes_per_s, facts.disk_write_bytes_per_s, hashing)
    )


def _load_s(facts: StartFacts) -> float | None:
    warm = facts.resident_ratio
    if warm is None or facts.weights_bytes is None:
        return None
    read = _sum(
        (
            _seconds((1 - warm) * facts.weights_bytes, facts.disk_read_bytes_per_s),
            _seconds(warm * facts.weights_bytes, facts.memory_bytes_per_s),
        )
    )
    floor = _seconds(facts.weights_bytes, _product(facts.gpu_link_bytes_per_s, facts.gpus))
    return None if read is None or floor is None else max(read, floor)


def _engine_s(facts: StartFacts) -> float | None:
    if facts.compile_cached is None:
        return None
    return facts.engine_cached_s if facts.compile_cached else facts.engine_uncached_s


def _stretched(median_s: float | None, sigma: float | None, quantile: float) -> float | None:
    """Quantile of a lognormal; the median itself needs no spread, and nothing has none."""
    if median_s is None or median_s == 0 or quantile == 0.5:
        return median_s
    return None if sigma is None else median_s * math.exp(sigma * NormalDist().inv_cdf(quantile))


def _seconds(amount: float | None, rate: float | None) -> float | None:
    if amount == 0:
        return 0.0
    return None if amount is None or rate is None else amount / rate


def _product(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a * b


def _slowest(*rates: float | None) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return min(known) if len(known) == len(rates) else None


def _sum(parts: Iterable[float | None]) -> float | None:
    total = 0.0
    for part in parts:
        if part is None:
            return None
        total += part
    return total


def _check(name: str, value: float | None) -> None:
    if value is None:
        return
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value}: want a finite figure of at least 0, or None for unknown")
    if value == 0 and (name.endswith("_per_s") or name in {"gpus", "hash_cores"}):
        raise ValueError(f"{name} is 0: want more than 0, or None for unknown")
    if name in _RATIOS and value > 1:
        raise ValueError(f"{name} is {value}: want a share from 0 to 1, or None for unknown")
