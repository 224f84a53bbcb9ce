"""What a snapshot must be before it is decided on: the sources' duty, asserted here by the field's name.

A counter that is NaN or negative is a bug of the shell that scraped it (``wire`` refuses it with its path);
deciding on it
would poison what was learned.
"""

from dataclasses import fields
from operator import attrgetter

from scaler.decision.model import Demand, Histogram, Samples, Snapshot, Supply, Target

HUGE = 1e15
"""No time, count or token total of one engine is larger; beyond it doubles lose whole numbers, too."""
_NUMBERS = tuple(
    f.name for f in fields(Samples) if f.name not in {"age_s", "start_id", "ttft_s", "itl_s", "queue_s"}
)
_get_numbers = attrgetter(*_NUMBERS)
_HISTOGRAMS = ("ttft_s", "itl_s", "queue_s")


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


def is_sane(s: Samples) -> bool:
    """A quick test that passes every sane scrape: a sum carries NaN and infinity on, and the least tells a
    sign."""
    values = [*filter(None, _get_numbers(s))]
    for histogram in (s.ttft_s, s.itl_s, s.queue_s):
        if histogram is not None:
            values.append(histogram.sum)
            values.append(histogram.counts[-1])
    return not values or (min(values) >= 0.0 and sum(values) <= HUGE)


def times(name: str, since_s: float, created_s: float) -> None:
    """Assert a pod's times."""
    for field, value in (("since_s", since_s), ("created_s", created_s)):
        assert -HUGE <= value <= HUGE, f"snapshot.pods[{name}].{field} is {value!r}; it must be a finite time"


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
