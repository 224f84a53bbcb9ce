"""The best time-of-day table of replicas for a trace, with hindsight: what the policy ``schedule`` runs by.

A first pass over the trace gives the shape: tokens per minute over what one replica could work off (a guess
from an idle engine's speed; the level of it does not matter). Multiples of the shape are played through the
plant, and each tells for every slot of the day how many requests miss with so many replicas. From these
points every slot takes the number of replicas that is worth its price, at one price of a miss for the whole
day, the one at which the allowed misses are just spent; that table is played as well, and corrected by what
it shows. The answer is the cheapest table that was played and keeps the goal, or the one with the fewest
misses where none does.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from simulations.accounting import completed_flags, gpu_time_us, judged_until_us, verdicts
from simulations.control import Schedule
from simulations.policies import profiling
from simulations.policies.mix import of_trace
from simulations.policies.parameters import read
from simulations.policies.schedule import DAY_S, Settings, Table, as_text, lead_s, parse, writes
from simulations.requests import Trace
from simulations.run import Run, play
from simulations.scenario import Scenario

STEP = 1.4
"""From one multiple of the guessed demand to the next."""
STEPS_MAX = 8
"""Multiples that are played, up or down, before the search gives up on that side."""
ENOUGH = 4
"""A side is done with a quarter of the allowed misses, or with four times as many."""
CORRECTIONS = 4
"""Tables made of single slots' choices that are played after the multiples."""
_BIN_S = 60
_HALVINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One table that was played."""

    replicas: tuple[int, ...]
    """By slot of the day."""
    gpu_us: int
    misses: tuple[int, ...]
    """Requests that arrived in the slot, of any day, and missed."""


def settle(scenario: Scenario, trace: Trace, seed: int) -> tuple[Scenario, Schedule]:
    """The scenario with its table in ``policy.table``, and what to write to ``spec.replicas`` when."""
    settings = read(Settings, "schedule", scenario.policy)
    early_s = lead_s(settings, scenario)
    if not settings.table:
        table = best(scenario, trace, seed, settings, early_s)
        settings = dataclasses.replace(settings, table=as_text(table))
        scenario = scenario.model_copy(update={"policy": {**scenario.policy, "table": settings.table}})
    return scenario, _bounded(writes(parse(settings.table), early_s, judged_until_us(trace)), scenario)


def best(scenario: Scenario, trace: Trace, seed: int, settings: Settings, early_s: float) -> Table:
    """The cheapest table found. Deterministic; about eight runs of the plant."""
    slots = _Slots(settings.slot_s, scenario.cluster.min_replicas, scenario.cluster.max_replicas)
    goal = scenario.slo.target if settings.goal is None else settings.goal

    def through_the_plant(replicas: tuple[int, ...]) -> Trial:
        return _play(scenario, trace, seed, slots, replicas, early_s)

    search = Search(through_the_plant, allowed=int((1 - goal) * len(trace)))
    demand = slots.demand(scenario, trace)
    for factor, done in ((STEP, search.is_large), (1 / STEP, search.is_small)):
        for power in range(STEPS_MAX):
            if done(search.play(slots.bounded([math.ceil(busy * factor**power) for busy in demand]))):
                break
    search.correct()
    return slots.table(search.best)


class Search:
    """Tables that were played, and what to play next."""

    def __init__(self, plant: Callable[[tuple[int, ...]], Trial], *, allowed: int) -> None:
        self._plant = plant
        self._allowed = allowed
        """Misses that a table may have."""
        self.trials: dict[tuple[int, ...], Trial] = {}

    @property
    def best(self) -> tuple[int, ...]:
        """The cheapest table that keeps the goal; where none does, the one with the fewest misses."""
        return min(self.trials.values(), key=self._rank).replicas

    def _rank(self, trial: Trial) -> tuple[int, int, tuple[int, ...]]:
        return max(0, sum(trial.misses) - self._allowed), trial.gpu_us, trial.replicas

    def play(self, replicas: tuple[int, ...]) -> int:
        """Plays a table, if it is new; how many requests miss with it."""
        if replicas not in self.trials:
            self.trials[replicas] = self._plant(replicas)
        return sum(self.trials[replicas].misses)

    def is_large(self, misses: int) -> bool:
        """Whether a fleet with so few misses need not be made larger."""
        return misses * ENOUGH <= self._allowed

    def is_small(self, misses: int) -> bool:
        """Whether a fleet with so many misses need not be made smaller."""
        return misses > self._allowed * ENOUGH

    def correct(self) -> None:
        """Plays what single slots would choose; aims at fewer misses after too many, at more after few."""
        target = float(self._allowed)
        for _ in range(CORRECTIONS):
            known = len(self.trials)
            excess = self.play(choose(list(self.trials.values()), target)) - self._allowed
            if excess <= 0 and len(self.trials) == known:
                return
            target = min(max(0.0, target - 1.2 * excess), 2.0 * self._allowed)


class _Slots:
    """The day cut into slots of one length."""

    def __init__(self, slot_s: int, fewest: int, most: int) -> None:
        self.slot_s, self.count = slot_s, -(-DAY_S // slot_s)
        self._fewest, self._most = fewest, most

    def of(self, t_us: int) -> int:
        """The slot of the day at ``t_us``."""
        return t_us // 1_000_000 % DAY_S // self.slot_s

    def bounded(self, replicas: Sequence[int]) -> tuple[int, ...]:
        """Within the fleet's bounds."""
        return tuple(min(max(n, self._fewest), self._most) for n in replicas)

    def table(self, replicas: Sequence[int]) -> Table:
        """One entry a slot."""
        return tuple((slot * self.slot_s, n) for slot, n in enumerate(replicas))

    def demand(self, scenario: Scenario, trace: Trace) -> list[float]:
        """Replicas that the busiest minute of each slot would keep busy, by the guess."""
        work_s = _work_by_minute(scenario, trace)
        busy = [0.0] * self.count
        for minute, seconds in enumerate(work_s):
            slot = self.of(minute * _BIN_S * 1_000_000)
            busy[slot] = max(busy[slot], seconds / _BIN_S)
        return busy


def _work_by_minute(scenario: Scenario, trace: Trace) -> list[float]:
    """Seconds of one replica's work that arrive in each minute: prompt tokens at the speed of prefill, output
    tokens at the speed of the largest batch that still meets the SLO."""
    profile, mix = profiling.measure(scenario.engine), of_trace(trace)
    batch = profiling.concurrency_limit(profile, mix, scenario.slo)
    prompt_s = 1 / profiling.prefill_velocity(profile)
    output_s = profile.step_s(0.0, batch, batch * mix.resident_tokens) / batch
    work = [0.0] * (judged_until_us(trace) // (_BIN_S * 1_000_000) + 1)
    for arrival, prompt, output in zip(
        trace.arrival_us, trace.input_tokens, trace.output_tokens, strict=True
    ):
        work[arrival // (_BIN_S * 1_000_000)] += prompt * prompt_s + output * output_s
    return work


def _play(
    scenario: Scenario, trace: Trace, seed: int, slots: _Slots, replicas: tuple[int, ...], early_s: float
) -> Trial:
    until_us = judged_until_us(trace)
    schedule = _bounded(writes(slots.table(replicas), early_s, until_us), scenario)
    run = play(scenario, trace, "schedule", seed, schedule=schedule, timeline=False)
    return Trial(
        replicas=replicas, gpu_us=gpu_time_us(run.fleet, until_us), misses=_misses(run, slots, until_us)
    )


def _misses(run: Run, slots: _Slots, until_us: int) -> tuple[int, ...]:
    counts = [0] * slots.count
    done = completed_flags(run.outcomes, until_us)
    met = verdicts(run.trace, run.outcomes, done, run.scenario.slo, cache(run.idle_ttft_s))
    for arrival, (good, _) in zip(run.trace.arrival_us, met, strict=True):
        counts[slots.of(arrival)] += not good
    return tuple(counts)


def _bounded(schedule: Schedule, scenario: Scenario) -> Schedule:
    bounds = scenario.cluster
    return [(t_us, min(max(n, bounds.min_replicas), bounds.max_replicas)) for t_us, n in schedule]


def choose(trials: Sequence[Trial], misses: float) -> tuple[int, ...]:
    """For each slot one of the numbers that were played in it, so that about ``misses`` are missed in all.

    At a price of p replica-slots for each miss a slot takes the number with the least n + p · misses; the
    price is halved in until the sum fits. Worked: 4 replicas miss 10, 5 miss 1: five from a price of 1/9 on.
    """
    points = [_points(trials, slot) for slot in range(len(trials[0].replicas))]
    low, high = 0.0, 1e6
    for _ in range(_HALVINGS):
        price = math.sqrt(low * high) if low > 0 else high / 1e3
        if sum(_cheapest(slot, price)[1] for slot in points) > misses:
            low = price
        else:
            high = price
    return tuple(_cheapest(slot, high)[0] for slot in points)


def _points(trials: Sequence[Trial], slot: int) -> list[tuple[int, float]]:
    """(replicas, misses) in one slot: the mean of the trials that had so many there."""
    seen: dict[int, list[int]] = {}
    for trial in trials:
        seen.setdefault(trial.replicas[slot], []).append(trial.misses[slot])
    return [(n, sum(misses) / len(misses)) for n, misses in sorted(seen.items())]


def _cheapest(points: Sequence[tuple[int, float]], price: float) -> tuple[int, float]:
    return min(points, key=lambda point: (point[0] + price * point[1], point[0]))
