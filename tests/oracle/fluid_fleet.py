"""A plant in a few lines: pooled servers of unit speed, fixed starts, first come first served. For tests."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence

from simulations.oracle.evaluate import Trial
from simulations.oracle.schedules import Steps, from_lives, normal


class FluidFleet:
    """``jobs``: (arrival s, work s), sorted. A job misses when it is not done ``patience_s`` after its
    arrival."""

    def __init__(
        self,
        jobs: Sequence[tuple[float, float]],
        *,
        fewest: int = 1,
        start_s: float = 100.0,
        patience_s: float = 10.0,
        bin_s: float = 10.0,
        tail_s: float = 300.0,
    ) -> None:
        self.jobs, self._fewest = jobs, fewest
        self.replica_gpus = 1
        self._start_us, self._patience_s = round(start_s * 1e6), patience_s
        self.bin_us = round(bin_s * 1e6)
        self.end_us = round((jobs[-1][0] + tail_s) * 1e6)
        self.bins = -(-self.end_us // self.bin_us)
        self.played: list[Steps] = []

    def play(self, schedule: Steps) -> Trial:
        self.played.append(schedule)
        pods = self._pods(schedule)
        ready = from_lives(
            [(1, bound if first else bound + self._start_us, stop) for first, bound, stop in pods],
            self.end_us,
        )
        missed, waiting = self._serve(ready)
        held, started = array("q", [0]) * self.bins, array("q", [0]) * self.bins
        for first, bound, stop in pods:
            begin = bound if first else bound + self._start_us
            for at in range(begin // self.bin_us, self.bins):
                held[at] += max(0, min(stop, (at + 1) * self.bin_us) - max(begin, at * self.bin_us))
            if not first and begin < stop:
                started[begin // self.bin_us] += self._start_us
        return Trial(
            schedule=schedule,
            gpu_us=sum(stop - bound for _, bound, stop in pods),
            misses=sum(missed),
            ready=ready,
            wanted=ready,
            starts_us=tuple(
                self._start_us if bound + self._start_us < stop else 0
                for first, bound, stop in pods
                if not first
            ),
            missed=missed,
            waiting=waiting,
            held_us=held,
            started_us=started,
        )

    def _pods(self, schedule: Steps) -> list[tuple[bool, int, int]]:
        """(there from the beginning, from, to), in order of creation; the newest go first."""
        alive = [(True, 0)] * self._fewest
        gone: list[tuple[int, bool, int, int]] = []
        for t_us, replicas in normal([*schedule]):
            if t_us >= self.end_us:
                break
            while len(alive) > replicas:
                first, bound = alive.pop()
                gone.append((len(gone), first, bound, t_us))
            alive += [(False, t_us)] * (replicas - len(alive))
        pods = [(first, bound, stop) for _, first, bound, stop in gone]
        pods += [(first, bound, self.end_us) for first, bound in alive]
        return sorted(pods, key=lambda pod: (not pod[0], pod[1]))

    def _serve(self, ready: Steps) -> tuple["array[int]", "array[int]"]:
        missed, waiting = array("q", [0]) * self.bins, array("q", [0]) * self.bins
        times = [t_us for t_us, _ in ready]
        done_us = 0.0
        for arrival_s, work_s in self.jobs:
            arrival_us, left = round(arrival_s * 1e6), work_s * 1e6
            now = max(float(arrival_us), done_us)
            while left > 0 and now < self.end_us:
                at = bisect_right(times, now) - 1
                until = times[at + 1] if at + 1 < len(times) else self.end_us
                done = min(left, (until - now) * ready[at][1])
                left -= done
                now = until if left > 0 else now + done / ready[at][1]
            done_us = now
            late = left > 0 or now - arrival_us > self._patience_s * 1e6
            missed[arrival_us // self.bin_us] += late
            for at in range(arrival_us // self.bin_us + 1, min(self.bins, int(now) // self.bin_us + 1)):
                waiting[at] += 1
        return missed, waiting
