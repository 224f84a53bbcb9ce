"""What a report tells of one run: its result, its cold starts, its latencies over time; small, picklable."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulations.accounting import IdleTtft, completed_flags, judged_until_us, verdicts
from simulations.requests import Outcomes, Trace
from simulations.result import FleetRecord, PodRecord, Result, StartClass

BINS_MAX = 180
BIN_LENGTHS_S = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Lengths a reader can name. The shortest that needs at most ``BINS_MAX`` bins is taken: 24 h -> 600 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One pod's cold start; ``ready_s`` None: it was not ready when it was deleted or the run ended."""

    serial: int
    kind: str
    created_s: float
    ended_s: float
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Nearest-rank percentiles in seconds."""

    p50: float
    p90: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The requests that arrived in one stretch of time. None: none of them got so far."""

    t_s: float
    arrived: int
    met: int
    ttft_s: Percentiles | None
    itl_s: Percentiles | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One run as a report draws it."""

    result: Result
    bin_s: int
    bins: tuple[Bin, ...]
    starts: tuple[Start, ...]


def tell(
    result: Result, trace: Trace, outcomes: Outcomes, fleet: FleetRecord, idle_ttft_s: IdleTtft
) -> Story:
    """Condense a run. A request is in the bin of its *arrival*: a miss shows when its cause began."""
    until_us = judged_until_us(trace)
    bin_s = bin_length_s(until_us / 1e6)
    done = completed_flags(outcomes, until_us)
    met = [ok for ok, _ in verdicts(trace, outcomes, done, result.scenario.slo, idle_ttft_s)]
    return Story(
        result=result,
        bin_s=bin_s,
        bins=tuple(_bins(trace, outcomes, met, done, bin_s)),
        starts=tuple(_starts(fleet.pods, until_us)),
    )


def bin_length_s(span_s: float) -> int:
    """The shortest nameable bin that cuts ``span_s`` into at most ``BINS_MAX``."""
    return next((length for length in BIN_LENGTHS_S if span_s / length <= BINS_MAX), BIN_LENGTHS_S[-1])


def _bins(
    trace: Trace, outcomes: Outcomes, met: Sequence[bool], done: bytearray, bin_s: int
) -> Iterable[Bin]:
    width_us = bin_s * 1_000_000
    first = 0
    for number in range(trace.arrival_us[-1] // width_us + 1 if len(trace) else 0):
        after = first
        while after < len(trace) and trace.arrival_us[after] < (number + 1) * width_us:
            after += 1
        span = range(first, after)
        yield Bin(
            t_s=float(number * bin_s),
            arrived=after - first,
            met=sum(met[first:after]),
            ttft_s=_percentiles(_ttfts_us(trace, outcomes, span)),
            itl_s=_percentiles(_gaps_us(trace, outcomes, done, span)),
        )
        first = after


def _ttfts_us(trace: Trace, outcomes: Outcomes, span: range) -> "array[int]":
    first_us, arrival_us = outcomes.first_token_us, trace.arrival_us
    return array("q", [first_us[i] - arrival_us[i] for i in span if first_us[i] >= 0])


def _gaps_us(trace: Trace, outcomes: Outcomes, done: bytearray, span: range) -> "array[int]":
    """Mean gap between tokens of each completed request with more than one."""
    first_us, last_us, tokens = outcomes.first_token_us, outcomes.finished_us, trace.output_tokens
    return array(
        "q", [(last_us[i] - first_us[i]) // (tokens[i] - 1) for i in span if done[i] and tokens[i] > 1]
    )


def _percentiles(values_us: "array[int]") -> Percentiles | None:
    if not values_us:
        return None
    ordered, n = sorted(values_us), len(values_us)
    p50, p90, p99 = (ordered[-(-percent * n // 100) - 1] / 1e6 for percent in (50, 90, 99))
    return Percentiles(p50=p50, p90=p90, p99=p99)


def _starts(pods: Iterable[PodRecord], until_us: int) -> Iterable[Start]:
    for pod in pods:
        if pod.start_class is StartClass.INITIAL or pod.created_us > until_us:
            continue
        ready = pod.ready_us is not None and pod.ready_us <= until_us
        ended_us = pod.ready_us if ready else pod.deleted_us
        yield Start(
            serial=pod.serial,
            kind=pod.start_class.value if pod.start_class else "unbound",
            created_s=pod.created_us / 1e6,
            ended_s=min(until_us, until_us if ended_us is None else ended_us) / 1e6,
            ready=ready,
        )
