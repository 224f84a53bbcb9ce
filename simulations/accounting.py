"""The same bill and the same verdict for every policy (design 5.6 'Accounting').

A run is judged over [0, last arrival + 300 s]; what happens later did not happen. Every arrived request
counts: one that was dropped, timed out, too long or unfinished at the end of the span missed its SLO.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from simulations.requests import ABSENT, Outcomes, Trace
from simulations.result import (
    Distribution,
    FleetRecord,
    PodRecord,
    Result,
    RunFacts,
    SpecChange,
    StartClass,
)
from simulations.scenario import Scenario, Slo

GRACE_US = 300_000_000
"""How long after the last arrival a run is still judged (and paid): 300 s, as long as a pod may drain."""

_US_PER_HOUR = 3_600_000_000
_GAP_BITS = 24
"""Bits that hold a request's number of gaps beside its mean gap: outputs up to 16.7 M tokens."""

IdleTtft = Callable[[int], float]
"""Seconds from arrival at the router to the first token of a prompt of this many tokens, on an idle engine
of the run's configuration with an empty prefix cache."""


def judged_until_us(trace: Trace) -> int:
    """End of the judged span: last arrival + 300 s."""
    return (trace.arrival_us[-1] if len(trace) else 0) + GRACE_US


def account(
    trace: Trace,
    outcomes: Outcomes,
    fleet: FleetRecord,
    *,
    scenario: Scenario,
    policy: str,
    seed: int,
    idle_ttft_s: IdleTtft,
    run: RunFacts | None = None,
) -> Result:
    """Judge one run. ``outcomes`` has one entry for each request of ``trace``, in its order."""
    until_us = judged_until_us(trace)
    done = completed_flags(outcomes, until_us)
    completed, dropped = sum(done), _dropped(outcomes, until_us)
    met, met_flat = _attained(trace, outcomes, done, scenario.slo, idle_ttft_s)
    waits = latencies(trace, outcomes, done, until_us)
    gpu_hours = gpu_time_us(fleet, until_us) / _US_PER_HOUR
    return Result(
        policy=policy,
        trace=trace.name,
        notes=trace.notes,
        seed=seed,
        scenario=scenario,
        requests=len(trace),
        completed=completed,
        dropped=dropped,
        unfinished=len(trace) - completed - dropped,
        slo_attainment=_share(met, len(trace)),
        slo_attainment_flat_ttft=_share(met_flat, len(trace)),
        ttft_s=waits.ttft_s,
        itl_s=waits.itl_s,
        tpot_s=waits.tpot_s,
        e2e_s=waits.e2e_s,
        queue_s=waits.queue_s,
        gpu_hours=gpu_hours,
        mean_replicas=sum(end - start for start, end in _held(fleet.pods, until_us)) / until_us,
        peak_replicas=_peak(_held(fleet.pods, until_us)),
        scale_ups=_changes(fleet.changes, until_us, up=True),
        scale_downs=_changes(fleet.changes, until_us, up=False),
        cold_starts=_cold_starts(fleet.pods, until_us),
        preemptions=fleet.preemptions,
        tokens_in=_tokens(trace.input_tokens, done),
        tokens_out=_tokens(trace.output_tokens, done),
        cost=gpu_hours * scenario.price_per_gpu_hour,
        timeline=fleet.timeline,
        run=run,
    )


# --- requests


def completed_flags(outcomes: Outcomes, until_us: int) -> bytearray:
    """1 for each request whose last token came within the span."""
    return bytearray(
        0 <= finished <= until_us and dropped == ABSENT
        for finished, dropped in zip(outcomes.finished_us, outcomes.dropped_us, strict=True)
    )


def _dropped(outcomes: Outcomes, until_us: int) -> int:
    return sum(0 <= dropped <= until_us for dropped in outcomes.dropped_us)


def verdicts(
    trace: Trace, outcomes: Outcomes, done: Iterable[int], slo: Slo, idle_ttft_s: IdleTtft
) -> Iterator[tuple[bool, bool]]:
    """(met its SLO, met it under the flat TTFT limit too) of each request, in the trace's order.

    The idle engine is asked only where the flat limit was missed: the limit is the larger of the two, so a
    TTFT under ``slo.ttft_ms`` needs no second opinion. Limits are compared in whole µs.
    """
    flat_us, itl_us = round(slo.ttft_ms * 1000), round(slo.itl_ms * 1000)
    double_idle_us: dict[int, float] = {}
    columns = (
        trace.arrival_us,
        trace.input_tokens,
        trace.output_tokens,
        outcomes.first_token_us,
        outcomes.finished_us,
    )
    for ok, arrival, prompt, output, first, last in zip(done, *columns, strict=True):
        if not ok or last - first > itl_us * (output - 1):
            yield False, False
        elif first - arrival <= flat_us:
            yield True, True
        else:
            limit = double_idle_us.get(prompt)
            if limit is None:
                limit = double_idle_us[prompt] = 2e6 * idle_ttft_s(prompt)
            yield first - arrival <= limit, False


def _attained(
    trace: Trace, outcomes: Outcomes, done: bytearray, slo: Slo, idle_ttft_s: IdleTtft
) -> tuple[int, int]:
    met = met_flat = 0
    for ok, flat_ok in verdicts(trace, outcomes, done, slo, idle_ttft_s):
        met += ok
        met_flat += flat_ok
    return met, met_flat


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """What callers waited for."""

    ttft_s: Distribution
    itl_s: Distribution
    tpot_s: Distribution
    e2e_s: Distribution
    queue_s: Distribution


def latencies(trace: Trace, outcomes: Outcomes, done: bytearray, until_us: int) -> Latencies:
    """Of requests simulated or live, by one rule; ``done`` as :func:`completed_flags` gives it."""
    tpot, itl = _gaps(trace, outcomes, done)
    return Latencies(
        ttft_s=_since_arrival(trace, outcomes.first_token_us, outcomes, until_us),
        itl_s=itl,
        tpot_s=tpot,
        e2e_s=_since_arrival(trace, outcomes.finished_us, outcomes, until_us),
        queue_s=_since_arrival(trace, outcomes.scheduled_us, outcomes, until_us),
    )


def _since_arrival(trace: Trace, stamps: Iterable[int], outcomes: Outcomes, until_us: int) -> Distribution:
    """Of all requests that got there within the span and were not dropped; waits run from arrival."""
    waits = [
        stamp - arrival
        for stamp, arrival, dropped in zip(stamps, trace.arrival_us, outcomes.dropped_us, strict=True)
        if 0 <= stamp <= until_us and dropped == ABSENT
    ]
    return distribution(waits)


def distribution(values_us: list[int]) -> Distribution:
    """Mean and nearest-rank percentiles of whole µs, in seconds."""
    if not values_us:
        return _NOTHING
    ordered = sorted(values_us)
    p50, p90, p99 = (ordered[rank(len(ordered), percent) - 1] / 1e6 for percent in (50, 90, 99))
    return Distribution(mean=sum(ordered) / len(ordered) / 1e6, p50=p50, p90=p90, p99=p99)


def _gaps(trace: Trace, outcomes: Outcomes, done: bytearray) -> tuple[Distribution, Distribution]:
    """TPOT (each completed request counts once) and ITL (each gap between two tokens counts once).

    Single gaps are not recorded: each counts with its request's mean, (last - first) / (output - 1). Mean and
    number of gaps are packed into one integer (ns << 24 | gaps), so that one sort serves both.
    """
    columns = (outcomes.first_token_us, outcomes.finished_us, trace.output_tokens)
    packed = [
        ((last - first) * 1000 // (output - 1)) << _GAP_BITS | (output - 1)
        for ok, first, last, output in zip(done, *columns, strict=True)
        if ok and output > 1
    ]
    packed.sort()
    if not packed:
        return _NOTHING, _NOTHING
    return _each_request_once(packed), _each_gap_once(packed)


def _each_request_once(packed: list[int]) -> Distribution:
    n = len(packed)
    p50, p90, p99 = ((packed[rank(n, percent) - 1] >> _GAP_BITS) / 1e9 for percent in (50, 90, 99))
    return Distribution(mean=sum(p >> _GAP_BITS for p in packed) / n / 1e9, p50=p50, p90=p90, p99=p99)


def _each_gap_once(packed: list[int]) -> Distribution:
    mask = (1 << _GAP_BITS) - 1
    total = sum(p & mask for p in packed)
    ranks = [rank(total, percent) for percent in (50, 90, 99)]
    found: list[float] = []
    seen = 0
    for p in packed:
        seen += p & mask
        while len(found) < len(ranks) and seen >= ranks[len(found)]:
            found.append((p >> _GAP_BITS) / 1e9)
    mean = sum((p >> _GAP_BITS) * (p & mask) for p in packed) / total / 1e9
    return Distribution(mean=mean, p50=found[0], p90=found[1], p99=found[2])


def rank(n: int, percent: int) -> int:
    """Nearest rank, counted from 1: ceil(percent × n / 100) in integers. 99 % of 101 values: the 100th."""
    return -(-percent * n // 100)


def _tokens(tokens: Iterable[int], done: bytearray) -> int:
    return sum(count for count, ok in zip(tokens, done, strict=True) if ok)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


_NOTHING = Distribution(mean=None, p50=None, p90=None, p99=None)


# --- fleet


def gpu_time_us(fleet: FleetRecord, until_us: int) -> int:
    """GPU-µs in [0, ``until_us``]: pods from binding to deletion, provisioned nodes from request to release.

    A pod on a provisioned node adds nothing: the node is paid for as a whole.
    """
    provisioned = {node.serial for node in fleet.nodes}
    pods = sum(
        pod.gpus * _clipped(pod.bound_us, pod.deleted_us, until_us)
        for pod in fleet.pods
        if pod.bound_us is not None and pod.node not in provisioned
    )
    return pods + sum(n.gpus * _clipped(n.requested_us, n.released_us, until_us) for n in fleet.nodes)


def _clipped(start_us: int, end_us: int | None, until_us: int) -> int:
    end_us = until_us if end_us is None else min(end_us, until_us)
    return max(0, end_us - max(0, start_us))


def _held(pods: Iterable[PodRecord], until_us: int) -> Iterator[tuple[int, int]]:
    """Spans within [0, ``until_us``] in which a pod holds its GPUs: what a replica is in the figures."""
    for pod in pods:
        if pod.bound_us is not None:
            start_us = max(0, pod.bound_us)
            held_us = _clipped(pod.bound_us, pod.deleted_us, until_us)
            if held_us > 0:
                yield start_us, start_us + held_us


def _peak(spans: Iterable[tuple[int, int]]) -> int:
    """Most spans at once. At one instant ends count before starts: a freed GPU may be taken at once."""
    edges = sorted(edge for start, end in spans for edge in ((start, 1), (end, -1)))
    now = peak = 0
    for _, step in edges:
        now += step
        peak = max(peak, now)
    return peak


def _changes(changes: Iterable[SpecChange], until_us: int, *, up: bool) -> int:
    return sum(
        change.after != change.before and (change.after > change.before) == up
        for change in changes
        if change.at_us <= until_us
    )


def _cold_starts(pods: Iterable[PodRecord], until_us: int) -> tuple[tuple[str, int], ...]:
    counts = {StartClass.CACHED: 0, StartClass.UNCACHED: 0, StartClass.NEW_NODE: 0}
    for pod in pods:
        if pod.bound_us is not None and pod.bound_us <= until_us and pod.start_class in counts:
            counts[pod.start_class] += 1
    return tuple((kind.value, count) for kind, count in counts.items())
