"""Zero (scaling-law 15.9, 18.6): when a model may sleep, and when it must wake."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scaler.decision.differences import Pods
from scaler.decision.model import Demand
from scaler.decision.policy import Policy

SHORTEST_S, LONGEST_S = 60.0, 3600.0


class Outside(NamedTuple):
    """Demand that no engine has seen yet, over all sources."""

    waiting: float
    arrived: float
    """Growth of the queues plus rejections since the last tick; may be negative (requests moved to
    engines)."""
    known: bool
    """At least one source, and every source fresh."""
    oldest_wait_s: float
    memory: dict[str, tuple[float, float]]
    age_s: float


def _since(value: float | None, before: float | None) -> float:
    return 0.0 if value is None or before is None else value - before


def outside(demand: Sequence[Demand], memory: Mapping[str, tuple[float, float]], policy: Policy) -> Outside:
    """Sum the sources up; ``memory`` holds each one's last (waiting, rejected)."""
    waiting = arrived = oldest = age = 0.0
    known = bool(demand)
    kept: dict[str, tuple[float, float]] = {}
    for source in demand:
        last = memory.get(source.source)
        if source.waiting is None or source.age_s > policy.known_s:
            known = False
            if last is not None:
                kept[source.source] = last
            continue
        age = max(age, source.age_s)
        waiting += source.waiting
        arrived += source.waiting - last[0] if last is not None else 0.0  # a first sight is a baseline
        rejected = _since(source.rejected_total, last[1] if last is not None else source.rejected_total)
        arrived += max(0.0, rejected)
        oldest = max(oldest, source.oldest_wait_s or 0.0)
        kept[source.source] = (source.waiting, source.rejected_total or 0.0)
    return Outside(waiting, arrived, known, oldest, kept, age)


def idle_s(reacquire_s: float, policy: Policy) -> float:
    """How long to stay awake without demand: ski rental, a few cold starts long."""
    if policy.idle_seconds is not None:
        return policy.idle_seconds
    return min(LONGEST_S, max(SHORTEST_S, policy.cold_start_penalty * reacquire_s))


def may_have_demand(pods: Pods, out: Outside, arrived: float) -> bool:
    """Whether anything runs, waits or came, or whether that is unknown anywhere."""
    if pods.running > 0.0 or pods.waiting > 0.0 or out.waiting > 0.0 or arrived > 0.0:
        return True
    if pods.unknown or pods.fresh < pods.ready or pods.elsewhere:
        return True
    return not out.known and pods.ready == 0
