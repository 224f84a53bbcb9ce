"""From columns to figures and rows: the simulator's rules, and counts that add up."""

import csv
import io
import json
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.accounting import distribution, latencies
from simulations.cli.per_request import COLUMNS as SIMULATED
from simulations.load.recording import Failure, Recording
from simulations.load.rows import COLUMNS, write_rows
from simulations.load.stream import Stream
from simulations.load.summary import summarize
from simulations.scenario import Slo
from tests.load.builders import trace

SLO = Slo()


def answer(first_us: int, gaps_us: list[int], *, tokens_in: int = 20) -> Stream:
    got = Stream()
    got.first_us, got.last_us = first_us, first_us + sum(gaps_us)
    got.gaps_us = array("q", gaps_us)
    got.tokens_out, got.chunks, got.tokens_in = len(gaps_us) + 1, len(gaps_us) + 1, tokens_in
    return got


def recorded() -> Recording:
    """Due at 0, 1, 2, 3, 4 ms: answered, cut short by the server, failed, under way, never sent."""
    got = Recording(trace(5, output_tokens=5))
    for index in range(4):
        got.began(index, 1000 * index + 100)
    got.succeeded(0, answer(50_000, [10_000, 20_000, 30_000, 40_000]), 150_000)
    got.succeeded(1, answer(2_000_000, [1000]), 2_001_000)
    got.status[2] = 503
    got.failed(2, Failure.STATUS, "overloaded", Stream())
    got.began(2, 9000)
    got.failed(2, Failure.STATUS, "still overloaded", Stream())
    got.gave_up(2, 10_000)
    got.cut(3, answer(60_000, [5000]))
    got.ended_us, got.cpu_s, got.interrupted = 4_000_000, 1.0, True
    return got


def test_every_request_that_was_sent_is_counted_once() -> None:
    got = summarize(recorded(), SLO)
    assert (got.requests, got.sent) == (5, 4)
    assert (got.completed, got.dropped, got.unfinished) == (2, 1, 1)
    assert (got.retried, got.cut_short) == (1, 1)
    assert [(one.name, one.requests, one.first_message) for one in got.failures] == [
        ("HTTP 503", 1, "overloaded")
    ]
    assert (got.tokens_in, got.tokens_out) == (40, 7)
    assert got.slo_attainment_flat_ttft == 1 / 4  # the second took 2 s to its first token
    assert got.cpu_ratio == 0.25
    assert got.interrupted


def test_latencies_count_from_the_time_that_a_request_was_due() -> None:
    got = summarize(recorded(), SLO)
    assert got.ttft_s.p50 == 0.057  # of 50, 57 (under way) and 1999 ms
    assert (got.e2e_s.p50, got.e2e_s.p99) == (0.15, 2.0)
    assert (got.late_s.mean, got.late_s.p99) == (0.0001, 0.0001)
    assert not got.fell_behind


def test_single_gaps_are_told_beside_the_requests_means() -> None:
    got = summarize(recorded(), SLO)
    assert (got.gap_s.p50, got.gap_s.p99) == (0.02, 0.04)
    assert (got.itl_s.p50, got.itl_s.p99) == (0.025, 0.025)
    assert (got.tpot_s.p50, got.tpot_s.p99) == (0.001, 0.025)


def test_a_generator_that_sends_late_says_so() -> None:
    got = Recording(trace(1))
    got.began(0, 50_001)
    got.ended_us = 1
    assert summarize(got, SLO).fell_behind


@given(st.lists(st.lists(st.integers(0, 300), max_size=30), max_size=10))
def test_gaps_have_the_simulator_s_percentiles(columns: list[list[int]]) -> None:
    got = Recording(trace(len(columns)))
    for index, gaps in enumerate(columns):
        got.began(index, 1000 * index)
        got.succeeded(index, answer(1_000_000, gaps), 0)
    gap_s, flat = summarize(got, SLO).gap_s, distribution([gap for gaps in columns for gap in gaps])
    assert (gap_s.p50, gap_s.p90, gap_s.p99) == (flat.p50, flat.p90, flat.p99)
    assert gap_s.mean == pytest.approx(flat.mean)


def test_the_other_latencies_are_the_simulator_s_own() -> None:
    got = recorded()
    told = summarize(got, SLO)
    done = bytearray([1, 1, 0, 0, 0])
    same = latencies(got.served(), got.outcomes, done, 400_000_000)
    assert (told.ttft_s, told.itl_s, told.tpot_s, told.e2e_s) == (
        same.ttft_s,
        same.itl_s,
        same.tpot_s,
        same.e2e_s,
    )


def test_nothing_sent_is_nothing_measured() -> None:
    got = summarize(Recording(trace(0)), SLO)
    assert got.slo_attainment_flat_ttft is None
    assert got.ttft_s.p50 is got.gap_s.mean is got.late_s.p99 is None


def test_the_json_is_one_document_with_a_line_a_key() -> None:
    text = summarize(recorded(), SLO).to_json()
    found = json.loads(text)
    assert found["ttft_s"]["p50"] == 0.057
    assert found["failures"] == [{"name": "HTTP 503", "requests": 1, "first_message": "overloaded"}]
    assert found["fell_behind"] is False
    assert len(text.splitlines()) == len(found) + 2


def test_rows_say_what_became_of_each() -> None:
    stream = io.StringIO()
    write_rows(stream, recorded())
    rows = list(csv.DictReader(io.StringIO(stream.getvalue())))
    assert [row["outcome"] for row in rows] == ["completed", "completed", "dropped", "unfinished"]
    assert rows[0] == {
        "index": "0",
        "arrival_s": "0.000000",
        "input_tokens": "20",
        "output_tokens": "5",
        "outcome": "completed",
        "ttft_s": "0.050000",
        "itl_s": "0.025000",
        "e2e_s": "0.150000",
        "attempts": "1",
        "sent_s": "0.000100",
        "tokens_in": "20",
        "tokens_out": "5",
        "chunks": "5",
        "gap_max_s": "0.040000",
        "status": "",
        "failure": "",
    }
    assert (rows[2]["status"], rows[2]["failure"], rows[2]["attempts"], rows[2]["ttft_s"]) == (
        "503",
        "status",
        "2",
        "",
    )
    assert (rows[3]["ttft_s"], rows[3]["e2e_s"]) == ("0.057000", "")


def test_columns_of_the_simulator_s_rows_keep_their_names_and_order() -> None:
    assert [name for name in SIMULATED if name in COLUMNS] == list(COLUMNS[:9])
    assert set(SIMULATED) - set(COLUMNS) == {"slo_met", "queue_s", "replica"}  # nothing outside can know them
