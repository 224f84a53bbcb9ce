"""One pass over the pods: who is there, whose load is known, and which two scrapes to compare (scaling-law
15.2, 15.8).

The only place that looks at single pods, and the only one whose cost grows with their number. It pairs each
new
scrape with the one before; :mod:`flows` turns the pairs into sums. Everything behind works on sums.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
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
STANDING = 5.0
"""Fewer waiting requests in an engine are the noise of arrivals."""
NECESSARY = frozenset({"running", "waiting"})
"""Without these a pod's load is unknown."""


class PodMemory(NamedTuple):
    """What is kept of one pod from tick to tick."""

    samples: Samples | None
    """The last scrape that was compared; None before the first."""
    at_s: float
    """When it was taken."""
    arrivals_per_s: float | None
    """Between the last two scrapes; may be negative (a request left the queue and has no token yet). None
    before two could be compared."""
    preempted_s: float | None
    """When it last preempted."""
    was_ready: bool
    started: bool = True
    """Its start was counted."""
    works_off: bool = False
    """It works off a queue of its own."""


UNSEEN = PodMemory(None, 0.0, None, None, was_ready=False, started=False)
READY_UNSEEN = PodMemory(None, 0.0, None, None, was_ready=True)
_ZERO = Samples(age_s=0.0, start_id="")
"""A process that has done nothing yet."""


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
        "bound",
        "compared",
        "config_id",
        "elsewhere",
        "fresh",
        "kept",
        "known",
        "kv_capacity_tokens",
        "kv_pods",
        "kv_ratios",
        "missing",
        "oldest_age_s",
        "pairs",
        "pending",
        "preempting",
        "queueing",
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
        self.kv_pods = self.preempting = self.queueing = 0
        self.running = self.waiting = self.kv_ratios = self.oldest_age_s = 0.0
        self.bound = 0.0
        """Requests that wait in engines which work off a queue of their own while most have none: a replica
        that comes finds new requests, not these."""
        self.kv_capacity_tokens: float | None = None
        self.elsewhere = False
        """Requests run, or may run, on pods that are on their way out."""
        self.compared = 0
        """Pods whose arrivals are known."""
        self.arrivals_per_s = 0.0
        """Of those."""
        self.arrivals = 0.0
        """Requests found on pods that became ready since the last tick (their counters began at zero)."""
        self.pairs: list[Pair] = []
        self.pending: list[Pending] = []
        self.started: list[tuple[str, float]] = []
        """(node class, seconds from creation) of pods that became ready since the last tick."""
        self.config_id = ""
        """Of the newest pod: what the next replica will be."""
        self.youngest_s = 1e12
        """How long the youngest ready pod has been ready."""
        self.missing: set[str] = set()
        """Necessary series that no pod ever exposed although pods answer."""
        self.kept: dict[str, PodMemory] = {}


def _baseline(new: Samples, at_s: float) -> PodMemory:
    """A scrape that nothing before can be compared with."""
    return PodMemory(new, at_s, None, None, was_ready=True)


def works_off(new: Samples, old: Samples) -> bool:
    """Whether an engine had a standing queue that did not grow: nobody sends it more than it serves."""
    return (old.waiting or 0.0) >= STANDING and (new.waiting or 0.0) <= (old.waiting or 0.0)


def _arrived(new: Samples, old: Samples) -> float | None:
    """Requests that came between two scrapes; None when a counter fell (a reset that ``start_id`` hides).

    First tokens plus the queue's growth (scaling-law 18.1): aborts do not enter. Without the TTFT histogram
    the
    older conservation: finished plus the growth of all that is in flight.
    """
    if (new.generation_tokens_total or 0.0) < (old.generation_tokens_total or 0.0):
        return None
    growth = (new.waiting or 0.0) - (old.waiting or 0.0)
    ttft, before = new.ttft_s, old.ttft_s
    if ttft is not None:
        done = ttft.counts[-1] - (before.counts[-1] if before is not None else 0.0)
    else:
        done = (new.requests_finished_total or 0.0) - (old.requests_finished_total or 0.0)
        growth += (new.running or 0.0) - (old.running or 0.0)
    return None if done < 0.0 else done + growth


def _compare(pods: Pods, pod: Pod, new: Samples, old: Samples, memory: PodMemory, at_s: float) -> PodMemory:
    """Pair a new scrape with the one before on the same process, and say what to remember."""
    arrived = _arrived(new, old)
    if arrived is None:
        return _baseline(new, at_s)
    seconds = at_s - memory.at_s
    pods.pairs.append(Pair(new, old, seconds, pod.config_id))
    preempted_s = memory.preempted_s
    if new.preemptions_total and new.preemptions_total > (old.preemptions_total or 0.0):
        preempted_s = at_s
    if not memory.was_ready:
        pods.arrivals += arrived
        return PodMemory(new, at_s, 0.0, preempted_s, was_ready=True)
    alone = works_off(new, old)
    return PodMemory(new, at_s, arrived / seconds, preempted_s, was_ready=True, works_off=alone)


def _first(pods: Pods, pod: Pod, new: Samples, memory: PodMemory | None, at_s: float) -> PodMemory:
    """What to remember of a process's first scrape: it is a baseline only.

    Unless the pod was seen while it started: then its counters were zero when it became ready.
    """
    if memory is None or memory.was_ready:
        return _baseline(new, at_s)
    begun = memory._replace(at_s=min(pod.since_s, at_s - 1.0))
    return _compare(pods, pod, new, _ZERO, begun, at_s)


def _blind(pods: Pods, samples: Samples, seen: frozenset[str]) -> bool:
    """Whether a necessary series is absent that no pod ever exposed: renamed, so unknown and not zero."""
    missing = {name for name in NECESSARY - seen if getattr(samples, name) is None}
    pods.missing |= missing
    return bool(missing)


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
    age_s, phase_s = now_s - pod.created_s, now_s - pod.since_s
    pods.pending.append(Pending(pod.node_class, age_s, pod.reason in FAILING, unscheduled, phase_s))


def _ready(
    pods: Pods, pod: Pod, memory: PodMemory | None, now_s: float, policy: Policy, seen: frozenset[str]
) -> Samples | None:
    """Remember a ready pod; returns its samples if its load is known.

    A pod that was seen starting and became ready so lately that no scrape is due yet is empty, not unknown:
    to take it for as busy as its saturated neighbours would multiply their queue.
    """
    pods.ready += 1
    if memory is not None and not memory.started:
        pods.started.append((pod.node_class, pod.since_s - pod.created_s))
        memory = memory._replace(started=True)
    new, known_s = pod.samples, policy.known_s
    if new is None and memory is not None and not memory.was_ready and now_s - pod.since_s < policy.fresh_s:
        pods.kept[pod.name] = memory
        pods.compared += 1
        return _ZERO
    if new is None or new.age_s > known_s or (len(seen) < len(NECESSARY) and _blind(pods, new, seen)):
        pods.unknown += 1
        pods.kept[pod.name] = READY_UNSEEN if memory is None else memory._replace(was_ready=True)
        return None
    at_s = now_s - new.age_s
    old = None if memory is None else memory.samples
    if memory is None or old is None or old.start_id != new.start_id:
        memory = _first(pods, pod, new, memory, at_s)
    elif at_s - memory.at_s >= SAME_SCRAPE_S:
        memory = _compare(pods, pod, new, old, memory, at_s)
    _remember(pods, pod.name, new, memory)
    return new


def _remember(pods: Pods, name: str, new: Samples, memory: PodMemory) -> None:
    pods.kept[name] = memory
    if memory.arrivals_per_s is not None:
        pods.compared += 1
        pods.arrivals_per_s += memory.arrivals_per_s
    if memory.works_off:
        pods.bound += new.waiting or 0.0


def _gauges(pods: Pods, known: list[Samples], fresh_s: float) -> None:
    """Sum the gauges of the pods whose load is known, column by column."""
    pods.known = len(known)
    ages = [s.age_s for s in known]
    pods.oldest_age_s = max(ages, default=0.0)
    pods.fresh = sum([age < fresh_s for age in ages])
    pods.running = sum([s.running or 0.0 for s in known])
    queues = [s.waiting or 0.0 for s in known]
    pods.waiting, pods.queueing = sum(queues), sum([queue >= 1.0 for queue in queues])
    if 2 * (pods.queueing + pods.unknown) >= pods.ready:
        pods.bound = 0.0  # half of the engines queue, or may: the fleet is short
    usages = [s.kv_usage_ratio for s in known if s.kv_usage_ratio is not None]
    pods.kv_pods, pods.kv_ratios = len(usages), sum(usages)
    capacities = [s.kv_capacity_tokens for s in known if s.kv_capacity_tokens is not None]
    if capacities:
        pods.kv_capacity_tokens = sum(capacities) / len(capacities)


def _full(pods: Pods, now_s: float) -> None:
    """Count pods that preempted lately as full, whatever their gauge says."""
    for memory in pods.kept.values():
        preempted_s, samples = memory.preempted_s, memory.samples
        if preempted_s is None or now_s - preempted_s >= PREEMPTED_S or samples is None:
            continue
        pods.preempting += 1
        if samples.kv_usage_ratio is not None:
            pods.kv_ratios += 1.0 - samples.kv_usage_ratio


def _newest(pods: Pods, fleet: Sequence[Pod], now_s: float) -> None:
    staying = [pod for pod in fleet if pod.phase is not PodPhase.TERMINATING]
    if staying:
        pods.config_id = max(staying, key=_BY_AGE).config_id
    pods.youngest_s = now_s - max(
        [pod.since_s for pod in staying if pod.phase is PodPhase.READY], default=-1e12
    )


def observe(
    now_s: float, fleet: Sequence[Pod], memory: Mapping[str, PodMemory], policy: Policy, seen: frozenset[str]
) -> Pods:
    """Sort the pods; ``seen`` names the necessary series that some pod ever exposed (vLLM makes them
    lazily)."""
    pods = Pods()
    remembered, ready = memory.get, PodPhase.READY
    checks.pods(fleet)
    known: list[Samples] = []
    for pod in fleet:
        if pod.phase is ready:
            samples = _ready(pods, pod, remembered(pod.name), now_s, policy, seen)
            if samples is not None:
                known.append(samples)
        else:
            _not_ready(pods, pod, remembered(pod.name), now_s)
    _gauges(pods, known, policy.fresh_s)
    _full(pods, now_s)
    _newest(pods, fleet, now_s)
    return pods


_BY_AGE = attrgetter("created_s", "config_id")
