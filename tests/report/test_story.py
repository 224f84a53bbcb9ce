"""From a run's columns to what the charts show."""

import pytest

from simulations.report import story, thin
from simulations.report.timeline import _lanes
from simulations.requests import Outcomes, Trace
from simulations.result import FleetRecord, PodRecord, StartClass, TimelineRow
from tests.report.builders import a_result, rows

S = 1_000_000


def told(
    arrivals_s: list[int], firsts_s: list[float | None], pods: tuple[PodRecord, ...] = ()
) -> story.Story:
    """Two output tokens each, the second 20 ms after the first."""
    n = len(arrivals_s)
    trace = Trace(
        name="t", arrival_us=[s * S for s in arrivals_s], input_tokens=[10] * n, output_tokens=[2] * n
    )
    outcomes = Outcomes(n)
    for i, first_s in enumerate(firsts_s):
        if first_s is not None:
            outcomes.first_token_us[i] = round(first_s * S)
            outcomes.finished_us[i] = round(first_s * S) + 20_000
    return story.tell(a_result(), trace, outcomes, FleetRecord(pods=pods), lambda _tokens: 0.1)


BIN_LENGTHS = [
    pytest.param(600, 5, id="ten minutes"),
    pytest.param(3_900, 30, id="an hour and its grace"),
    pytest.param(86_700, 600, id="a day and its grace"),
    pytest.param(10_000_000, 3600, id="four months"),
]


@pytest.mark.parametrize(("span_s", "want"), BIN_LENGTHS)
def test_bins_have_a_length_that_people_name(span_s: float, want: int) -> None:
    assert story.bin_length_s(span_s) == want


def test_requests_count_where_they_arrived_and_a_missing_one_is_a_miss() -> None:
    found = told([0, 1, 12], [0.1, 3.0, None])
    assert found.bin_s == 5
    assert [(b.t_s, b.arrived, b.met) for b in found.bins] == [(0, 2, 1), (5, 0, 0), (10, 1, 0)]
    assert found.bins[1].ttft_s is None
    assert found.bins[2].ttft_s is None
    assert found.bins[0].ttft_s == story.Percentiles(p50=0.1, p90=2.0, p99=2.0)
    assert found.bins[0].itl_s == story.Percentiles(p50=0.02, p90=0.02, p99=0.02)


def test_cold_starts_are_those_after_the_beginning_and_end_with_ready_death_or_the_run() -> None:
    pods = (
        PodRecord(serial=0, gpus=1, created_us=0, bound_us=0, ready_us=0, start_class=StartClass.INITIAL),
        PodRecord(
            serial=1, gpus=1, created_us=5 * S, bound_us=6 * S, ready_us=9 * S, start_class=StartClass.CACHED
        ),
        PodRecord(serial=2, gpus=1, created_us=5 * S, deleted_us=8 * S),
        PodRecord(serial=3, gpus=1, created_us=7 * S, bound_us=8 * S, start_class=StartClass.UNCACHED),
    )
    found = told([0], [0.1], pods).starts
    assert [(s.serial, s.kind, s.created_s, s.ended_s, s.ready) for s in found] == [
        (1, "cached", 5.0, 9.0, True),
        (2, "unbound", 5.0, 8.0, False),
        (3, "uncached", 7.0, 300.0, False),
    ]


def test_thinning_keeps_every_change_of_a_count_and_the_worst_moment_of_each_stretch() -> None:
    day = rows(86_400)
    assert set(thin.moved(day)) <= set(thin.moved(thin.changes(day)))
    assert len(thin.worst(day, 700)) <= 700
    assert max(row.waiting for row in thin.worst(day, 50)) == max(row.waiting for row in day)
    assert max(row.wanted or 0 for row in thin.asked(day, 50)) == max(row.wanted or 0 for row in day)
    assert thin.worst(day[:10], 50) == day[:10]


def test_moves_carry_what_they_moved_from() -> None:
    found = [(before, row.spec) for row, before in thin.moved(_specs(1, 1, 3, 2))]
    assert found == [(1, 3), (3, 2)]


def test_starts_at_once_lie_in_lanes_of_their_own() -> None:
    starts = [
        story.Start(serial=i, kind="cached", created_s=a, ended_s=b, ready=True)
        for i, (a, b) in enumerate([(0, 10), (5, 15), (10, 20), (12, 14)])
    ]
    assert _lanes(starts) == [0, 1, 0, 2]


def _specs(*specs: int) -> list[TimelineRow]:
    return [
        TimelineRow(
            t_us=i * S,
            wanted=None,
            spec=n,
            ready=n,
            pending=0,
            waiting=0,
            running=0,
            kv=None,
            arrival_rps=0,
            reason="",
        )
        for i, n in enumerate(specs)
    ]
