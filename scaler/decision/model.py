"""The values that enter and leave a decision (design 5.2): frozen, plain, serialisable to JSON.

Units are last in every name. ``None`` always means *absent* (never observed, not exposed, not known)
and is never the same as zero. Times are seconds on one monotonic axis, the one of ``Snapshot.now_s``.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """A Prometheus histogram as scraped: ``counts[i]`` observations were <= ``le[i]``; ``le`` ends with
    inf."""

    le: tuple[float, ...]
    counts: tuple[float, ...]
    sum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """One scrape of one engine: raw counters, gauges and buckets. Only ``decide`` differences them.

    Names follow ``vllm:*`` (0.19–0.32) without the prefix. A series that the engine did not expose is None.
    """

    age_s: float
    """How old the scrape was at ``Snapshot.now_s``."""
    start_id: str
    """Changes whenever the engine process restarts (its counters begin again from zero)."""
    running: float | None = None
    waiting: float | None = None
    """Requests waiting for capacity (``waiting_by_reason{capacity}`` where it exists)."""
    waiting_deferred: float | None = None
    """Requests waiting for another reason than capacity: no demand."""
    kv_usage_ratio: float | None = None
    kv_capacity_tokens: float | None = None
    """``cache_config_info``: number of blocks × block size."""
    prompt_tokens_total: float | None = None
    prompt_tokens_computed_total: float | None = None
    """``prompt_tokens_by_source{local_compute}``: prompt tokens that the GPU really worked on."""
    generation_tokens_total: float | None = None
    requests_finished_total: float | None = None
    """``request_success_total`` over all reasons. vLLM does not count client aborts here (vllm#31503)."""
    preemptions_total: float | None = None
    prefix_queries_tokens_total: float | None = None
    prefix_hits_tokens_total: float | None = None
    iterations_total: float | None = None
    """Count of the ``iteration_tokens_total`` histogram: engine steps."""
    iteration_tokens_total: float | None = None
    """Sum of the same histogram: tokens scheduled over all steps."""
    finished_prompt_tokens_total: float | None = None
    finished_generation_tokens_total: float | None = None
    cpu_seconds_total: float | None = None
    """``process_cpu_seconds_total`` of the engine process."""
    ttft_s: Histogram | None = None
    itl_s: Histogram | None = None
    queue_s: Histogram | None = None


class PodPhase(StrEnum):
    """Where a pod is on its way to serving."""

    UNSCHEDULED = "unscheduled"
    STARTING = "starting"
    """Bound to a node: pulling, loading, compiling; not ready yet."""
    READY = "ready"
    TERMINATING = "terminating"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One engine pod as the Kubernetes API and the last scrape show it."""

    name: str
    target: str
    phase: PodPhase
    since_s: float
    """When it entered ``phase``."""
    created_s: float
    node_class: str = ""
    """Key into ``Snapshot.supply``: class of the node it is bound to; empty while unscheduled."""
    config_id: str = ""
    """Hash of everything that changes an engine's speed (template, arguments); capacity is learned per
    value."""
    reason: str = ""
    """``Unschedulable``, ``CrashLoopBackOff``, ``ErrImagePull`` … ; empty when all is well."""
    samples: Samples | None = None
    """The newest scrape that succeeded, however old; None if there never was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One scale target (Deployment, LeaderWorkerSet …) that serves the model."""

    name: str
    spec_replicas: int | None
    status_replicas: int | None
    min_replicas: int
    max_replicas: int
    role: str = "both"
    variant: str = ""
    cost: float = 1.0
    gpus_per_replica: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Requests that want service now but that no engine has seen: a gateway, an activator, a query."""

    source: str
    waiting: float | None
    rejected_total: float | None = None
    """A counter; ``decide`` differences it."""
    oldest_wait_s: float | None = None
    age_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Room for new replicas in one node class (node pool × weights tier × compile cache)."""

    node_class: str
    weights: str
    """``memory``, ``disk`` or ``none``; ``new_node`` for nodes that have yet to be provisioned."""
    free: int
    claimed: int = 0
    """Slots of ``free`` that pending pods are about to take."""
    startup_s: tuple[tuple[float, float], ...] = ()
    """(quantile, seconds from pod creation to ready) as the cache agents estimate it; empty when unknown."""
    unschedulable_since_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that one decision sees: one model, every target that serves it."""

    now_s: float
    model: str
    targets: tuple[Target, ...]
    pods: tuple[Pod, ...] = ()
    demand: tuple[Demand, ...] = ()
    supply: tuple[Supply, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Ask for this total number of replicas."""

    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Keep ``spec_replicas``: the data does not allow a decision."""

    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Not even ``spec_replicas`` is known."""


Outcome = Scale | Hold | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One number that entered a term, and how old it was."""

    name: str
    value: float | None
    age_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of the law: the replicas that it asks for (unrounded), and what from."""

    name: str
    replicas: float | None
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that a person should know; ``type`` is a constant, ``message`` a sentence with the
    figures."""

    type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDecision:
    """What is asked of one target, and why."""

    target: str
    outcome: Outcome
    active: bool | None
    """None: unknown."""
    terms: tuple[Term, ...]
    winner: str
    """Name of the term that decided."""
    held_back: str
    """What kept the answer from the winner's number; empty when nothing did."""
    reason: str
    """One sentence for people, with the figures that matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer for one model at one tick. ``/explain``, log, metrics and timeline show this object."""

    now_s: float
    model: str
    targets: tuple[TargetDecision, ...]
    conditions: tuple[Condition, ...] = ()
    victims: tuple[str, ...] = ()
    """Pods in the order in which they should go (not used yet)."""
    prewarm: tuple[str, ...] = ()
    """Nodes to fill with the weights (not used yet)."""
    valid_until_s: float = 0.0
