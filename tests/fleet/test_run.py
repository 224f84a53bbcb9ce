"""One run end to end, on the real engine: equal seeds, schedules, static fleets, rows, progress."""

import json
from itertools import pairwise
from typing import Any

import pytest

from simulations.accounting import GRACE_US
from simulations.errors import InputError
from simulations.fleet.tenants import foreign_gpus
from simulations.requests import ABSENT, Trace
from simulations.result import StartClass
from simulations.run import play, simulate
from simulations.scenario import Scenario
from tests.fleet.builders import S, a_scenario, a_trace


def steady(n: int, gap_s: float = 0.25, tokens: tuple[int, int] = (500, 60)) -> Trace:
    return a_trace(*((index * gap_s, *tokens) for index in range(n)))


BUSY = steady(1500, 0.02, (1500, 150))
"""50 requests a second for 30 s: more than one H100 serves."""


def without_machine(document: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(document)
    del content["run"]
    return content


def test_the_same_seed_gives_the_same_bytes_but_for_the_machines_part() -> None:
    scenario = a_scenario(cold_start={"seconds": 20, "jitter": 0.3, "failure": 0.2})
    first, second = (simulate(scenario, BUSY, "inflight", 7).to_json() for _ in range(2))
    assert without_machine(first) == without_machine(second)


def test_another_seed_gives_another_run() -> None:
    scenario = a_scenario(cold_start={"seconds": 20, "jitter": 0.3})
    first, second = (simulate(scenario, BUSY, "static:3", seed) for seed in (1, 2))
    assert first.ttft_s != second.ttft_s


def test_a_static_fleet_is_its_first_replicas_and_cold_starts_for_the_rest() -> None:
    run = play(a_scenario(cold_start={"seconds": 20}), BUSY, "static:3", 1)
    assert [pod.ready_us for pod in run.fleet.pods] == [0, 20 * S, 20 * S]
    assert [pod.start_class for pod in run.fleet.pods] == [StartClass.INITIAL, *[StartClass.CACHED] * 2]
    assert [(c.before, c.after) for c in run.fleet.changes] == [(1, 3)]


def test_more_replicas_serve_better_and_cost_more() -> None:
    scenario = a_scenario(cluster={"min_replicas": 1}, cold_start={"seconds": 5})
    one, four = (simulate(scenario, BUSY, f"static:{n}", 1) for n in (1, 4))
    assert one.ttft_s.p99 is not None
    assert four.ttft_s.p99 is not None
    assert four.ttft_s.p99 < one.ttft_s.p99
    assert four.gpu_hours == pytest.approx(4 * one.gpu_hours)


def test_a_schedule_is_followed_to_the_microsecond() -> None:
    schedule = [(3 * S + 1, 4), (60 * S, 2)]
    run = play(a_scenario(cold_start={"seconds": 10}), BUSY, "oracle", 1, schedule=schedule, timeline=False)
    assert [(c.at_us, c.after) for c in run.fleet.changes] == schedule
    assert run.fleet.timeline == ()


def test_a_fleet_without_ticks_scrapes_and_rows_serves_the_same_requests() -> None:
    scenario = a_scenario(cold_start={"seconds": 10})
    bare = play(scenario, BUSY, "oracle", 1, schedule=[(0, 2)], timeline=False)
    full = play(scenario, BUSY, "static:2", 1)
    assert bare.outcomes == full.outcomes


def test_rows_come_every_five_seconds_until_the_end_of_the_judged_span() -> None:
    trace = steady(100)
    rows = simulate(a_scenario(), trace, "static:2", 1).timeline
    assert [row.t_us for row in rows] == list(range(0, trace.arrival_us[-1] + GRACE_US + 1, 5 * S))
    first, later = rows[0], rows[1]
    assert (first.spec, first.ready, first.pending, first.wanted) == (2, 1, 1, 2)
    assert later.arrival_rps == pytest.approx(4)
    assert later.kv is not None
    assert 0 < later.kv < 0.1


def test_the_reason_of_a_scaling_is_in_its_row() -> None:
    rows = simulate(a_scenario(cold_start={"seconds": 10}), BUSY, "inflight", 1).timeline
    up = next(row for before, row in pairwise(rows) if row.spec > before.spec)
    assert "HPA 1→" in up.reason


def test_progress_is_told_and_ends_at_one() -> None:
    told: list[float] = []
    simulate(a_scenario(), steady(50), "static:1", 1, on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1, abs=0.01)


def test_an_empty_trace_is_a_run_too() -> None:
    result = simulate(a_scenario(), a_trace(), "oracle", 1, schedule=[])
    assert (result.requests, result.slo_attainment) == (0, None)
    assert result.gpu_hours == pytest.approx(300 / 3600)


def test_from_zero_and_back_to_zero() -> None:
    """KEDA wakes the fleet for a request that the router holds, and puts it to sleep after its cool-down."""
    scenario = a_scenario(
        cluster={"min_replicas": 0},
        cold_start={"seconds": 30},
        keda={"polling_s": 10, "cooldown_s": 60},
        hpa={"scale_down": {"stabilization_s": 0}},
    )
    run = play(scenario, a_trace((100, 200, 20), (600, 10, 1)), "inflight", 1)
    assert [change.after for change in run.fleet.changes] == [1, 0, 1, 0]
    assert ABSENT not in run.outcomes.finished_us
    assert run.judge().cold_starts == (("cached", 2), ("uncached", 0), ("new_node", 0))


def test_an_engine_that_was_made_slower_serves_worse() -> None:
    changed = a_scenario(
        cold_start={"seconds": 1},
        changes=[{"at_s": 0, "engine": {"max_num_seqs": 2}}],  # type: ignore[arg-type]
    )
    plain = a_scenario(cold_start={"seconds": 1})
    slow, fast = (simulate(scenario, steady(200), "static:1", 1) for scenario in (changed, plain))
    assert slow.ttft_s.mean is not None
    assert fast.ttft_s.mean is not None
    assert slow.ttft_s.mean > 2 * fast.ttft_s.mean


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        pytest.param("static", "static has no number of replicas", id="no number"),
        pytest.param("static:9", "more than cluster.max_replicas", id="above the bound"),
        pytest.param("hearht", "unknown policy 'hearht'", id="a typing error"),
        pytest.param("oracle", "search over schedules", id="a search, not a law"),
    ],
)
def test_a_policy_that_cannot_run(policy: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        play(Scenario(), a_trace((0, 1, 1)), policy, 1)


def test_two_models_on_the_same_gpus() -> None:
    """What the first model's run held is taken from the second one's fleet, to the microsecond."""
    first = play(
        a_scenario(cold_start={"seconds": 10}), BUSY, "oracle", 1, schedule=[(5 * S, 3), (100 * S, 1)]
    )
    held = foreign_gpus(first.fleet.pods, 330 * S)
    shared = a_scenario(
        cluster={"nodes": 1, "gpus_per_node": 4, "foreign_gpus": held}, cold_start={"seconds": 10}
    )
    second = play(shared, BUSY, "oracle", 1, schedule=[(20 * S, 3)])
    assert [pod.bound_us for pod in second.fleet.pods[:1]] == [0]
    freed_us = sorted(pod.deleted_us for pod in first.fleet.pods if pod.deleted_us is not None)
    assert [pod.bound_us for pod in second.fleet.pods[1:]] == freed_us
