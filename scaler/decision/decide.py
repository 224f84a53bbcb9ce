"""The law as a numbered list: ``decide(snapshot, state, policy) -> (decision, state)`` (design 5.2).

Sources: scaling-law sections 15 and 18; docs/designs/0002-the-law.md says what differs and why.
"""

from scaler.decision import (
    checks,
    emission,
    explain,
    flows,
    forecast,
    idle,
    imputation,
    learning,
    needs,
    record,
    season,
    settle,
    supply,
    targets,
)
from scaler.decision.differences import observe
from scaler.decision.learning import Known, Tick
from scaler.decision.model import Condition, Decision, Hold, Scale, Snapshot, TargetDecision, Term
from scaler.decision.policy import Policy
from scaler.decision.settle import Bounds, Total
from scaler.decision.state import Draft, State, continued
from scaler.decision.supply import Lane

VALID_S = 60.0
"""How long a decision may be answered without a new one: the age at which a scrape becomes unknown."""


def _observe(snapshot: Snapshot, draft: Draft, since_s: float, policy: Policy) -> Tick:
    draft.seen = imputation.exposed(snapshot.pods, draft.seen)
    pods = observe(snapshot.now_s, snapshot.pods, draft.pods, policy, draft.seen)
    out = idle.outside(snapshot.demand, draft.demand, policy)
    draft.pods, draft.demand = pods.kept, out.memory
    draft.startups = supply.learn(draft.startups, pods.started)
    flow, steps = flows.flow(pods.pairs), flows.steps(pods.pairs)
    return Tick(snapshot.now_s, snapshot.now_s - since_s, pods, flow, steps, out)


def _bounds(snapshot: Snapshot) -> Bounds:
    """Of all targets together; a target without ``spec`` counts as it is seen."""
    return Bounds(
        sum(_spec(t.spec_replicas, t.status_replicas) for t in snapshot.targets),
        sum(t.min_replicas for t in snapshot.targets),
        sum(t.max_replicas for t in snapshot.targets),
    )


def _spec(spec: int | None, status: int | None) -> int:
    return spec if spec is not None else (status or 0)


def _reserve(draft: Draft, known: Known, utilization: float, policy: Policy) -> float:
    if policy.burst_reserve <= 0.0:
        return 0.0
    per_rate = needs.cost_at(max(draft.errors.rates, default=0.0), known)
    return forecast.burst_reserve(draft.errors, per_rate, utilization, policy)


def _situation(
    draft: Draft,
    tick: Tick,
    known: Known,
    lanes: tuple[Lane, ...],
    entering: tuple[float, ...],
    factor: float,
    policy: Policy,
) -> needs.Situation:
    seasonal = season.forecast(draft.season, tick.now_s + lanes[0].horizon_s) if policy.seasonal else 0.0
    trimmed = draft.judged.utilization
    utilization = policy.target_utilization if trimmed is None else trimmed
    reserve = _reserve(draft, known, utilization, policy)
    outlook = forecast.outlook(draft.holt, draft.errors, known.rate_per_s, reserve, seasonal, policy)
    return needs.Situation(tick.pods, known, outlook, utilization, factor, entering)


def _active(draft: Draft, tick: Tick, snapshot: Snapshot, reacquire_s: float, policy: Policy) -> bool | None:
    """Whether the model must be awake; None when no pod exists and nothing tells of demand."""
    arrived = tick.pods.arrivals_per_s
    if idle.may_have_demand(tick.pods, tick.out, arrived):
        draft.active_s = tick.now_s
    if not snapshot.demand:
        return True
    if not tick.pods.ready and not tick.pods.pending:
        return tick.out.waiting > 0.0 if tick.out.known else None
    return tick.now_s - draft.active_s < idle.idle_s(reacquire_s, policy)


def _zero(total: Total, active: bool | None, bounds: Bounds, policy: Policy) -> Total:
    """Sleep and wake: zero only when inactive, at least one when active, few at once from zero (15.9)."""
    if bounds.low > 0:
        return total
    if active is None:
        return total._replace(replicas=bounds.spec, held_back="nothing tells of demand")
    if not active:
        return total._replace(replicas=0, held_back="")
    if total.replicas == 0:
        return total._replace(replicas=1, held_back="no demand, but not for long enough")
    if bounds.spec == 0:
        return total._replace(replicas=min(total.replicas, policy.wake_cap))
    return total


def _emit(
    snapshot: Snapshot,
    total: Total,
    active: bool | None,
    text: str,
    shown: tuple[Term, ...],
    hold: str,
    policy: Policy,
) -> tuple[TargetDecision, ...]:
    """Each target's outcome: Unknown without spec, Hold when blind, else the number that registers."""
    result = []
    for target, share in zip(snapshot.targets, targets.split(total.replicas, snapshot.targets), strict=True):
        spec = target.spec_replicas
        if spec is None:
            result.append(explain.unknown(target, "spec replicas are not known"))
        elif hold:
            outcome, awake = Hold(replicas=spec), True
            result.append(explain.decided(target, outcome, awake, shown, total, hold, f"hold {spec}: {hold}"))
        else:
            number, held = emission.emitted(
                share, spec, target.status_replicas, total.urgent, total.spare, policy
            )
            number = min(target.max_replicas, max(target.min_replicas, number))
            note = f"{text}; {held}" if held else text
            outcome_ = Scale(replicas=number)
            result.append(
                explain.decided(target, outcome_, active, shown, total, held or total.held_back, note)
            )
    return tuple(result)


def decide(snapshot: Snapshot, state: State, policy: Policy) -> tuple[Decision, State]:
    """Decide once for one model.

    :param snapshot: what is seen now. Bad numbers are assertions that name the field.
    :param state: what the last call returned, or ``State.initial()``.
    :param policy: the knobs; see ``policy.validate``.
    :returns: the decision and the state to pass to the next call.
    """
    # 1. The snapshot is sane, and the state describes this fleet.
    checks.snapshot(snapshot)
    live = continued(state, snapshot.now_s)
    draft = Draft(state.learned, live)
    # 2. Sort the pods: absent, stale and zero are three things; counters are differenced once.
    tick = _observe(snapshot, draft, live.now_s, policy)
    bounds = _bounds(snapshot)
    factor = imputation.scale_up(tick.pods)
    # 3. How long help takes, by class, and what is on its way.
    lanes = supply.lanes(snapshot.supply, draft.startups, policy)
    entering = supply.entering(tick.pods.pending, snapshot.supply, draft.startups, policy)
    # 4. Learn: mean request, step time, arrivals, forecast.
    known = learning.learn(draft, tick, factor, lanes[-1].horizon_s, policy)
    settle.spend(draft, tick, bounds.spec)
    # 5. What is needed now and when help can be there, what to ask for by class; the objective's record.
    now = _situation(draft, tick, known, lanes, entering, factor, policy)
    found = needs.needs(now, lanes, policy)
    asked, need = needs.ask(found, lanes, bounds.spec)
    record.learn(draft, tick, known, found[0].demand, policy)
    # 6. One total: emergency, calm before going down, caps, bounds.
    reacquire_s = lanes[0].horizon_s
    total, conditions = settle.settle(
        draft, tick, known, bounds, asked, need, reacquire_s, len(entering), policy
    )
    # 7. Sleep and wake.
    active = _active(draft, tick, snapshot, reacquire_s, policy)
    total = _zero(total, active, bounds, policy)
    # 8. Emit so that the HPA does it, and say why.
    hold = "no scrape of any ready pod is fresh" if imputation.blind(tick.pods) else ""
    text = explain.reason(known, total, asked, need, bounds.spec)
    shown = explain.terms(tick, now, found)
    conditions += explain.conditions(snapshot, tick, known, policy)
    decision = _decision(snapshot, _emit(snapshot, total, active, text, shown, hold, policy), conditions)
    return decision, draft.state(snapshot.now_s)


def _decision(snapshot: Snapshot, parts: tuple[TargetDecision, ...], conditions: list[Condition]) -> Decision:
    return Decision(
        now_s=snapshot.now_s,
        model=snapshot.model,
        targets=parts,
        conditions=tuple(conditions),
        valid_until_s=snapshot.now_s + VALID_S,
    )
