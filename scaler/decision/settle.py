"""From what is needed to one total for the model: emergency, calm before going down, caps (scaling-law 15.6,
15.7, 15.9)."""

import math
from typing import NamedTuple

from scaler.decision import hysteresis, imputation, slo
from scaler.decision.learning import Known, Tick, queued
from scaler.decision.model import Condition
from scaler.decision.needs import Need, by_evidence
from scaler.decision.policy import Policy
from scaler.decision.state import Draft


class Total(NamedTuple):
    """Replicas for all targets together."""

    replicas: int
    winner: str
    held_back: str
    urgent: bool
    """Demand fills what is there: a move up must register with the HPA."""
    spare: float
    """Replicas that could go (for moves down within the HPA's tolerance)."""
    window_s: float


class Bounds(NamedTuple):
    """The fleet as it is asked for now, and how far the ask may go."""

    spec: int
    low: int
    high: int


def _ceil(need: float) -> int:
    return math.ceil(need - 1e-6)


def _emergency(
    draft: Draft,
    tick: Tick,
    known: Known,
    bounds: Bounds,
    wanted: int,
    need: Need,
    horizon_s: float,
    policy: Policy,
) -> float:
    """The floor that latency forces for one horizon; at most one new step in that time."""
    last = draft.emergency
    if last is not None and tick.now_s - last.at_s < horizon_s:
        return last.replicas
    if (
        not policy.use_emergency
        or tick.pods.pending
        or tick.pods.unknown
        or draft.window.start_s != tick.now_s
    ):
        draft.emergency = None
        return 0.0
    forced = slo.emergency(
        draft.verdict, bounds.spec, wanted, max(need.demand, by_evidence(tick.pods, known, 1.0, policy))
    )
    draft.emergency = None if forced is None else slo.Emergency(tick.now_s, forced)
    return 0.0 if forced is None else forced


def _reason_to_stay(
    draft: Draft, tick: Tick, known: Known, entering: int, window_s: float, policy: Policy
) -> str:
    """Why nothing may go now; empty when something may."""
    pods = tick.pods
    if tick.now_s - draft.began_s < window_s:
        return f"history is {tick.now_s - draft.began_s:.0f} s long, {window_s:.0f} s are needed"
    if imputation.too_stale_for_down(pods, policy):
        return f"only {pods.fresh} of {pods.ready} scrapes are fresh"
    if entering:
        return f"{entering} replicas are starting"
    if queued(known, policy):
        return f"{known.waiting:.0f} requests wait"
    delay_s = draft.verdict.delay_s
    off = known.capacity is not None and known.capacity.ttft_hopeless
    if delay_s is not None and not off and delay_s > policy.latency_down_ratio * policy.ttft_slo_ms / 1000.0:
        return f"requests queue for {delay_s:.2f} s"
    return ""


def _lower(
    draft: Draft,
    tick: Tick,
    known: Known,
    bounds: Bounds,
    wanted: int,
    entering: int,
    window_s: float,
    policy: Policy,
) -> tuple[int, str]:
    """(replicas to keep, why not fewer) when fewer than ``spec`` are wanted."""
    if not policy.use_hysteresis:
        return wanted, ""
    why = _reason_to_stay(draft, tick, known, entering, window_s, policy)
    if why:
        return bounds.spec, why
    most = hysteresis.highest(draft.needs, tick.now_s, window_s)
    kept = hysteresis.lowered(bounds.spec, wanted, most, policy)
    if kept <= wanted:
        return kept, ""
    return kept, f"up to {most:.2f} were needed in the last {window_s:.0f} s"


def _cap_unschedulable(
    draft: Draft, tick: Tick, replicas: int, policy: Policy
) -> tuple[int, Condition | None]:
    """No more than one beyond the scheduled pods while no node is found for long (15.9).

    The ceiling outlives the pod that proved it, which the cap itself may delete: until a pod gets past it, or
    nothing confirmed it for as long as it took to see.
    """
    pending = tick.pods.pending
    scheduled = tick.pods.ready + sum(1 for p in pending if not p.unscheduled)
    if any(p.unscheduled and p.phase_s > policy.unschedulable_s for p in pending):
        draft.ceiling = (scheduled + 1, tick.now_s)
    elif draft.ceiling is not None:
        most, seen_s = draft.ceiling
        if scheduled >= most or tick.now_s - seen_s > policy.unschedulable_s:
            draft.ceiling = None
    if draft.ceiling is None:
        return replicas, None
    most, seen_s = draft.ceiling
    text = f"no node was found beyond {most - 1} replicas for {policy.unschedulable_s:.0f} s"
    return min(replicas, most), Condition(type="Unschedulable", message=f"{text}; asking for {most} at most")


def settle(
    draft: Draft,
    tick: Tick,
    known: Known,
    bounds: Bounds,
    asked: float,
    need: Need,
    reacquire_s: float,
    entering: int,
    policy: Policy,
) -> tuple[Total, list[Condition]]:
    """One total; ``asked`` is the class-aware ask (unrounded), ``need`` where it came from."""
    conditions: list[Condition] = []
    wanted, winner, held = _ceil(asked), need.winner(), ""
    forced = _emergency(draft, tick, known, bounds, wanted, need, reacquire_s, policy)
    if forced > wanted:
        wanted, winner = _ceil(forced), "slo"
        conditions.append(
            Condition(
                type="ModelDisagrees",
                message=f"requests miss although {asked:.2f} replicas should do; asking for {wanted}",
            )
        )
    for_down = imputation.for_down(max(asked, forced), tick.pods)
    window_s = hysteresis.window_s(reacquire_s, draft.churn, policy)
    keep_s = 2.0 * policy.down_window_max_s
    draft.needs = hysteresis.record(draft.needs, tick.now_s, for_down, keep_s)
    replicas = wanted
    if wanted < bounds.spec:
        replicas, held = _lower(draft, tick, known, bounds, _ceil(for_down), entering, window_s, policy)
    replicas, stuck = _cap_unschedulable(draft, tick, replicas, policy)
    if stuck is not None:
        conditions.append(stuck)
        held = held or "no more nodes can be had"
    bounded = min(bounds.high, max(bounds.low, replicas))
    if bounded != replicas and wanted != bounded:
        held = f"{'max' if bounded == bounds.high else 'min'} replicas is {bounded}"
    urgent = need.demand > 0.95 * bounds.spec or need.backlog > bounds.spec or need.kv > bounds.spec
    most = hysteresis.highest(draft.needs, tick.now_s, window_s) / policy.down_margin
    return Total(bounded, winner, held, urgent, max(0.0, bounds.spec - most), window_s), conditions


def spend(draft: Draft, tick: Tick, spec: int) -> None:
    """Account for starts in the churn budget."""
    started = [max(0.0, seconds) for _, seconds in tick.pods.started]
    draft.churn = hysteresis.spend(draft.churn, started, spec, tick.dt_s)
