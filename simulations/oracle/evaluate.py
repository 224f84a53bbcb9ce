"""One schedule played through the plant, and what a search needs to know of how it went."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from simulations.accounting import completed_flags, gpu_time_us, judged_until_us, verdicts
from simulations.oracle.schedules import Steps, normal
from simulations.requests import ABSENT, Trace
from simulations.result import FleetRecord, PodRecord
from simulations.run import Run, play
from simulations.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A schedule that was played. Columns have one entry for each bin of the judged span."""

    schedule: Steps
    gpu_us: int
    misses: int
    ready: Steps
    """Replicas that served and were meant to stay, over time."""
    wanted: Steps
    """What the schedule was made from; ``ready`` where it came from elsewhere. Not the same: a pod that is
    asked for only because the one before it is slow leaves no trace in ``ready``."""
    starts_us: tuple[int, ...]
    """Creation to ready of the pods that were created after the first ones, in their order; 0: never
    ready."""
    missed: "array[int]"
    """Requests that arrived in the bin and missed."""
    waiting: "array[int]"
    """Requests that were waiting for their first token when the bin began."""
    held_us: "array[int]"
    """Replica time from ready to deleted."""
    started_us: "array[int]"
    """What the replicas that became ready in the bin had cost until then."""


class Evaluator(Protocol):
    """Plays schedules. Equal schedules give equal trials."""

    bin_us: int
    bins: int
    end_us: int
    replica_gpus: int

    def play(self, schedule: Steps) -> Trial:
        """One run of the plant."""
        ...


class Plant:
    """The simulator itself: every trial is a whole run, request by request."""

    def __init__(self, scenario: Scenario, trace: Trace, seed: int, bin_us: int) -> None:
        self._scenario, self._trace, self._seed = scenario, trace, seed
        self.bin_us = bin_us
        self.end_us = judged_until_us(trace)
        self.bins = -(-self.end_us // bin_us)
        self.replica_gpus = scenario.engine.tensor_parallel

    def play(self, schedule: Steps) -> Trial:
        """One run of the plant under ``schedule``."""
        run = play(self._scenario, self._trace, "oracle", self._seed, schedule=list(schedule), timeline=False)
        missed, waiting, misses = self._columns(run)
        fleet, first = run.fleet, self._scenario.cluster.min_replicas
        ready = serving(fleet, schedule, self.end_us)
        return Trial(
            schedule=schedule,
            gpu_us=gpu_time_us(fleet, self.end_us),
            misses=misses,
            ready=ready,
            wanted=ready,
            starts_us=tuple(_start_us(pod) for pod in fleet.pods[first:]),
            missed=missed,
            waiting=waiting,
            held_us=self._held(fleet),
            started_us=self._started(fleet),
        )

    def _columns(self, run: Run) -> tuple["array[int]", "array[int]", int]:
        missed, change = array("q", [0]) * self.bins, array("q", [0]) * (self.bins + 1)
        bin_us, end_us, misses = self.bin_us, self.end_us, 0
        done = completed_flags(run.outcomes, end_us)
        met = verdicts(self._trace, run.outcomes, done, self._scenario.slo, cache(run.idle_ttft_s))
        firsts, dropped = run.outcomes.first_token_us, run.outcomes.dropped_us
        for i, (arrival, first, (good, _)) in enumerate(
            zip(self._trace.arrival_us, firsts, met, strict=True)
        ):
            at = arrival // bin_us
            if not good:
                missed[at] += 1
                misses += 1
            until = (first if first != ABSENT else dropped[i] if dropped[i] != ABSENT else end_us) // bin_us
            if until > at:
                change[at + 1] += 1
                change[min(until + 1, self.bins)] -= 1
        total, waiting = 0, array("q", [0]) * self.bins
        for at in range(self.bins):
            total += change[at]
            waiting[at] = total
        return missed, waiting, misses

    def _held(self, fleet: FleetRecord) -> "array[int]":
        held, bin_us = array("q", [0]) * self.bins, self.bin_us
        for start_us, stop_us in _served(fleet, self.end_us):
            first, last = start_us // bin_us, min(stop_us // bin_us, self.bins - 1)
            if first == last:
                held[first] += stop_us - start_us
                continue
            held[first] += (first + 1) * bin_us - start_us
            held[last] += stop_us - last * bin_us
            for at in range(first + 1, last):
                held[at] += bin_us
        return held

    def _started(self, fleet: FleetRecord) -> "array[int]":
        started = array("q", [0]) * self.bins
        for pod in fleet.pods:
            if pod.ready_us is not None and pod.bound_us is not None and pod.ready_us < self.end_us:
                started[pod.ready_us // self.bin_us] += pod.ready_us - pod.bound_us
        return started


def _start_us(pod: PodRecord) -> int:
    return 0 if pod.ready_us is None else pod.ready_us - pod.created_us


def _served(fleet: FleetRecord, end_us: int) -> Iterator[tuple[int, int]]:
    for pod in fleet.pods:
        if pod.ready_us is not None and pod.ready_us < end_us:
            yield pod.ready_us, end_us if pod.deleted_us is None else min(pod.deleted_us, end_us)


def serving(fleet: FleetRecord, schedule: Steps, end_us: int) -> Steps:
    """Ready replicas over time, without those that only drain: never more than the schedule asks for."""
    edges = sorted(edge for start, stop in _served(fleet, end_us) for edge in ((start, 1), (stop, -1)))
    times = [t_us for t_us, _ in schedule]
    total, moments = 0, dict.fromkeys(times, 0)
    ready = [(0, 0)]
    for t_us, change in edges:
        total += change
        ready.append((t_us, total))
        moments[t_us] = 0
    ready_times = [t_us for t_us, _ in ready]
    steps = []
    for t_us in sorted(t for t in moments if t < end_us):
        up = ready[bisect_right(ready_times, t_us) - 1][1]
        steps.append((t_us, min(up, schedule[bisect_right(times, t_us) - 1][1])))
    return normal(steps)
