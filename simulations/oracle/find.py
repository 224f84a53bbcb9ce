"""``--policy oracle``: from a scenario and a trace to the run of the cheapest schedule found."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from simulations.accounting import judged_until_us
from simulations.engine.resolve import resolve
from simulations.lower_bound import misses_allowed
from simulations.oracle.demand_profile import busy_replicas
from simulations.oracle.evaluate import Evaluator, Plant
from simulations.oracle.fluid import Inflow
from simulations.oracle.schedules import Foresight, Steps
from simulations.oracle.search import OnPlay, Search
from simulations.oracle.starts import starts_us
from simulations.requests import Trace
from simulations.run import Run, play
from simulations.scenario import Scenario

_BINS = 600
"""Bins of a whole run, within the shortest and the longest bin below."""
_SHORTEST_BIN_US, _LONGEST_BIN_US = 5_000_000, 60_000_000
_REQUESTS_PLAYED = 4_000_000
"""Requests that a search may simulate in all; it decides the number of plays, within the bounds below."""
_FEWEST_PLAYS, _MOST_PLAYS = 12, 80
_KNOWN_STARTS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The cheapest schedule found, and what it was found with."""

    schedule: Steps
    """(µs, replicas): writes of ``spec.replicas``."""
    gpu_us: int
    misses: int
    misses_allowed: int
    reachable: bool
    """False: even the whole fleet from the beginning misses more than the target allows; then the cheapest
    schedule was sought that misses hardly more than that."""
    plays: int


def budget(requests: int) -> int:
    """Runs of the plant that a search may make: 80 for 19,000 requests, 25 for 155,000, 12 for 373,000."""
    return min(_MOST_PLAYS, max(_FEWEST_PLAYS, _REQUESTS_PLAYED // max(1, requests)))


def find(
    scenario: Scenario,
    trace: Trace,
    seed: int,
    attainment_ratio: float,
    *,
    seeds: Sequence[Steps] = (),
    plays: int | None = None,
    on_play: OnPlay | None = None,
) -> Found:
    """The cheapest schedule found at which ``attainment_ratio`` (0-1) of all requests meet the SLO.

    ``seeds``: schedules that other policies came to, as (µs, replicas) from 0 on; the search never ends
    dearer than the best of them. Equal arguments give equal answers.
    """
    allowed = misses_allowed(len(trace), attainment_ratio)
    plant = Plant(scenario, trace, seed, _bin_us(trace))
    search = Search(
        plant, _foresight(scenario, seed), allowed, plays or budget(len(trace)) + len(seeds), on_play
    )
    best = search.run(inflow(scenario, trace, plant, search.known), seeds)
    return Found(
        schedule=best.schedule,
        gpu_us=best.gpu_us,
        misses=best.misses,
        misses_allowed=search.allowed,
        reachable=search.allowed == allowed,
        plays=search.plays,
    )


def oracle(
    scenario: Scenario,
    trace: Trace,
    seed: int,
    attainment_ratio: float,
    *,
    seeds: Sequence[Steps] = (),
    plays: int | None = None,
    on_play: OnPlay | None = None,
) -> Run:
    """The run of the schedule that :func:`find` finds; a note says what target it was sought for."""
    found = find(scenario, trace, seed, attainment_ratio, seeds=seeds, plays=plays, on_play=on_play)
    noted = dataclasses.replace(trace, notes=(*trace.notes, _note(found, len(trace), attainment_ratio)))
    return play(scenario, noted, "oracle", seed, schedule=list(found.schedule))


def inflow(scenario: Scenario, trace: Trace, plant: Evaluator, known: Foresight) -> Inflow:
    """The trace as a fluid."""
    arrivals = [0] * plant.bins
    for arrival_us in trace.arrival_us:
        arrivals[arrival_us // plant.bin_us] += 1
    spec = resolve(scenario.engine)
    return Inflow(
        busy=busy_replicas(spec, scenario.slo, trace, plant.bin_us, plant.bins),
        arrivals=arrivals,
        bin_us=plant.bin_us,
        end_us=plant.end_us,
        patience_s=scenario.slo.ttft_ms / 1000,
        fewest=known.fewest,
        most=known.most,
        start_us=known.usual_start_us,
    )


def _note(found: Found, requests: int, attainment_ratio: float) -> str:
    if found.reachable:
        return f"oracle: cheapest of {found.plays} schedules at {100 * attainment_ratio:g} % attainment"
    most = 100 * (1 - found.misses_allowed / max(1, requests))
    return (
        f"oracle: no schedule reaches {100 * attainment_ratio:g} % with this fleet, which begins at "
        f"min_replicas; cheapest of {found.plays} schedules at {most:.2f} %"
    )


def _bin_us(trace: Trace) -> int:
    even_us = judged_until_us(trace) // _BINS
    return min(_LONGEST_BIN_US, max(_SHORTEST_BIN_US, even_us))


def _foresight(scenario: Scenario, seed: int) -> Foresight:
    fleet = scenario.cluster
    starts = starts_us(scenario, seed, min(_KNOWN_STARTS, fleet.min_replicas + 64 * fleet.max_replicas))
    ordered = sorted(starts)
    return Foresight(
        fewest=fleet.min_replicas,
        most=fleet.max_replicas,
        usual_start_us=ordered[len(ordered) // 2],
        starts_us=starts[fleet.min_replicas :],
    )
