"""Dynamo's planner: the regression, the two loops and their guards, worked from its core modules."""

import pytest

from scaler.decision.model import Snapshot
from simulations.policies import dynamo, dynamo_model
from simulations.policies.base import Actuation, Gateway
from simulations.scenario import Slo
from tests.policies.builders import histogram, profile, replicas, samples, snapshot

LIMITS = dynamo_model.Limits(max_num_batched_tokens=8192, max_kv_tokens=400_000, max_num_seqs=256)
QUIET = Gateway(arrivals_total=100, input_tokens_total=100_000)
"""Prompts of 1,000 tokens."""


def _model() -> dynamo_model.IterationTime:
    """10 ms + 20 µs a prompt token + 100 ns a KV token, exactly."""
    model = dynamo_model.IterationTime()
    for prefill in (0.0, 2048.0, 8192.0):
        for kv in (0.0, 100_000.0, 300_000.0):
            model.learn((prefill, kv, 0.010 + 20e-6 * prefill + 100e-9 * kv))
    assert model.ready()
    return model


def test_the_plane_is_found_again() -> None:
    model = _model()
    assert model.ready()
    assert model.seconds(1000.0, 200_000.0) == pytest.approx(0.050)


def test_fewer_than_five_observations_are_not_enough() -> None:
    model = dynamo_model.IterationTime()
    for i in range(4):
        model.learn((float(i), float(i * i), 1.0))
    assert not model.ready()


def test_a_plane_that_gets_faster_with_load_is_rejected() -> None:
    model = dynamo_model.IterationTime()
    for prefill, kv in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0)):
        model.learn((prefill, kv, 1.0 + 0.1 * prefill - 0.1 * kv))
    assert not model.ready()


def test_steady_load_does_not_push_out_what_is_known_of_other_loads() -> None:
    model = _model()
    for i in range(200):
        model.learn((100.0 + i % 7, 50_000.0 + i % 5, 0.017))
    assert model.ready()
    assert model.seconds(8192.0, 300_000.0) == pytest.approx(0.010 + 0.164 + 0.030, rel=0.05)


def test_ttft_goes_chunk_by_chunk() -> None:
    # 9,192 tokens: 8,192 in 173.84 ms and 1,000 in 30 ms.
    assert _model().ttft_s(8192.0, 1000.0, 0.0, 8192, 0.0) == pytest.approx(0.20384)
    assert _model().ttft_s(8192.0, 1000.0, 0.0, 8192, 0.5) == pytest.approx(0.010 + 0.5 * 9192 * 20e-6)


@pytest.mark.parametrize(
    ("ttft_s", "itl_s", "rps"),
    [
        # batch b: prefill 4·b tokens, KV 1,125·b: wall = 10 ms + b·(80 + 112.5) µs; 207 -> 49.85 ms
        pytest.param(1.0, 0.05, 207 / (250 * 0.04985), id="the ITL objective ends the sweep at 207"),
        pytest.param(1.0, 1.0, 256 / (250 * 0.05928), id="max_num_seqs ends it"),
        pytest.param(
            0.001, 1.0, 1 / (250 * 0.01019), id="an objective out of reach gives one sequence's rate"
        ),
    ],
)
def test_engine_rps_at_the_objective(ttft_s: float, itl_s: float, rps: float) -> None:
    found = _model().best_rps(1000.0, 250.0, LIMITS, (ttft_s, itl_s), 0.0)
    assert found == pytest.approx(rps, rel=0.002)


def _law(**given: object) -> dynamo.Dynamo:
    settings = dynamo.Settings(**given)  # type: ignore[arg-type]
    engine = profile(per_sequence_s=0.0, per_kv_token_s=100e-9)
    return dynamo.Dynamo(settings, Slo(ttft_ms=1000.0, itl_ms=50.0), engine)


@pytest.mark.parametrize(
    ("usages", "waiting", "expected"),
    [
        # Queued 60 x 1,000 tokens take 1.3 s; the objective is 1 s.
        pytest.param((0.1, 0.1), (60.0, 60.0), 3, id="TTFT over the objective on all engines: one more"),
        pytest.param((0.1, 0.1), (60.0, 0.0), 2, id="on one of two engines: no change"),
        # 10 ms + 400k·1.05 KV tokens at 100 ns are 52 ms.
        pytest.param((1.05, 1.05), (0.0, 0.0), 3, id="ITL over the objective on all engines: one more"),
        # 10 ms + 1.5 x 100k at 100 ns are 25 ms, below 40.
        pytest.param((0.25, 0.25, 0.25), (0.0, 0.0, 0.0), 2, id="the rest could carry it: one fewer"),
        # 10 ms + 1.5 x 220k are 43 ms, above 40.
        pytest.param(
            (0.55, 0.55, 0.55), (0.0,) * 3, 3, id="the rest would exceed 80 % of the objective: hold"
        ),
        pytest.param((0.01,), (0.0,), 1, id="the last engine stays"),
    ],
)
def test_the_load_loop_moves_by_one(
    usages: tuple[float, ...], waiting: tuple[float, ...], expected: int
) -> None:
    ready = tuple(samples(kv_usage_ratio=u, waiting=w) for u, w in zip(usages, waiting, strict=True))
    assert replicas(_law(), snapshot(0.0, ready), QUIET) == expected


@pytest.mark.parametrize(
    ("snap", "expected"),
    [
        pytest.param(snapshot(0.0, (samples(waiting=60.0),), starting=1), 2, id="scaling in flight: hold"),
        pytest.param(snapshot(0.0, (samples(waiting=60.0), None)), 2, id="an engine without metrics: hold"),
    ],
)
def test_what_is_in_flight_or_unseen_holds(snap: Snapshot, expected: int) -> None:
    assert replicas(_law(), snap, QUIET) == expected


def _busy(now_s: float, rps: float) -> Snapshot:
    """Two engines that finish ``rps`` requests a second of 1,000 and 250 tokens."""
    done = now_s * rps / 2.0
    scrape = samples(
        kv_usage_ratio=0.3,
        running=30.0,
        requests_finished_total=done,
        finished_prompt_tokens_total=1000.0 * done,
        finished_generation_tokens_total=250.0 * done,
        iterations_total=25.0 * now_s,
        prompt_tokens_computed_total=1000.0 * done,
        itl_s=histogram(*(750.0 * now_s,) * 5, total_s=750.0 * now_s * 0.04),
    )
    return snapshot(now_s, (scrape, scrape))


def test_the_throughput_loop_sets_a_floor_every_180_s() -> None:
    law = _law(predictor="constant")
    asks = [law.tick(_busy(5.0 * i, 60.0), QUIET) for i in range(38)]
    assert "floor 1" in asks[35].reason
    # About 15 requests a second of one engine within 50 ms: 60 need four or five.
    assert asks[37].replicas in (4, 5)


def test_without_the_load_loop_the_floor_is_the_answer() -> None:
    law = _law(predictor="constant", load_loop=False)
    asks = [law.tick(_busy(5.0 * i, 60.0), QUIET) for i in range(38)]
    assert (asks[0].replicas, asks[37].replicas in (4, 5)) == (1, True)


def test_it_is_a_controller_of_its_own_at_five_second_ticks() -> None:
    law = _law()
    assert (law.actuation, law.tick_s) == (Actuation(direct=True), 5.0)
