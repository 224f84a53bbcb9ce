"""What each term asks for, now and at the horizons (scaling-law 15.3-15.5)."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from scaler.decision import backlog, capacity, evidence, kv
from scaler.decision.capacity import Capacity
from scaler.decision.differences import Pods
from scaler.decision.forecast import Outlook, expect
from scaler.decision.learning import Known, queued
from scaler.decision.policy import Policy
from scaler.decision.slo import WARM_S
from scaler.decision.supply import Lane


class Need(NamedTuple):
    """Replicas (unrounded) by term at one time ahead."""

    ahead_s: float
    rate: float
    kv: float
    backlog: float
    evidence: float
    demand: float
    """Replicas that carry the expected rate exactly at the objective, without headroom."""

    def most(self) -> float:
        """What is needed in all."""
        return max(self.rate, self.kv, self.backlog, self.evidence)

    def winner(self) -> str:
        """The term that decides."""
        pairs = (("rate", self.rate), ("backlog", self.backlog), ("kv", self.kv), ("evidence", self.evidence))
        return max(pairs, key=lambda pair: pair[1])[0]


class Situation(NamedTuple):
    """What the terms are computed from."""

    pods: Pods
    known: Known
    outlook: Outlook
    utilization: float
    factor: float
    """Stands in for unknown pods."""
    entering: tuple[float, ...]
    """When pending replicas come (s from now)."""


def cost_at(rate: float, known: Known) -> float:
    """Replicas per request/s at the objective at this rate; 0 while the capacity is not known."""
    cap = known.capacity
    return 0.0 if cap is None or not cap.known or rate <= 0.0 else capacity.replicas(rate, cap) / rate


def _per_rate(now: Situation, horizon_s: float) -> float:
    """Replicas per request/s at the objective, at the largest rate expected (sub-linear: fleets pool)."""
    rate, cap = max(expect(now.outlook, horizon_s), now.known.rate_per_s), now.known.capacity
    cost = cost_at(rate, now.known)
    if cap is None or cap.itl_proven or cost <= 0.0:
        return cost
    return min(cost, _unproven(now, cap, rate) / rate)


def _unproven(now: Situation, cap: Capacity, rate: float) -> float:
    """Most that is asked for while nobody knows how far the idle step is from the ITL objective.

    A guess of the idle step on its way past the objective would ask for 1/(1 - base/SLO) times the work. So:
    what
    the work alone needs, or double what serves; and nothing beyond what serves until that is warm and tells.
    """
    ready = now.pods.ready
    work = capacity.replicas(rate, cap._replace(itl_slo_s=math.inf))
    return max(work, ready if now.pods.youngest_s < WARM_S else 2.0 * ready + 1.0)


def _backlogs(
    now: Situation, horizons: Sequence[float], demand: Callable[[float], float], per_rate: float
) -> list[float]:
    waiting = now.known.waiting * per_rate
    if waiting <= 0.0 and demand(horizons[-1]) <= now.pods.ready:
        return [0.0] * len(horizons)
    return backlog.project(waiting, demand, float(now.pods.ready), now.entering, horizons)


def _in_kv(now: Situation, demand: float, growth: float, policy: Policy) -> float:
    """The KV term.

    While a queue is worked off all caches are full, however many there are: then, and only where the
    capacity is
    known, the term is bounded like the backlog's, or it would multiply replicas by 1/target each cold start.
    """
    pods, known = now.pods, now.known
    held = now.factor * pods.kv_ratios
    asked = kv.replicas(
        held,
        known.waiting,
        known.mix,
        pods.kv_capacity_tokens,
        growth,
        policy.target_kv_usage,
        policy.backlog_cap,
    )
    if known.capacity is not None and known.capacity.known and queued(known, policy):
        return min(asked, (1.0 + policy.backlog_cap) * demand + 1.0)
    return asked


def _at(now: Situation, ahead_s: float, per_rate: float, queue: float, policy: Policy) -> Need:
    """All terms at one time ahead; ``queue`` is the backlog there, in replica-seconds."""
    pods, known = now.pods, now.known
    rate = expect(now.outlook, ahead_s)
    demand = per_rate * rate
    growth = rate / known.rate_per_s if known.rate_per_s > 0.0 else 1.0
    in_rate = demand / now.utilization if policy.use_rate else 0.0
    in_kv = _in_kv(now, demand, growth, policy) if policy.use_kv else 0.0
    in_queue = 0.0
    if policy.use_backlog:
        tolerated = policy.backlog_tolerance * policy.ttft_slo_ms / 1000.0 * pods.ready
        in_queue = backlog.replicas(demand, queue, tolerated, policy.backlog_drain_s, policy.backlog_cap)
    return Need(ahead_s, in_rate, in_kv, in_queue, _evidence(now, policy), demand)


def by_evidence(pods: Pods, known: Known, factor: float, policy: Policy) -> float:
    """What queue and latency alone would ask for."""
    cap = known.capacity
    hopeless = cap is not None and capacity.itl_hopeless(cap)
    itl_slo_s = policy.itl_slo_ms / 1000.0
    return evidence.replicas(
        pods.ready, factor * pods.running, known.waiting, known.itl_s, itl_slo_s, hopeless
    )


def _evidence(now: Situation, policy: Policy) -> float:
    """That, while the capacity is not known."""
    cap = now.known.capacity
    if not policy.use_evidence or (cap is not None and cap.known):
        return 0.0
    return by_evidence(now.pods, now.known, now.factor, policy)


def needs(now: Situation, lanes: Sequence[Lane], policy: Policy) -> list[Need]:
    """Needs at this moment and at each lane's horizon; each at least the one before (15.5: max over 0..τ)."""
    horizons = [lane.horizon_s for lane in lanes]
    per_rate = _per_rate(now, horizons[-1])
    queues = _backlogs(now, horizons, lambda ahead: per_rate * expect(now.outlook, ahead), per_rate)
    result = [_at(now, 0.0, per_rate, 0.0, policy)]
    for horizon, queue in zip(horizons, queues, strict=True):
        need, before = _at(now, horizon, per_rate, queue, policy), result[-1]
        result.append(
            Need(
                horizon,
                max(need.rate, before.rate),
                max(need.kv, before.kv),
                max(need.backlog, before.backlog),
                need.evidence,
                max(need.demand, before.demand),
            )
        )
    return result


def ask(found: Sequence[Need], lanes: Sequence[Lane], current: int) -> tuple[float, Need]:
    """The class-aware ask (15.5) and the need that it came from.

    A replica that starts from cached weights may be asked for late; what exceeds the free slots of the
    faster lanes
    must be asked for at the slower lane's horizon. Example (15.10b): 6 needed at 75 s, 7 at 130 s, 5 there,
    one cached slot:
    7 > 5 + 1, so ask for 7 now; with two slots 6 are enough now.
    """
    best = found[0]
    asked = best.most()
    covered = float(current)
    for need, lane in zip(found[1:], lanes, strict=True):
        wanted = need.most()
        if wanted > covered or covered == current:
            wanted = min(wanted, current + lane.slots)
            if wanted > asked:
                asked, best = wanted, need
        covered = current + lane.slots
    return asked, best
