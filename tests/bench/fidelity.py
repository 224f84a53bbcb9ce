"""Fidelity of the engine model: measured, simulated, error; nothing here is asserted (tests/engine holds
the bars)."""

import random
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

import simulations
from simulations.calibration.fit import calibrate
from simulations.calibration.measured import Means, means, read_measured, replay
from simulations.engine.engine import Engine
from simulations.engine.resolve import resolve
from simulations.requests import Outcomes
from simulations.scenario import Engine as Settings
from tests.bench.references import (
    DECODE_MS,
    GEMM_MS,
    KV_TOKENS,
    PREFILL_MS,
    PUBLISHED,
    TOKENS,
    WORKLOADS,
    Workload,
    model_decode_ms,
    model_gemm_ms,
    model_prefill_ms,
)
from tests.bench.say import say

RECORDED = Path(simulations.__file__).parent / "traces/recorded/measured"
RUN = RECORDED / "vllm-0.19-rtxpro6000-llama-3.1-8b.csv.gz"
RUN_SETTINGS = Settings(gpu="rtx-pro-6000", max_num_seqs=128, max_num_batched_tokens=2048, ingest_ms=0)
STAGE_S = 300
"""Of each rate of a published workload; the originals lasted 600-1200 s."""
PUBLISHED_INGEST_MS = 15.6
"""That rig's time before the engine (BLIS ``defaults.yaml``, alpha)."""


def main() -> None:
    """Print every comparison."""
    measured_run()
    calibration()
    operator_tables()
    kv_caches()
    published_rows()


def measured_run() -> None:
    """The development run, with constants that know nothing of it."""
    run = read_measured(RUN)
    real, simulated = means(run, run.times), means(run, replay(resolve(RUN_SETTINGS), run))
    say(f"\nMeasured run {run.name} (bars: TPOT 5 %, E2E 10 %, TTFT 15 %, TTFT without queueing 25 %)")
    for figure in Means.__dataclass_fields__:
        _line(figure, getattr(real, figure), getattr(simulated, figure))


def calibration() -> None:
    """What fitting to half of that run buys on the other half."""
    fit = calibrate(read_measured(RUN), RUN_SETTINGS)
    say("\nCalibrated to every second request: errors of means, shipped -> calibrated")
    for half, before, after in (
        ("fitted half", fit.fitted_before, fit.fitted_after),
        ("held-back half", fit.held_before, fit.held_after),
    ):
        say(
            f"  {half:16}"
            + "   ".join(f"{name} {before[name]:+.1%} -> {after[name]:+.1%}" for name in before)
        )


def operator_tables() -> None:
    """Section by section, bar 20 %."""
    say("\nMatrix products, ms (bar: 20 %)")
    for (gpu, model, parallel), row in GEMM_MS.items():
        answers = [model_gemm_ms(gpu, model, parallel, tokens) for tokens in TOKENS]
        _row(f"{gpu} {_short(model)} TP{parallel}", zip(TOKENS, row, answers, strict=True))
    say("\nDecode attention 8B, ms, by batch x context (bar: 20 %)")
    for gpu, cells in DECODE_MS.items():
        _row(gpu, ((f"{b}x{c}", ms, model_decode_ms(gpu, b, c)) for (b, c), ms in cells.items()))
    say("\nPrefill attention 8B, ms, by tokens (bar: 20 %)")
    for gpu, prompts in PREFILL_MS.items():
        _row(gpu, ((tokens, ms, model_prefill_ms(gpu, tokens)) for tokens, ms in prompts.items()))


def kv_caches() -> None:
    """KV tokens that real engines logged."""
    say("\nKV cache, tokens at memory fraction 0.9")
    for gpu, model, parallel, budget, seats, real in KV_TOKENS:
        settings = Settings(
            gpu=gpu, model=model, tensor_parallel=parallel, max_num_batched_tokens=budget, max_num_seqs=seats
        )
        _line(f"{gpu} {_short(model)} TP{parallel}", real, resolve(settings).kv_tokens)


def published_rows() -> None:
    """Client-side means of other people's H100 runs; no bar."""
    say("\nPublished vLLM 0.15.1 on H100: TTFT ms, ITL ms, E2E ms (real simulated error)")
    for model, parallel, workload, budget, *real in PUBLISHED:
        settings = Settings(
            model=model,
            tensor_parallel=parallel,
            max_num_batched_tokens=budget,
            max_num_seqs=128,
            ingest_ms=PUBLISHED_INGEST_MS,
        )
        answers = _play(settings, WORKLOADS[workload])
        label = f"{_short(model)} TP{parallel} {workload} {budget}"
        cells = (f"{a:8.1f} {b:8.1f} {b / a - 1:+5.0%}" for a, b in zip(real, answers, strict=True))
        say(f"  {label:46}" + "   ".join(cells))


def _play(settings: Settings, load: Workload) -> tuple[float, float, float]:
    """(TTFT, ITL, E2E) means in ms of a Poisson load whose 45 prompts come round and round."""
    arrivals = _arrivals(load)
    outcomes = Outcomes(len(arrivals))
    engine = Engine(resolve(settings), outcomes, start_us=0, start_id="bench", replica=0)
    for index, arrival_us in enumerate(arrivals):
        prefix = ((1_000_000 + index % 9, 100), (index % 45, load.input_tokens - 100))
        engine.advance(arrival_us)
        engine.submit(index, load.input_tokens, load.output_tokens, prefix, arrival_us)
    while (next_us := engine.next_us()) is not None:
        engine.advance(next_us)
    ttft_ms = fmean(a - b for a, b in zip(outcomes.first_token_us, arrivals, strict=True)) / 1e3
    e2e_ms = fmean(a - b for a, b in zip(outcomes.finished_us, arrivals, strict=True)) / 1e3
    return ttft_ms, (e2e_ms - ttft_ms) / (load.output_tokens - 1), e2e_ms


def _arrivals(load: Workload) -> list[int]:
    chance = random.Random("fidelity")
    arrivals: list[int] = []
    for stage, rate in enumerate(load.rates):
        now_s = stage * float(STAGE_S)
        while (now_s := now_s + chance.expovariate(rate)) < (stage + 1) * STAGE_S:
            arrivals.append(round(now_s * 1e6))
    return arrivals


def _short(model: str) -> str:
    return model.rsplit("/", maxsplit=1)[-1]


def _line(label: str, real: float, simulated: float) -> None:
    say(f"  {label:46}{real:12.4f} {simulated:12.4f} {simulated / real - 1:+7.1%}")


def _row(label: str, cells: Iterable[tuple[object, float, float]]) -> None:
    say(f"  {label:32}" + "  ".join(f"{key}: {a:g}/{b:.3g} {b / a - 1:+.0%}" for key, a, b in cells))


if __name__ == "__main__":
    main()
