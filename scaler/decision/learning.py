"""One tick of learning: from what was observed to what is known. No decision is taken here.

Everything is driven by time that passed and by scrapes that are new, never by the number of calls: a poll
that
brings nothing new learns nothing.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from scaler.decision import arrivals as arriving
from scaler.decision import capacity, forecast, season, slo, steptime
from scaler.decision.capacity import Capacity, Mix
from scaler.decision.differences import Pods
from scaler.decision.flows import Flow, Steps
from scaler.decision.idle import Outside
from scaler.decision.model import Samples
from scaler.decision.policy import Policy
from scaler.decision.roofline import StepTime, believe
from scaler.decision.state import Draft, Judgement
from scaler.decision.steptime import Estimate, Fit

CONFIGS = 16
"""Entries kept; with fits of 15 numbers and 120 errors everything stays far below 64 KiB."""
ENOUGH_TOKENS = 20.0
"""Decode tokens in a tick from which on their mean latency is an observation."""
INHERITED = 10.0
"""Observations that the neighbour of a new configuration counts for: enough to start from, soon
outweighed."""
UNSURE = 0.8
"""Relative error of a request's engine time above which capacity must not decide."""
ROOM = 0.85
"""KV usage below which waiting requests are not kept out by the cache."""
CONFIRMED = 3
"""Times that an engine was seen full before its seats limit its capacity: equal counts come by chance."""
PROVEN = 0.2
"""Error of the idle step, as a share of its distance from the ITL objective, up to which that may
multiply."""
_BASE = StepTime(1.0, 0.0, 0.0, 0.0)

V = TypeVar("V")


class Tick(NamedTuple):
    """This tick's observations, sorted."""

    now_s: float
    dt_s: float
    """Since the last tick; 0 on the first and on a repeated one."""
    pods: Pods
    flow: Flow
    steps: Mapping[str, Steps]
    out: Outside


class Known(NamedTuple):
    """What is known after this tick."""

    mix: Mix | None
    estimate: Estimate
    capacity: Capacity | None
    """None before a request was seen."""
    rate_per_s: float
    """Arrivals that count: measured, and held while requests wait."""
    measured_per_s: float
    waiting: float
    """Requests waiting for capacity, in engines and outside."""
    idle_ttft_s: float
    itl_s: float | None
    """Mean inter-token latency between the last scrapes that saw tokens; None before the first."""


def queued(known: Known, policy: Policy) -> bool:
    """Whether requests wait for longer than is tolerated, W/λ (scaling-law 18.2)."""
    patience_s = policy.backlog_tolerance * policy.ttft_slo_ms / 1000.0
    return known.waiting >= 1.0 and known.waiting > known.rate_per_s * patience_s


def moved(mapping: Mapping[str, V], key: str, value: V, most: int) -> dict[str, V]:
    """``mapping`` with ``key`` at the end; the keys used longest ago go."""
    changed = {k: v for k, v in mapping.items() if k != key}
    changed[key] = value
    while len(changed) > most:
        del changed[next(iter(changed))]
    return changed


def _last(mapping: Mapping[str, V]) -> V | None:
    value = None
    for value in mapping.values():  # noqa: B007  the loop's end is the last value
        pass
    return value


def fit_of(fits: Mapping[str, Fit], key: str) -> Fit:
    """A configuration's evidence; one never seen starts from a little of the one used last."""
    if key in fits:
        return fits[key]
    last = _last(fits)
    if last is None or last.weight <= 0.0:
        return steptime.EMPTY
    return steptime.scaled(last, min(1.0, INHERITED / last.weight))


def _learn_prefill(fit: Fit, flow: Flow, mix: Mix) -> Fit:
    """A first token without queueing tells the cost of its prompt: TTFT - queue = 1.5 steps + prefill·I.

    (Half a step until the next one begins, and its own.) Taken with an error of half of it plus 15 ms for
    ingest and
    tokenising: weak for short prompts, strong for long ones and slow GPUs.
    """
    if flow.first_tokens <= 0.0 or flow.queue_count <= 0.0:
        return fit
    mean_s = flow.ttft_sum_s / flow.first_tokens - flow.queue_sum_s / flow.queue_count
    if not 0.001 < mean_s < 60.0:
        return fit
    trust = (steptime.RELATIVE_ERROR / (0.5 + 0.015 / mean_s)) ** 2
    return steptime.learn(fit, mix.computed_tokens / 1.5, 1.0, mix.context_tokens, mean_s / 1.5, trust)


def _context(pods: Pods, mix: Mix | None) -> float:
    """KV tokens of one running request: as held now, else as the mean request has them."""
    if pods.running >= 3.0 and pods.kv_pods and pods.kv_capacity_tokens is not None:
        return pods.kv_ratios * pods.kv_capacity_tokens / pods.running
    return 0.0 if mix is None else mix.context_tokens


def _learn_sizes(draft: Draft, tick: Tick) -> None:
    draft.sizes = arriving.learn_sizes(draft.sizes, tick.flow, tick.dt_s)
    if tick.pods.kv_capacity_tokens is not None:
        draft.kv_capacity_tokens = tick.pods.kv_capacity_tokens


def _learn_seats(draft: Draft, tick: Tick) -> None:
    """``max_num_seqs`` is in no metric: it is what runs while others wait, the cache has room and none is
    added, seen so a few times at the most that ever ran. More seen running begins anew.
    """
    pairs = tick.pods.pairs
    for config_id in {p.config_id for p in pairs}:
        own = [p for p in pairs if p.config_id == config_id]
        before = draft.seats.get(config_id, (0.0, 0))
        most = max(before[0], *[p.new.running or 0.0 for p in own])
        times = before[1] if most == before[0] else 0
        if tick.pods.queueing:
            full = [p for p in own if p.new.running == most == p.old.running]
            times = min(CONFIRMED, times + sum([_kept_out(p.new) and _kept_out(p.old) for p in full]))
        if (most, times) != before:
            draft.seats = moved(draft.seats, config_id, (most, times), CONFIGS)


def _kept_out(one: Samples) -> bool:
    """Requests wait, and neither the cache keeps them out nor are they on their way in."""
    waiting, kv_ratio = one.waiting or 0.0, one.kv_usage_ratio
    return waiting >= 2.0 and kv_ratio is not None and kv_ratio < ROOM


def _learn_steps(draft: Draft, tick: Tick, policy: Policy) -> None:
    if not tick.pods.pairs or not policy.use_fit:
        return
    mix = arriving.mean_request(draft.sizes, tick.pods.running)
    share = arriving.computed_share(draft.sizes)
    for key, s in tick.steps.items():
        if s.tokens >= ENOUGH_TOKENS:
            held = s.sequences * _context(tick.pods, mix)
            fit = steptime.learn(fit_of(draft.fits, key), share * s.prefill, s.sequences, held, s.step_s)
            if mix is not None and tick.pods.waiting == 0.0 and len(tick.steps) == 1:
                fit = _learn_prefill(fit, tick.flow, mix)
            draft.fits = moved(draft.fits, key, fit, CONFIGS)


def _learn_arrivals(draft: Draft, tick: Tick, since_s: float, factor: float, policy: Policy) -> list[float]:
    """Count arrivals; returns the 30-s rates of the buckets that closed.

    Without one pod whose arrivals are known, the rate is taken to go on: an outage is no lull. And the time
    before the first comparison is missing, not without arrivals.
    """
    pods = tick.pods
    if pods.ready and not pods.compared and not draft.arrivals.counts and not tick.out.arrived:
        since_s, draft.arrivals = tick.now_s, arriving.begin(tick.now_s)
    seen_per_s = 0.0 if not pods.ready else draft.arrivals.held_per_s
    if pods.compared:
        seen_per_s = factor * pods.arrivals_per_s * pods.known / pods.compared
    arrived = seen_per_s * tick.dt_s + pods.arrivals + tick.out.arrived
    counted, rates = arriving.count(draft.arrivals, arrived, since_s, tick.now_s)
    rate = arriving.rate(counted, tick.now_s)
    patience_s = policy.backlog_tolerance * policy.ttft_slo_ms / 1000.0
    queued = policy.use_held_rate and pods.waiting - pods.bound + tick.out.waiting > rate * patience_s
    draft.arrivals = arriving.hold(counted, rate, queued, tick.dt_s)
    return rates


def _learn_forecast(draft: Draft, tick: Tick, rates: list[float], horizon_s: float, policy: Policy) -> None:
    """Step Holt for each closed bucket, and compare old forecasts with what came."""
    if not rates:
        return
    for rate in rates:
        draft.holt = forecast.step(draft.holt, rate, policy)
    rate, ahead = rates[-1], draft.ahead
    if ahead.waiting and ahead.waiting[0][0] <= tick.now_s:
        own = season.at(draft.season, tick.now_s)
        draft.season = season.compare(draft.season, rate, own, ahead.waiting[0][1])
    ahead, draft.errors = forecast.compare(ahead, draft.errors, tick.now_s, rate)
    if draft.holt.buckets >= arriving.WINDOW:
        ahead = forecast.remember(ahead, draft.holt, tick.now_s, len(rates), horizon_s, rate, policy)
    draft.ahead = ahead
    draft.season = season.learn(draft.season, tick.now_s, rate, arriving.BUCKET_S * len(rates))


def sigma_key(config_id: str, mix: Mix) -> str:
    """Residuals are kept per configuration and coarse mix: 100/100 requests are not 10k/10k ones (18.3)."""
    hit = round(4.0 * (1.0 - mix.computed_tokens / mix.prompt_tokens))
    return f"{config_id}|{math.log2(mix.prompt_tokens):.0f}|{math.log2(mix.output_tokens):.0f}|{hit}"


def sigma_of(sigmas: Mapping[str, float], config_id: str, mix: Mix) -> float:
    """The residual of this mix; of a mix never seen, the last one's where it warns (below 1)."""
    found = sigmas.get(sigma_key(config_id, mix))
    if found is not None:
        return found
    last = _last(sigmas)
    return 1.0 if last is None else min(1.0, last)


def _seats(seats: Mapping[str, tuple[float, int]], config_id: str) -> float | None:
    most, times = seats.get(config_id, (0.0, 0))
    return most if times >= CONFIRMED else None


def _capacity(
    estimate: Estimate, mix: Mix, draft: Draft, judged: Judgement, config_id: str, policy: Policy
) -> Capacity:
    """Goodput capacity of one replica for this mix, by all that is known."""
    step, parts = estimate.step, capacity.request_parts(mix)
    cost, error = capacity.dot(step, parts), steptime.spread(estimate, parts)
    base_error, itl_slo_s = steptime.spread(estimate, _BASE), policy.itl_slo_ms / 1000.0
    base_s = max(0.0, step.base_s - base_error)
    patience_s, ttft_hopeless = capacity.patience(step, mix, policy.ttft_slo_ms / 1000.0)
    request_s = max(cost + policy.prior_caution * error, 1e-9)
    kv_tokens = (draft.kv_capacity_tokens or 0.0) * policy.target_kv_usage
    itl_off = judged.incurable.itl >= slo.INCURABLE_WINDOWS
    ttft_off = judged.incurable.ttft >= slo.INCURABLE_WINDOWS
    return Capacity(
        request_s,
        step.prefill_s * mix.computed_tokens,
        base_s,
        mix.output_tokens,
        mix.prompt_spread,
        arriving.dispersion(draft.arrivals),
        math.inf if itl_off else itl_slo_s,
        math.inf if ttft_off else patience_s,
        min(
            capacity.memory_rate(mix, request_s, step.base_s, kv_tokens),
            capacity.seat_rate(mix, request_s, step.base_s, _seats(judged.seats, config_id)),
        ),
        max(1.0 - policy.slo_target, 1e-3),
        policy.use_pooling,
        sigma_of(judged.sigmas, config_id, mix) if policy.use_sigma else 1.0,
        base_error < PROVEN * abs(itl_slo_s - base_s),
        error < UNSURE * cost,
        ttft_off or ttft_hopeless,
    )


def _itl(steps: Iterable[Steps]) -> float | None:
    tokens = total = 0.0
    for one in steps:
        tokens += one.tokens
        total += one.tokens * one.step_s
    return total / tokens if tokens > 0.0 else None


def _know(draft: Draft, tick: Tick, factor: float, policy: Policy) -> Known:
    """Put together what is known now."""
    config_id, judged = tick.pods.config_id, draft.judged
    estimate = steptime.estimate(fit_of(judged.fits, config_id), believe(policy, draft.kv_capacity_tokens))
    mix = arriving.mean_request(draft.sizes, tick.pods.running)
    cap = None if mix is None else _capacity(estimate, mix, draft, judged, config_id, policy)
    rate = max(draft.arrivals.held_per_s, 0.0)
    step = estimate.step
    return Known(
        mix,
        estimate,
        cap,
        rate,
        arriving.rate(draft.arrivals, tick.now_s),
        factor * (tick.pods.waiting - tick.pods.bound) + tick.out.waiting,
        step.base_s + (0.0 if mix is None else step.prefill_s * mix.computed_tokens),
        draft.itl_s,
    )


def learn(draft: Draft, tick: Tick, factor: float, horizon_s: float, policy: Policy) -> Known:
    """Learn from one tick, in the order in which one thing needs the other; ``factor`` stands in for unknown
    pods.

    The step time comes last, so that a tick is judged by what was known before it, however often it is
    polled: else a fuller cache at an equal step time would make the engine look faster, and more load lower
    the ask.
    """
    if tick.dt_s > 0.0:
        draft.judged = draft.judgement()
    itl_s = _itl(tick.steps.values())
    draft.itl_s = draft.itl_s if itl_s is None else itl_s
    _learn_sizes(draft, tick)
    rates = _learn_arrivals(draft, tick, tick.now_s - tick.dt_s, factor, policy)
    _learn_forecast(draft, tick, rates, horizon_s, policy)
    known = _know(draft, tick, factor, policy)
    _learn_seats(draft, tick)
    _learn_steps(draft, tick, policy)
    return known
