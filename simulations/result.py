"""What one run came to: the records that the fleet hands to accounting, and the JSON of design 5.6.

Percentiles are exact nearest-rank values: the smallest one that at least p % of all values do not exceed.
``None`` (JSON ``null``) means that nothing was there to measure, never zero.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from simulations.scenario import Scenario

DECIMALS = 6
"""Measured floats in the JSON are rounded to this many decimals: whole µs, and millionths of a share."""

Json = dict[str, object]


class StartClass(StrEnum):
    """How a pod came to serve."""

    INITIAL = "initial"
    """Ready when the run begins: no start."""
    CACHED = "cached"
    """On a node that held the weights."""
    UNCACHED = "uncached"
    """On a node that had to fetch them."""
    NEW_NODE = "new_node"
    """On a node that was provisioned for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRecord:
    """The life of one pod in whole µs of the simulation; None: it had not happened when the run ended."""

    serial: int
    gpus: int
    created_us: int
    node: int | None = None
    """Serial of the node that it was bound to."""
    start_class: StartClass | None = None
    """None: never bound."""
    bound_us: int | None = None
    ready_us: int | None = None
    """First time that it was ready."""
    deleted_us: int | None = None
    """When its GPUs were free again: the end of its draining."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """A *provisioned* node: paid from its request to its release, whatever runs on it."""

    serial: int
    gpus: int
    requested_us: int
    released_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecChange:
    """One write of ``spec.replicas`` that changed it."""

    at_us: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """The fleet at one moment, as reports draw it."""

    t_us: int
    wanted: float | None
    """What the law wants before any actuation; None: it did not say."""
    spec: int
    ready: int
    pending: int
    """Pods that are created and not ready yet."""
    waiting: int
    """Requests in the router's queue and in the engines' waiting queues."""
    running: int
    kv: float | None
    """Mean KV usage (0-1) of the ready pods; None without one."""
    arrival_rps: float
    reason: str

    def as_json(self) -> Json:
        """The row with the keys of design 5.6; ``t`` in seconds."""
        return {
            "t": rounded(self.t_us / 1e6),
            "wanted": rounded(self.wanted),
            "spec": self.spec,
            "ready": self.ready,
            "pending": self.pending,
            "waiting": self.waiting,
            "running": self.running,
            "kv": rounded(self.kv),
            "arrival_rps": rounded(self.arrival_rps),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRecord:
    """All that accounting needs to know about the fleet of one run."""

    pods: tuple[PodRecord, ...]
    nodes: tuple[NodeRecord, ...] = ()
    """Provisioned nodes only."""
    changes: tuple[SpecChange, ...] = ()
    timeline: tuple[TimelineRow, ...] = ()
    preemptions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Mean and exact nearest-rank percentiles, in seconds; all None where there was no value."""

    mean: float | None
    p50: float | None
    p90: float | None
    p99: float | None

    def as_json(self) -> Json:
        """Rounded figures under their names."""
        return {name: rounded(getattr(self, name)) for name in ("mean", "p50", "p90", "p99")}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the run cost the machine that simulated it: the only part in which equal runs differ."""

    wall_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run, judged. Field by field the JSON of design 5.6 (``docs/simulator.md`` explains each)."""

    policy: str
    trace: str
    notes: tuple[str, ...]
    """What reading and transforming the trace changed."""
    seed: int
    scenario: Scenario
    requests: int
    completed: int
    dropped: int
    unfinished: int
    slo_attainment: float | None
    slo_attainment_flat_ttft: float | None
    """The same with TTFT <= ``slo.ttft_ms`` for every prompt, however long."""
    ttft_s: Distribution
    itl_s: Distribution
    tpot_s: Distribution
    e2e_s: Distribution
    queue_s: Distribution
    gpu_hours: float
    mean_replicas: float
    peak_replicas: int
    scale_ups: int
    scale_downs: int
    cold_starts: tuple[tuple[str, int], ...]
    """(class, pods): ``cached``, ``uncached``, ``new_node``; they add up to ``starts``."""
    preemptions: int
    tokens_in: int
    tokens_out: int
    cost: float
    timeline: tuple[TimelineRow, ...]
    run: RunFacts | None = None

    @property
    def starts(self) -> int:
        """Pods bound to a node during the judged span; those of the first moment are none."""
        return sum(count for _, count in self.cold_starts)

    def as_json(self) -> Json:
        """The whole result as plain values, in the order of design 5.6."""
        return {
            "policy": self.policy,
            "trace": self.trace,
            "notes": list(self.notes),
            "seed": self.seed,
            "scenario": self.scenario.model_dump(mode="json"),
            **self._requests_json(),
            **self._fleet_json(),
            "run": self._run_json(),
            "timeline": [row.as_json() for row in self.timeline],
        }

    def to_json(self) -> str:
        """One document, one line a key and a timeline row; equal runs give equal bytes but for ``run``."""
        return "{\n" + ",\n".join(self._lines()) + "\n}\n"

    def _lines(self) -> Iterator[str]:
        for key, value in self.as_json().items():
            if key == "timeline" and isinstance(value, list) and value:
                rows = ",\n  ".join(_dump(row) for row in value)
                yield f'"{key}": [\n  {rows}\n]'
            else:
                yield f'"{key}": {_dump(value)}'

    def _requests_json(self) -> Json:
        return {
            "requests": self.requests,
            "completed": self.completed,
            "dropped": self.dropped,
            "unfinished": self.unfinished,
            "slo_attainment": rounded(self.slo_attainment),
            "slo_attainment_flat_ttft": rounded(self.slo_attainment_flat_ttft),
            "ttft_s": self.ttft_s.as_json(),
            "itl_s": self.itl_s.as_json(),
            "tpot_s": self.tpot_s.as_json(),
            "e2e_s": self.e2e_s.as_json(),
            "queue_s": self.queue_s.as_json(),
        }

    def _fleet_json(self) -> Json:
        return {
            "gpu_hours": rounded(self.gpu_hours),
            "mean_replicas": rounded(self.mean_replicas),
            "peak_replicas": self.peak_replicas,
            "scale_ups": self.scale_ups,
            "scale_downs": self.scale_downs,
            "starts": self.starts,
            "cold_starts": dict(self.cold_starts),
            "preemptions": self.preemptions,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "cost": rounded(self.cost),
        }

    def _run_json(self) -> Json | None:
        if self.run is None:
            return None
        rate = self.requests / self.run.wall_s if self.run.wall_s > 0 else None
        return {
            "wall_seconds": rounded(self.run.wall_s),
            "requests_per_wall_second": rounded(rate),
            "peak_rss_bytes": self.run.peak_rss_bytes,
        }


def rounded(value: float | None) -> float | None:
    """``value`` at the precision of the JSON; -0.0 becomes 0.0, so that equal results are equal bytes."""
    return None if value is None else round(value, DECIMALS) + 0.0


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
