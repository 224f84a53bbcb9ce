"""One pass over the pods: who is there, whose load is known, and which two scrapes to compare (scaling-law
15.2, 15.8).

The only place that looks at single pods, and the only one whose cost grows with their number. It pairs each
new
scrape with the one before; :mod:`flows` turns the pairs into sums. Everything behind works on sums.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scaler.decision import checks
from scaler.decision.model import Pod, PodPhase, Samples
from scaler.decision.policy import Policy

SAME_SCRAPE_S = 0.001
"""Two times of one scrape differ by the rounding of ``now_s - age_s`` only."""
PREEMPTED_S = 60.0
"""A pod that preempted within this time is full, whatever its KV gauge says now (scaling-law 15.4)."""
FAILING = frozenset(
    {"CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff", "Unschedulable", "CreateContainerError"}
)
"""Reasons that end a pending pod's credit at once."""
NECESSARY = frozenset({"running", "waiting"})
"""Without these a pod's load is unknown."""


class PodMemory(NamedTuple):
    """What is kept of one pod from tick to tick."""

    samples: Samples | None
    """The last scrape that was compared; None before the first."""
    at_s: float
    """When it was taken."""
    arrivals_per_s: float
    """Between the last two scrapes; may be negative (a request left the queue and has no token yet)."""
    preempted_s: float | None
    """When it last preempted."""
    was_ready: bool


UNSEEN = PodMemory(None, 0.0, 0.0, None, was_ready=False)
READY_UNSEEN = PodMemory(None, 0.0, 0.0, None, was_ready=True)
_ZERO = Samples(age_s=0.0, start_id="")


class Pending(NamedTuple):
    """A pod on its way."""

    node_class: str
    age_s: float
    failing: bool
    unscheduled: bool
    phase_s: float
    """How long it has been in its phase."""


class Pair(NamedTuple):
    """A new scrape, the one before it on the same process, and what lies between."""

    new: Samples
    old: Samples
    seconds: float
    config_id: str


class Pods:
    """The fleet at one tick; filled by :func:`observe`, read-only afterwards."""

    __slots__ = (
        "arrivals",
        "arrivals_per_s",
        "config_id",
        "elsewhere",
        "fresh",
        "kept",
        "known",
        "kv_capacity_tokens",
        "kv_pods",
        "kv_ratios",
        "missing",
        "newest_s",
        "oldest_age_s",
        "pairs",
        "pending",
        "preempting",
        "ready",
        "running",
        "started",
        "terminating",
        "unknown",
        "waiting",
        "youngest_s",
    )

    def __init__(self) -> None:
        self.ready = self.fresh = self.known = self.unknown = self.terminating = 0
        self.kv_pods = self.preempting = 0
        self.running = self.waiting = self.kv_ratios = self.oldest_age_s = 0.0
        self.kv_capacity_tokens: float | None = None
        self.elsewhere = False
        """Requests run, or may run, on pods that are on their way out."""
        self.arrivals_per_s = 0.0
        self.arrivals = 0.0
        """Requests found on pods that became ready since the last tick (their counters began at zero)."""
        self.pairs: list[Pair] = []
        self.pending: list[Pending] = []
        self.started: list[tuple[str, float]] = []
        """(node class, seconds from creation) of pods that became ready since the last tick."""
        self.config_id = ""
        """Of the newest pod: what the next replica will be."""
        self.newest_s = -1.0
        self.youngest_s = 1e12
        """How long the youngest ready pod has been ready."""
        self.missing: set[str] = set()
        """Necessary series that no pod ever exposed although pods answer."""
        self.kept: dict[str, PodMemory] = {}


def _first_tokens(new: Samples, old: Samples) -> float:
    """Requests that got their first token; without that histogram, those that finished."""
    if new.ttft_s is not None:
        return new.ttft_s.counts[-1] - (old.ttft_s.counts[-1] if old.ttft_s is not None else 0.0)
    return (new.requests_finished_total or 0.0) - (old.requests_finished_total or 0.0)


def _arrived(new: Samples, old: Samples, first_tokens: float) -> float:
    """Requests that came (scaling-law 18.1): first tokens plus the queue's growth; aborts do not enter.

    Without the TTFT histogram the older conservation: finished plus the growth of all that is in flight.
    """
    growth = (new.waiting or 0.0) - (old.waiting or 0.0)
    if new.ttft_s is None:
        growth += (new.running or 0.0) - (old.running or 0.0)
    return first_tokens + growth


def _was_reset(new: Samples, old: Samples, first_tokens: float) -> bool:
    """A counter that fell: the process began anew although ``start_id`` does not show it."""
    return first_tokens < 0.0 or (new.generation_tokens_total or 0.0) < (old.generation_tokens_total or 0.0)


def _baseline(new: Samples | None, at_s: float) -> PodMemory:
    """A scrape that nothing before can be compared with."""
    return PodMemory(new, at_s, 0.0, None, was_ready=True)


def _compare(pods: Pods, pod: Pod, memory: PodMemory, old: Samples, at_s: float) -> PodMemory:
    """Pair a new scrape with ``old`` and say what to remember."""
    new = pod.samples
    assert new is not None
    first_tokens = _first_tokens(new, old)
    if _was_reset(new, old, first_tokens):
        return _baseline(new, at_s)
    seconds = at_s - memory.at_s
    pods.pairs.append(Pair(new, old, seconds, pod.config_id))
    preempted_s = memory.preempted_s
    if new.preemptions_total is not None and new.preemptions_total > (old.preemptions_total or 0.0):
        preempted_s = at_s
    arrived = _arrived(new, old, first_tokens)
    if not memory.was_ready:
        pods.arrivals += arrived
        return PodMemory(new, at_s, 0.0, preempted_s, was_ready=True)
    return PodMemory(new, at_s, arrived / seconds, preempted_s, was_ready=True)


def _remember(pods: Pods, pod: Pod, memory: PodMemory | None, at_s: float) -> PodMemory:
    """The memory of a ready pod whose load is known, after this tick."""
    new = pod.samples
    old = None if memory is None else memory.samples
    if memory is not None and old is new:
        return memory
    assert new is not None
    if not checks.is_sane(new):
        checks.samples(f"snapshot.pods[{pod.name}].samples", new)
    if memory is None:
        return _baseline(new, at_s)
    if old is None:
        if memory.was_ready:
            return _baseline(new, at_s)
        # Seen while it started: its counters were zero when it became ready.
        return _compare(pods, pod, memory._replace(at_s=min(pod.since_s, at_s - 1.0)), _ZERO, at_s)
    if at_s - memory.at_s < SAME_SCRAPE_S:
        return memory
    if old.start_id != new.start_id:
        return _baseline(new, at_s)
    return _compare(pods, pod, memory, old, at_s)


def _blind(pods: Pods, samples: Samples, seen: frozenset[str]) -> bool:
    """Whether a necessary series is absent that no pod ever exposed: renamed, so its value is unknown, not
    zero."""
    missing = {name for name in NECESSARY - seen if getattr(samples, name) is None}
    pods.missing |= missing
    return bool(missing)


def _gauges(pods: Pods, samples: Samples, memory: PodMemory, now_s: float) -> None:
    pods.known += 1
    pods.running += samples.running or 0.0
    pods.waiting += samples.waiting or 0.0
    pods.arrivals_per_s += memory.arrivals_per_s
    if samples.age_s > pods.oldest_age_s:
        pods.oldest_age_s = samples.age_s
    if samples.kv_capacity_tokens is not None:
        pods.kv_capacity_tokens = samples.kv_capacity_tokens
    usage = samples.kv_usage_ratio
    if memory.preempted_s is not None and now_s - memory.preempted_s < PREEMPTED_S:
        pods.preempting += 1
        usage = 1.0
    if usage is not None:
        pods.kv_pods += 1
        pods.kv_ratios += usage


def _ready(
    pods: Pods, pod: Pod, memory: PodMemory | None, now_s: float, policy: Policy, seen: frozenset[str]
) -> None:
    pods.ready += 1
    if now_s - pod.since_s < pods.youngest_s:
        pods.youngest_s = now_s - pod.since_s
    if memory is not None and not memory.was_ready:
        pods.started.append((pod.node_class, pod.since_s - pod.created_s))
    samples = pod.samples
    blind = len(seen) < len(NECESSARY) and samples is not None and _blind(pods, samples, seen)
    if samples is None or blind or samples.age_s > policy.known_s:
        pods.unknown += 1
        pods.kept[pod.name] = READY_UNSEEN if memory is None else memory._replace(was_ready=True)
        return
    if samples.age_s < policy.fresh_s:
        pods.fresh += 1
    kept = pods.kept[pod.name] = _remember(pods, pod, memory, now_s - samples.age_s)
    _gauges(pods, samples, kept, now_s)


def _not_ready(pods: Pods, pod: Pod, memory: PodMemory | None, now_s: float) -> None:
    pods.kept[pod.name] = UNSEEN if memory is None else memory
    if pod.phase is PodPhase.TERMINATING:
        pods.terminating += 1
        samples = pod.samples
        if (
            samples is None
            or samples.running is None
            or samples.running > 0.0
            or (samples.waiting or 0.0) > 0.0
        ):
            pods.elsewhere = True
        return
    unscheduled = pod.phase is PodPhase.UNSCHEDULED
    failing = pod.reason in FAILING
    pods.pending.append(
        Pending(pod.node_class, now_s - pod.created_s, failing, unscheduled, now_s - pod.since_s)
    )


def observe(
    now_s: float, fleet: Iterable[Pod], memory: Mapping[str, PodMemory], policy: Policy, seen: frozenset[str]
) -> Pods:
    """Sort the pods; ``seen`` names the necessary series that some pod exposed before (vLLM makes series
    lazily)."""
    pods = Pods()
    remembered = memory.get
    ready = PodPhase.READY
    for pod in fleet:
        if not -checks.HUGE < pod.since_s + pod.created_s < checks.HUGE:
            checks.times(pod.name, pod.since_s, pod.created_s)
        if pod.phase is ready:
            _ready(pods, pod, remembered(pod.name), now_s, policy, seen)
        else:
            _not_ready(pods, pod, remembered(pod.name), now_s)
        if pod.created_s >= pods.newest_s and pod.phase is not PodPhase.TERMINATING:
            tie = pod.created_s == pods.newest_s
            pods.config_id = max(pods.config_id, pod.config_id) if tie else pod.config_id
            pods.newest_s = pod.created_s
    return pods
