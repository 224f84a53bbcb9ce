"""Bars: how far the engine model may be from what was measured."""

from pathlib import Path

import pytest

import simulations
from simulations.calibration.measured import Means, MeasuredRun, means, read_measured, replay
from simulations.engine.resolve import resolve
from simulations.scenario import Engine
from tests.bench.references import (
    DECODE_MS,
    GEMM_MS,
    KV_TOKENS,
    PREFILL_MS,
    TOKENS,
    model_decode_ms,
    model_gemm_ms,
    model_prefill_ms,
)

RUN = Path(simulations.__file__).parent / "traces/recorded/measured/vllm-0.19-rtxpro6000-llama-3.1-8b.csv.gz"
OP_BAR = 0.2


@pytest.fixture(scope="module")
def measured() -> MeasuredRun:
    return read_measured(RUN)


@pytest.fixture(scope="module")
def both(measured: MeasuredRun) -> tuple[Means, Means]:
    # Its times begin at the engine, so nothing is ingested.
    engine = Engine(gpu="rtx-pro-6000", max_num_seqs=128, max_num_batched_tokens=2048, ingest_ms=0)
    return means(measured, measured.times), means(measured, replay(resolve(engine), measured))


@pytest.mark.parametrize(
    ("figure", "bar"), [("tpot_s", 0.05), ("e2e_s", 0.10), ("ttft_s", 0.15), ("prefill_s", 0.25)]
)
def test_the_measured_run_is_met_within_its_bar(both: tuple[Means, Means], figure: str, bar: float) -> None:
    real, simulated = (getattr(side, figure) for side in both)
    assert simulated == pytest.approx(real, rel=bar)


@pytest.mark.parametrize(("gpu", "model", "parallel"), GEMM_MS)
@pytest.mark.parametrize("column", range(len(TOKENS)), ids=TOKENS)
def test_every_column_of_the_matrix_product_table(gpu: str, model: str, parallel: int, column: int) -> None:
    real = GEMM_MS[gpu, model, parallel][column]
    assert model_gemm_ms(gpu, model, parallel, TOKENS[column]) == pytest.approx(real, rel=OP_BAR)


@pytest.mark.parametrize(
    ("gpu", "batch", "context", "real"),
    [(gpu, *key, ms) for gpu, rows in DECODE_MS.items() for key, ms in rows.items()],
)
def test_every_column_of_the_decode_attention_table(gpu: str, batch: int, context: int, real: float) -> None:
    assert model_decode_ms(gpu, batch, context) == pytest.approx(real, rel=OP_BAR)


@pytest.mark.parametrize(
    ("gpu", "tokens", "real"),
    [(gpu, key, ms) for gpu, rows in PREFILL_MS.items() for key, ms in rows.items()],
)
def test_every_column_of_the_prefill_attention_table(gpu: str, tokens: int, real: float) -> None:
    assert model_prefill_ms(gpu, tokens) == pytest.approx(real, rel=OP_BAR)


@pytest.mark.parametrize(("gpu", "model", "parallel", "budget", "seats", "real"), KV_TOKENS)
def test_the_kv_cache_is_as_large_as_the_engine_said(
    gpu: str, model: str, parallel: int, budget: int, seats: int, real: int
) -> None:
    engine = Engine(
        gpu=gpu, model=model, tensor_parallel=parallel, max_num_batched_tokens=budget, max_num_seqs=seats
    )
    assert resolve(engine).kv_tokens == pytest.approx(real, rel=0.01)
