"""What a snapshot must be before it is decided on: the sources' duty, asserted here by the field's name.

A counter that is NaN or negative is a bug of the shell that scraped it (``wire`` refuses it with its path);
deciding on it
would poison what was learned.
"""

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter

from scaler.decision.model import Demand, Histogram, Pod, Samples, Snapshot, Supply, Target

HUGE = 1e15
"""No time, count or token total of one engine is larger; beyond it doubles lose whole numbers, too."""
_NUMBERS = (
    "running",
    "waiting",
    "kv_usage_ratio",
    "kv_capacity_tokens",
    "prompt_tokens_total",
    "prompt_tokens_computed_total",
    "generation_tokens_total",
    "requests_finished_total",
    "preemptions_total",
    "prefix_queries_tokens_total",
    "prefix_hits_tokens_total",
    "finished_generation_tokens_total",
)
"""What the law reads; the rest is carried for others."""
_get_numbers = attrgetter("age_s", *_NUMBERS)
_HISTOGRAMS = ("ttft_s", "itl_s", "queue_s")
_HISTOGRAM_GETTERS = tuple(map(attrgetter, _HISTOGRAMS))


def _number(where: str, value: float | None) -> None:
    if value is None:
        return
    assert 0.0 <= value <= HUGE, f"{where} is {value!r}; it must be a number from 0 to {HUGE:g}"


def _histogram(where: str, histogram: Histogram | None) -> None:
    if histogram is None:
        return
    _number(f"{where}.sum", histogram.sum)
    edges = len(histogram.le)
    assert edges > 0, f"{where}.le is empty; it must end with inf"
    assert len(histogram.counts) == edges, (
        f"{where}.counts has {len(histogram.counts)} entries, le has {edges}"
    )
    for i, value in enumerate(histogram.counts):
        _number(f"{where}.counts[{i}]", value)


def samples(where: str, value: Samples) -> None:
    """Assert one scrape."""
    _number(f"{where}.age_s", value.age_s)
    for name in _NUMBERS:
        _number(f"{where}.{name}", getattr(value, name))
    for name in _HISTOGRAMS:
        _histogram(f"{where}.{name}", getattr(value, name))


def _are_sane(values: list[float]) -> bool:
    """A quick test that passes sane numbers: a sum carries NaN and infinity on, and the least tells a
    sign."""
    return not values or (min(values) >= 0.0 and sum(values) <= HUGE)


def pods(fleet: Sequence[Pod]) -> None:
    """Assert all pods and their scrapes, all numbers at once; only a bad one is looked at by itself."""
    stamps = [pod.since_s for pod in fleet] + [pod.created_s for pod in fleet]
    sane = not stamps or -HUGE <= min(stamps) <= sum(map(abs, stamps)) <= HUGE
    scraped = [pod.samples for pod in fleet if pod.samples is not None]
    values = [*filter(None, chain.from_iterable(map(_get_numbers, scraped)))]
    for get in _HISTOGRAM_GETTERS:
        found = [*filter(None, map(get, scraped))]
        values += [h.sum for h in found]
        values += [h.counts[-1] for h in found]
    if not (sane and _are_sane(values)):
        for one in fleet:
            _pod(f"snapshot.pods[{one.name}]", one)


def _pod(where: str, pod: Pod) -> None:
    for name in ("since_s", "created_s"):
        value = getattr(pod, name)
        assert -HUGE <= value <= HUGE, f"{where}.{name} is {value!r}; it must be a finite time"
    if pod.samples is not None:
        samples(f"{where}.samples", pod.samples)


def _target(i: int, target: Target) -> None:
    where = f"snapshot.targets[{i}]"
    for name in (
        "spec_replicas",
        "status_replicas",
        "min_replicas",
        "max_replicas",
        "cost",
        "gpus_per_replica",
    ):
        _number(f"{where}.{name}", getattr(target, name))
    assert target.min_replicas <= target.max_replicas, (
        f"{where}.max_replicas is {target.max_replicas}, less than min_replicas {target.min_replicas}"
    )


def _demand(i: int, demand: Demand) -> None:
    for name in ("waiting", "rejected_total", "oldest_wait_s", "age_s"):
        _number(f"snapshot.demand[{i}].{name}", getattr(demand, name))


def _supply(i: int, supply: Supply) -> None:
    for name in ("free", "claimed"):
        _number(f"snapshot.supply[{i}].{name}", getattr(supply, name))
    for k, (level, seconds) in enumerate(supply.startup_s):
        _number(f"snapshot.supply[{i}].startup_s[{k}][0]", level)
        _number(f"snapshot.supply[{i}].startup_s[{k}][1]", seconds)


def snapshot(value: Snapshot) -> None:
    """Assert everything about a snapshot but its scrapes, which are asserted once, when they are new."""
    assert -HUGE <= value.now_s <= HUGE, f"snapshot.now_s is {value.now_s!r}; it must be a finite time"
    assert value.targets, "snapshot.targets is empty; a decision needs a target"
    for i, target in enumerate(value.targets):
        _target(i, target)
    for i, demand in enumerate(value.demand):
        _demand(i, demand)
    for i, supply in enumerate(value.supply):
        _supply(i, supply)
