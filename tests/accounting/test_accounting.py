"""The bill and the verdict: every rule of design 5.6 'Accounting' by an example that a person can check."""

import json
from array import array
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.accounting import GRACE_US, account, gpu_time_us, judged_until_us
from simulations.requests import ABSENT, Outcomes, Trace
from simulations.result import (
    FleetRecord,
    NodeRecord,
    PodRecord,
    Result,
    RunFacts,
    SpecChange,
    StartClass,
    TimelineRow,
)
from simulations.scenario import Scenario

S = 1_000_000
HOUR = 3600 * S


def a_trace(*rows: tuple[float, int, int]) -> Trace:
    """(arrival s, prompt, output) rows."""
    return Trace(
        name="t",
        arrival_us=array("q", [round(r[0] * S) for r in rows]),
        input_tokens=array("q", [r[1] for r in rows]),
        output_tokens=array("q", [r[2] for r in rows]),
    )


def outcomes_of(*rows: tuple[float | None, float | None]) -> Outcomes:
    """(first token s, last token s) of each request; None: never."""
    outcomes = Outcomes(len(rows))
    for i, (first, last) in enumerate(rows):
        if first is not None:
            outcomes.scheduled_us[i] = outcomes.first_token_us[i] = round(first * S)
        if last is not None:
            outcomes.finished_us[i] = round(last * S)
    return outcomes


def a_pod(**changes: object) -> PodRecord:
    fields: dict[str, object] = {
        "serial": 0,
        "gpus": 1,
        "created_us": 0,
        "bound_us": 0,
        "node": 0,
        "start_class": StartClass.INITIAL,
    }
    return PodRecord(**(fields | changes))  # type: ignore[arg-type]


def judge(
    trace: Trace,
    outcomes: Outcomes,
    fleet: FleetRecord | None = None,
    *,
    idle_s: float = 0.1,
    run: RunFacts | None = None,
) -> Result:
    return account(
        trace,
        outcomes,
        fleet or FleetRecord(pods=(a_pod(),)),
        scenario=Scenario(),
        policy="static:1",
        seed=1,
        idle_ttft_s=lambda _tokens: idle_s,
        run=run,
    )


@pytest.mark.parametrize(
    ("first_s", "last_s", "output", "idle_s", "want", "want_flat"),
    [
        pytest.param(1.0, 1.0, 1, 0.1, 1.0, 1.0, id="a TTFT of exactly the limit is met"),
        pytest.param(1.000001, 1.000001, 1, 0.1, 0.0, 0.0, id="one microsecond more is missed"),
        pytest.param(3.0, 3.0, 1, 1.5, 1.0, 0.0, id="a long prompt may take twice what an idle engine needs"),
        pytest.param(3.000002, 3.000002, 1, 1.5, 0.0, 0.0, id="and no more than twice"),
        pytest.param(0.5, 0.5 + 9 * 0.05, 10, 0.1, 1.0, 1.0, id="a mean gap of exactly 50 ms is met"),
        pytest.param(0.5, 0.5 + 9 * 0.05 + 1e-6, 10, 0.1, 0.0, 0.0, id="a mean gap above 50 ms is missed"),
        pytest.param(0.5, None, 10, 0.1, 0.0, 0.0, id="an unfinished request missed"),
        pytest.param(None, None, 10, 0.1, 0.0, 0.0, id="a request that never started missed"),
        pytest.param(0.5, 300.000001, 10_000, 0.1, 0.0, 0.0, id="what ends after the span did not end"),
    ],
)
def test_slo_of_one_request(
    first_s: float | None, last_s: float | None, output: int, idle_s: float, want: float, want_flat: float
) -> None:
    result = judge(a_trace((0, 10, output)), outcomes_of((first_s, last_s)), idle_s=idle_s)
    assert (result.slo_attainment, result.slo_attainment_flat_ttft) == (want, want_flat)


def test_a_dropped_request_missed_even_with_the_stamps_of_an_aborted_attempt() -> None:
    outcomes = outcomes_of((0.2, None), (0.2, 0.3))
    outcomes.dropped_us[0] = 5 * S
    result = judge(a_trace((0, 10, 5), (0, 10, 5)), outcomes)
    assert (result.completed, result.dropped, result.unfinished) == (1, 1, 0)
    assert result.slo_attainment == 0.5
    assert result.ttft_s.mean == 0.2


def test_the_idle_engine_is_asked_once_a_prompt_length_and_only_when_the_flat_limit_was_missed() -> None:
    asked: list[int] = []

    def idle(tokens: int) -> float:
        asked.append(tokens)
        return 10.0

    account(
        a_trace((0, 7, 1), (0, 8, 1), (0, 8, 1)),
        outcomes_of((0.5, 0.5), (2, 2), (3, 3)),
        FleetRecord(pods=()),
        scenario=Scenario(),
        policy="p",
        seed=0,
        idle_ttft_s=idle,
    )
    assert asked == [8]


def test_tpot_counts_requests_and_itl_counts_gaps() -> None:
    # 1 gap of 100 ms, 9 gaps of 10 ms: TPOT mean (100 + 10) / 2, ITL mean (100 + 9 × 10) / 10.
    result = judge(a_trace((0, 1, 2), (0, 1, 10)), outcomes_of((0, 0.1), (0, 0.09)))
    assert result.tpot_s.mean == pytest.approx(0.055)
    assert result.itl_s.mean == pytest.approx(0.019)
    assert (result.itl_s.p90, result.itl_s.p99) == (0.01, 0.1)


@pytest.mark.parametrize(
    ("pod", "want_gpu_s"),
    [
        pytest.param({"bound_us": 10 * S, "deleted_us": 40 * S, "gpus": 2}, 60, id="binding to deletion"),
        pytest.param({"bound_us": 10 * S}, 90, id="a pod that is still there is paid to the end of the span"),
        pytest.param(
            {"bound_us": 10 * S, "deleted_us": 500 * S}, 90, id="deletion after the span is clipped"
        ),
        pytest.param({"bound_us": None, "node": None}, 0, id="a pod that was never bound costs nothing"),
        pytest.param({"bound_us": 100 * S}, 0, id="binding at the end of the span costs nothing"),
        pytest.param(
            {"bound_us": 10 * S, "node": 7}, 200, id="on a provisioned node the node is paid instead"
        ),
    ],
)
def test_gpu_time(pod: dict[str, object], want_gpu_s: int) -> None:
    nodes = (
        (NodeRecord(serial=7, gpus=4, requested_us=20 * S, released_us=70 * S),) if pod.get("node") else ()
    )
    assert gpu_time_us(FleetRecord(pods=(a_pod(**pod),), nodes=nodes), 100 * S) == want_gpu_s * S


def test_replicas_are_pods_that_hold_gpus() -> None:
    trace = a_trace((0, 1, 1), (100, 1, 1))
    fleet = FleetRecord(
        pods=(
            a_pod(deleted_us=200 * S),
            a_pod(serial=1, bound_us=200 * S, start_class=StartClass.CACHED),
            a_pod(serial=2, bound_us=300 * S, start_class=StartClass.UNCACHED),
            a_pod(serial=3, bound_us=None, start_class=None),
        ),
        changes=(
            SpecChange(at_us=90 * S, before=1, after=3),
            SpecChange(at_us=190 * S, before=3, after=2),
            SpecChange(at_us=500 * S, before=2, after=1),
        ),
    )
    result = judge(trace, outcomes_of((0.1, 0.1), (100.1, 100.1)), fleet)
    assert judged_until_us(trace) == 400 * S
    assert result.mean_replicas == (200 + 200 + 100) / 400
    assert result.peak_replicas == 2, "the deletion at 200 s frees the GPU before the binding at 200 s"
    assert (result.scale_ups, result.scale_downs) == (1, 1), "changes after the span do not count"
    assert result.starts == 2
    assert dict(result.cold_starts) == {"cached": 1, "uncached": 1, "new_node": 0}
    assert result.gpu_hours == 500 * S / HOUR
    assert result.cost == result.gpu_hours * 2.5


def test_json_has_every_key_of_the_design_in_its_order_and_null_where_nothing_was_measured() -> None:
    row = TimelineRow(
        t_us=15 * S,
        wanted=None,
        spec=1,
        ready=0,
        pending=1,
        waiting=3,
        running=0,
        kv=None,
        arrival_rps=0.2,
        reason="",
    )
    fleet = FleetRecord(pods=(), timeline=(row, row))
    result = judge(
        a_trace((0, 5, 5)), outcomes_of((None, None)), fleet, run=RunFacts(wall_s=0.5, peak_rss_bytes=9)
    )
    document = json.loads(result.to_json())
    want = (
        "policy trace notes seed scenario requests completed dropped unfinished slo_attainment "
        "slo_attainment_flat_ttft ttft_s itl_s tpot_s e2e_s queue_s gpu_hours mean_replicas peak_replicas "
        "scale_ups scale_downs starts cold_starts preemptions tokens_in tokens_out cost run timeline"
    )
    assert " ".join(document) == want
    assert document["ttft_s"] == {"mean": None, "p50": None, "p90": None, "p99": None}
    assert document["run"] == {"wall_seconds": 0.5, "requests_per_wall_second": 2.0, "peak_rss_bytes": 9}
    assert (
        " ".join(document["timeline"][0])
        == "t wanted spec ready pending waiting running kv arrival_rps reason"
    )
    assert document["timeline"][0]["t"] == 15.0
    assert document["scenario"] == Scenario().model_dump(mode="json")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 100 * S), st.integers(0, 500 * S), st.integers(0, 500 * S), st.integers(1, 50)
        ),
        min_size=1,
        max_size=40,
    )
)
def test_laws_of_any_run(rows: list[tuple[int, int, int, int]]) -> None:
    rows.sort()
    trace = a_trace(*((arrival / S, 10, output) for arrival, _, _, output in rows))
    outcomes = Outcomes(len(rows))
    for i, (arrival, wait, decode, output) in enumerate(rows):
        outcomes.scheduled_us[i] = outcomes.first_token_us[i] = arrival + wait
        outcomes.finished_us[i] = arrival + wait + (decode if output > 1 else 0)
    result = judge(trace, outcomes)
    assert result.completed + result.dropped + result.unfinished == len(rows)
    assert result.slo_attainment is not None
    assert result.slo_attainment_flat_ttft is not None
    assert 0 <= result.slo_attainment_flat_ttft <= result.slo_attainment <= result.completed / len(rows)
    for spread in (result.ttft_s, result.itl_s, result.tpot_s, result.e2e_s):
        if spread.p50 is not None and spread.p90 is not None and spread.p99 is not None:
            assert spread.p50 <= spread.p90 <= spread.p99
    until = judged_until_us(trace)
    waits = [f - a for f, a in zip(outcomes.first_token_us, trace.arrival_us, strict=True) if f <= until]
    if waits:
        assert result.ttft_s.mean == pytest.approx(fmean(waits) / S)
        assert result.ttft_s.p90 == sorted(waits)[-(-len(waits) * 90 // 100) - 1] / S
    assert result.to_json() == judge(trace, outcomes).to_json()


def test_the_span_ends_300_s_after_the_last_arrival() -> None:
    assert judged_until_us(a_trace((0, 1, 1), (7, 1, 1))) == 7 * S + GRACE_US
    assert Outcomes(1).dropped_us[0] == ABSENT
