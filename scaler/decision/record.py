"""The record of the objective: what was met and missed in windows, and what that teaches (scaling-law 15.3).

It moves the residual of the capacity and the headroom, never the ask itself.
"""

from collections.abc import Mapping

from scaler.decision import capacity, flows, slo
from scaler.decision.differences import Pair, works_off
from scaler.decision.flows import Flow, Steps
from scaler.decision.learning import Known, Tick, moved, sigma_key
from scaler.decision.policy import Policy
from scaler.decision.state import Draft

SIGMAS = 32
"""Residuals kept."""
TRIM_S = 60.0
"""The headroom moves once in this time."""


def _is_disturbed(tick: Tick) -> bool:
    """Whether this tick's latencies say little about a replica's capacity: young, draining or unknown pods,
    several configurations."""
    pods = tick.pods
    unlike = pods.terminating > 0 or pods.unknown > 0 or len(tick.steps) > 1
    return pods.youngest_s < slo.WARM_S or unlike


def _judged(tick: Tick) -> tuple[list[Pair], Flow, Mapping[str, Steps]]:
    """What the objective's record counts: everything, but for engines that work off a queue of their own.

    While most engines have no queue those few say how they began, not what the fleet can carry.
    """
    if not tick.pods.bound:
        return tick.pods.pairs, tick.flow, tick.steps
    pairs = [p for p in tick.pods.pairs if not works_off(p.new, p.old)]
    return pairs, flows.flow(pairs), flows.steps(pairs)


def learn(draft: Draft, tick: Tick, known: Known, demand: float, policy: Policy) -> None:
    """Add this tick to the objective's open window; close and judge it when it is full.

    ``demand``: replicas that carry the present rate exactly at the objective.
    """
    pods, cap = tick.pods, known.capacity
    ready = max(1, pods.ready)
    limit_s = max(policy.ttft_slo_ms / 1000.0, 2.0 * known.idle_ttft_s)
    load = 0.0 if cap is None else demand * cap.sigma / ready
    kv = pods.kv_ratios / pods.kv_pods if pods.kv_pods else 0.0
    pairs, flow, by_config = _judged(tick)
    missed, steps = flows.late(pairs, limit_s), by_config.values()
    standing = 2 * pods.queueing >= ready
    window = slo.add(
        draft.window,
        flow,
        steps,
        missed,
        tick.dt_s,
        load,
        kv,
        known.waiting,
        known.rate_per_s,
        standing=standing,
    )
    if not window.disturbed and _is_disturbed(tick):
        window = window._replace(disturbed=True)
    if tick.now_s - window.start_s < slo.WINDOW_S - 1e-6:
        draft.window = window
        return
    queued = known.waiting > 0.5 * ready
    draft.window = slo.Window(tick.now_s, queue_at_start=queued)
    draft.verdict = verdict = slo.judge(window, draft.verdict, known.idle_ttft_s, policy)
    draft.incurable = slo.judge_incurable(draft.incurable, window, verdict, policy)
    itl_off = cap is not None and capacity.itl_hopeless(cap)
    bad = slo.missed(verdict, draft.incurable, itl_off=itl_off)
    if cap is not None and known.mix is not None and policy.use_sigma:
        key = sigma_key(pods.config_id, known.mix)
        sigma = slo.residual(cap.sigma, window, verdict, bad, policy)
        draft.sigmas = moved(draft.sigmas, key, sigma, SIGMAS)
    if not window.disturbed:
        _learn_headroom(draft, tick.now_s, verdict, bad, policy)


def _learn_headroom(draft: Draft, now_s: float, verdict: slo.Verdict, bad: float, policy: Policy) -> None:
    draft.trim_requests += verdict.requests
    draft.trim_missed += verdict.requests * bad
    if now_s - draft.trim_s < TRIM_S - 1e-6:
        return
    if policy.use_trim and draft.trim_requests > 0.0:
        minutes = (now_s - draft.trim_s) / 60.0
        share = draft.trim_missed / draft.trim_requests
        current = policy.target_utilization if draft.utilization is None else draft.utilization
        draft.utilization = slo.trim(current, draft.trim_requests, share, minutes, policy)
    draft.trim_s, draft.trim_requests, draft.trim_missed = now_s, 0.0, 0.0
