"""The search on a plant in a few lines: beside all schedules of a grid, within its budget, twice the same."""

import math
from itertools import product

from simulations.oracle.fluid import Inflow
from simulations.oracle.schedules import Foresight, normal
from simulations.oracle.search import Search
from tests.oracle.fluid_fleet import FluidFleet

S = 1_000_000
KNOWN = Foresight(fewest=1, most=3, usual_start_us=60 * S)


def fleet() -> FluidFleet:
    """600 s: calm, two busy stretches that need 2 to 3 replicas, calm."""
    jobs, t_s = [], 0.0
    while t_s < 600:
        t_s += 1.0 if 150 <= t_s < 260 or 400 <= t_s < 520 else 3.0
        jobs.append((t_s, 2.2))
    return FluidFleet(jobs, start_s=60.0, patience_s=15.0, tail_s=100.0)


def search(plant: FluidFleet, misses: int, budget: int) -> Search:
    busy, arrivals = [0.0] * plant.bins, [0] * plant.bins
    for arrival_s, work_s in plant.jobs:
        at = round(arrival_s * 1e6) // plant.bin_us
        busy[at] += work_s * 1e6 / plant.bin_us
        arrivals[at] += 1
    inflow = Inflow(
        busy=busy,
        arrivals=arrivals,
        bin_us=plant.bin_us,
        end_us=plant.end_us,
        patience_s=15.0,
        fewest=1,
        most=3,
        start_us=60 * S,
    )
    found = Search(plant, KNOWN, misses, budget)
    found.run(inflow)
    return found


def test_no_schedule_of_a_grid_is_cheaper_by_more_than_a_hundredth() -> None:
    plant, best = fleet(), math.inf
    found = search(fleet(), 5, 80)
    slots = 7
    for replicas in product((1, 2, 3), repeat=slots):
        schedule = normal([(0, 1)] + [((1 + i) * 80 * S, n) for i, n in enumerate(replicas)])
        trial = plant.play(schedule)
        if trial.misses <= 5:
            best = min(best, trial.gpu_us)
    assert found.best.misses <= 5
    assert found.best.gpu_us <= 1.01 * best


def test_the_budget_is_kept_and_no_schedule_is_played_twice() -> None:
    plant = fleet()
    found = search(plant, 5, 17)
    assert found.plays <= 17
    assert len(plant.played) == len(set(plant.played)) == found.plays


def test_equal_searches_play_equal_schedules() -> None:
    first, second = fleet(), fleet()
    search(first, 5, 40)
    search(second, 5, 40)
    assert first.played == second.played


def test_a_schedule_that_is_handed_in_is_never_undercut_by_the_answer() -> None:
    plant = fleet()
    seed = ((0, 1), (90 * S, 3), (290 * S, 1), (340 * S, 3), (540 * S, 1))
    handed = plant.play(seed)
    found = Search(fleet(), KNOWN, handed.misses, 12)
    inflow = Inflow(
        busy=[0.5] * plant.bins,
        arrivals=[3] * plant.bins,
        bin_us=plant.bin_us,
        end_us=plant.end_us,
        patience_s=15.0,
        fewest=1,
        most=3,
        start_us=60 * S,
    )
    best = found.run(inflow, [seed])
    assert best.misses <= handed.misses
    assert best.gpu_us <= handed.gpu_us


def test_a_target_out_of_reach_is_lowered_to_what_the_whole_fleet_can_do() -> None:
    jobs = [(float(t), 2.5) for t in range(300)]
    plant = FluidFleet(jobs, start_s=60.0, patience_s=5.0)
    whole = plant.play(((0, 3),)).misses
    found = search(FluidFleet(jobs, start_s=60.0, patience_s=5.0), 0, 40)
    assert whole > 0
    assert whole <= found.allowed <= math.ceil(1.02 * whole)
    assert found.best.misses <= found.allowed
