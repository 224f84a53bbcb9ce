"""A decision in words and numbers: the same object is logged, served by /explain, and drawn by the
simulator."""

from collections.abc import Sequence

from scaler.decision import capacity
from scaler.decision.learning import Known, Tick
from scaler.decision.model import Condition, Input, Outcome, Snapshot, Target, TargetDecision, Term, Unknown
from scaler.decision.needs import Need, Situation
from scaler.decision.policy import Policy
from scaler.decision.settle import Total


def terms(tick: Tick, now: Situation, needs: Sequence[Need]) -> tuple[Term, ...]:
    """Each term's replicas at the farthest horizon, with its inputs and their ages."""
    pods, known, last = tick.pods, now.known, needs[-1]
    age = pods.oldest_age_s
    cap = known.capacity
    ready = Input(name="ready", value=float(pods.ready))
    waiting = Input(name="waiting", value=known.waiting + pods.bound, age_s=age)
    rate = (
        Input(name="rate_per_s", value=known.rate_per_s, age_s=age),
        Input(name="demand_replicas", value=last.demand),
        Input(name="horizon_s", value=last.ahead_s),
        Input(name="request_s", value=None if cap is None else cap.request_s),
        Input(name="sigma", value=None if cap is None else cap.sigma),
        Input(name="target_utilization", value=now.utilization),
    )
    kv_mean = pods.kv_ratios / pods.kv_pods if pods.kv_pods else None
    kv = (Input(name="kv_usage_ratio", value=kv_mean, age_s=age), waiting, ready)
    return (
        Term(name="rate", replicas=last.rate, inputs=rate),
        Term(name="kv", replicas=last.kv, inputs=kv),
        Term(name="backlog", replicas=last.backlog, inputs=(waiting, ready)),
        Term(
            name="evidence", replicas=last.evidence if last.evidence > 0.0 else None, inputs=(waiting, ready)
        ),
    )


def _cause(known: Known, total: Total, need: Need) -> str:
    rate = f"{known.rate_per_s:.2f} requests/s"
    if total.winner == "slo":
        return f"requests miss the objective at {rate}"
    figures = {
        "rate": f"{rate} now, {need.demand:.2f} replicas' worth in {need.ahead_s:.0f} s",
        "kv": f"KV tokens of {rate}, {known.waiting:.0f} waiting",
        "backlog": f"{known.waiting:.0f} requests wait at {rate}",
        "evidence": f"capacity is not known yet, {known.waiting:.0f} requests wait",
    }
    return figures[total.winner]


def reason(known: Known, total: Total, asked: float, need: Need, spec: int) -> str:
    """One sentence with the figures that matter."""
    verb = "keep" if total.replicas == spec else f"{spec} →"
    held = f"; {total.held_back}" if total.held_back else ""
    return (
        f"{verb} {total.replicas}: {total.winner} asks for {asked:.2f} ({_cause(known, total, need)}){held}"
    )


def conditions(snapshot: Snapshot, tick: Tick, known: Known, policy: Policy) -> list[Condition]:
    """What a person should know."""
    found: list[Condition] = []
    cap = known.capacity
    if cap is not None and cap.known and (capacity.itl_hopeless(cap) or cap.ttft_hopeless):
        found.append(Condition(type="SLOInfeasible", message=_infeasible(known, policy)))
    if tick.pods.bound:
        text = (
            f"{tick.pods.bound:.0f} requests wait in few engines, which work them off; the others have room"
        )
        found.append(Condition(type="QueueBound", message=f"{text}; more replicas would not reach them"))
    for name in sorted(tick.pods.missing):
        text = f"no engine exposes {name}: renamed, or not a vLLM engine? its pods' load is unknown"
        found.append(Condition(type="MetricMissing", message=text))
    if tick.pods.unknown:
        text = (
            f"{tick.pods.unknown} of {tick.pods.ready} ready pods were not scraped for {policy.known_s:.0f} s"
        )
        found.append(Condition(type="PodsUnknown", message=text))
    failing = [p for p in tick.pods.pending if p.failing and not p.unscheduled]
    if failing:
        found.append(Condition(type="PodsFailing", message=f"{len(failing)} pods fail to start"))
    if any(t.min_replicas == 0 for t in snapshot.targets) and not snapshot.demand:
        text = "min replicas is 0 but nothing tells of requests while no engine runs; one replica stays awake"
        found.append(Condition(type="WakeImpossible", message=text))
    return found


def _infeasible(known: Known, policy: Policy) -> str:
    cap, mix = known.capacity, known.mix
    assert cap is not None
    assert mix is not None
    if capacity.itl_hopeless(cap):
        idle_ms = 1000.0 * cap.base_s
        return (
            f"an idle engine takes {idle_ms:.0f} ms a token, the ITL objective is {policy.itl_slo_ms:.0f}; "
            "its terms are off"
        )
    idle_ms = 1000.0 * known.idle_ttft_s
    return (
        f"an idle engine takes {idle_ms:.0f} ms to the first token of {mix.prompt_tokens:.0f}-token prompts, "
        f"the TTFT objective is {policy.ttft_slo_ms:.0f} ms; judged by twice the idle time"
    )


def unknown(target: Target, why: str) -> TargetDecision:
    """Not even what is asked for now is known."""
    return TargetDecision(
        target=target.name,
        outcome=Unknown(),
        active=None,
        terms=(),
        winner="",
        held_back=why,
        reason=f"unknown: {why}",
    )


def decided(
    target: Target,
    outcome: Outcome,
    active: bool | None,
    shown: tuple[Term, ...],
    total: Total,
    held: str,
    text: str,
) -> TargetDecision:
    """One target's part of the decision."""
    return TargetDecision(
        target=target.name,
        outcome=outcome,
        active=active,
        terms=shown,
        winner=total.winner,
        held_back=held,
        reason=text,
    )
