"""No rival is a straw man: what the rivals' authors published, beside what their laws do here.

``python -m tests.bench published``. docs/designs/0006-rivals.md keeps the table and explains the differences.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from simulations.policies.base import Parameters
from simulations.requests import ABSENT, Trace
from simulations.result import Result
from simulations.run import Run, play, simulate
from simulations.scenario import Engine, Slo
from tests.bench import published_setups as setups
from tests.bench.published_setups import Lengths, fleet, staged

SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One published figure and ours."""

    what: str
    published: str
    here: str


def main() -> None:
    """Print the table, part by part."""
    with tempfile.TemporaryDirectory() as folder:
        for title, part in PARTS.items():
            print(f"\n{title}")  # noqa: T201
            for line in part(Path(folder)):
                print(f"  {line.what}\n    published  {line.published}\n    here       {line.here}")  # noqa: T201


def _percentile(values: list[float], share: float) -> float:
    """Nearest rank; NaN where nothing was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


# llm-d's SLO-aware recipe

RAMP_CASES: tuple[tuple[str, str, Parameters, str], ...] = (
    ("static 8", "static:8", {}, "100 % @ 8"),
    ("llmd-slo, predicted latency", "llmd-slo", {"signal": "predicted"}, "95.8 % @ 5.93 (predictor trained)"),
    ("llmd-slo, measured latency", "llmd-slo", {"signal": "actual"}, "none (cold predictor: 85.6 %)"),
    ("hearth, for comparison", "hearth", {}, "-"),
)


def slo_ramp(folder: Path) -> Iterator[Line]:
    """llm-d/llm-d#2011: attainment is under flat limits, replicas over the episode with its drain."""
    for engine, note in _stacks(folder):
        for what, name, policy, published in RAMP_CASES:
            scenario = fleet(engine, least=3, most=8, startup_s=100.0, policy=policy)
            results = [simulate(scenario, _ramp(seed), name, seed) for seed in SEEDS]
            met = fmean(100.0 * (one.slo_attainment_flat_ttft or 0.0) for one in results)
            size = fmean(until_drained(one, 3) for one in results)
            yield Line(what=f"{what}{note}", published=published, here=f"{met:.1f} % @ {size:.2f}")


def _stacks(folder: Path) -> Iterator[tuple[Engine, str]]:
    yield setups.QWEN_32B_TP2, ""
    yield setups.at_published_velocity(folder), "; engine at the published V_P"


def _ramp(seed: int) -> Trace:
    return staged("llm-d slo ramp", setups.SLO_RAMP, setups.SLO_LENGTHS, seed, poisson=False)


def until_drained(result: Result, floor: int) -> float:
    """Mean provisioned replicas from the start until the pool is back at its floor after the load."""
    rows = result.timeline
    load_us = sum(seconds for _, seconds in setups.SLO_RAMP) * 1e6
    end_us = next((row.t_us for row in rows if row.t_us >= load_us and row.spec <= floor), rows[-1].t_us)
    spans = ((a.spec, b.t_us - a.t_us) for a, b in pairwise(rows) if b.t_us <= end_us)
    return sum(spec * span_us for spec, span_us in spans) / end_us


# llm-d's token-aware recipe

SHAPES = {
    "prefill-heavy 8192/256": (Lengths(prompt=8192, answer=256), 1.93),
    "symmetrical 2048/2048": (Lengths(prompt=2048, answer=2048), 1.04),
    "decode-heavy 256/4096": (Lengths(prompt=256, answer=4096), 0.52),
}
"""One Poisson stage of 1,200 s each; rates are the published totals (2,316, 1,248, 624) over it."""
TOKEN_CASES = (
    ("prefill-heavy 8192/256", "llmd-tokens", "p50 0.62 p99 43.8 s, 3 peak, 572 tok/s; 1.74 GPU-h"),
    ("prefill-heavy 8192/256", "static:1", "p50 225 p99 470 s, 510 tok/s"),
    ("prefill-heavy 8192/256", "static:4", "p99 6.4 s, 3.11 GPU-h"),
    ("symmetrical 2048/2048", "llmd-tokens", "p50 0.20 p99 0.43 s, 1 peak"),
    ("symmetrical 2048/2048", "static:1", "p50 0.21 p99 0.41 s"),
    ("decode-heavy 256/4096", "llmd-tokens", "p50 0.09 p99 0.13 s, 1 peak"),
    ("decode-heavy 256/4096", "static:1", "p50 0.09 p99 0.13 s"),
)


def token_aware(folder: Path) -> Iterator[Line]:
    """llm-d/llm-d#2466 and its README's benchmark: at most 4 replicas, threshold 1.5 s, V_P calibrated."""
    engine = setups.at_published_velocity(folder)
    for shape, name, published in TOKEN_CASES:
        lengths, rate = SHAPES[shape]
        policy: Parameters = {"threshold_s": 1.5} if name == "llmd-tokens" else {}
        least = 4 if name == "static:4" else 1
        scenario = fleet(engine, least=least, most=4, startup_s=110.0, policy=policy)
        trace = staged(shape, ((rate, 1200.0),), lengths, 1, poisson=True, silence_s=600.0)
        run = play(scenario, trace, name, 1)
        yield Line(what=f"{shape}, {name}", published=published, here=_latency(run))


def _latency(run: Run) -> str:
    result = run.judge()
    ended_s = max(run.outcomes.finished_us[:-1]) / 1e6
    speed = sum(run.trace.output_tokens) / ended_s
    return (
        f"p50 {result.ttft_s.p50:.2f} p99 {result.ttft_s.p99:.2f} s, {result.peak_replicas} peak, "
        f"{speed:.0f} tok/s, {_gpu_hours(run, ended_s):.2f} GPU-h"
    )


def _gpu_hours(run: Run, until_s: float) -> float:
    """From binding to deletion or the last answer, start-up included."""
    until_us, total = until_s * 1e6, 0.0
    for pod in run.fleet.pods:
        if pod.bound_us is not None:
            end_us = until_us if pod.deleted_us is None else min(until_us, pod.deleted_us)
            total += pod.gpus * max(0.0, end_us - pod.bound_us)
    return total / 3.6e9


# WVA's benchmark document

PREFILL, DECODE = Lengths(prompt=4000, answer=1000), Lengths(prompt=1000, answer=4000)
EVEN = Lengths(prompt=1000, answer=1000)
CUT_OFF_S = 600.0
"""GuideLLM stops there; requests that are not complete then count neither as errors nor as latencies."""


def overload(_: Path) -> Iterator[Line]:
    """docs/benchmark.md of the autoscaler: 2 static replicas under 20 requests/s; TP is not said."""
    for shape, lengths, published in (
        ("4000/1000", PREFILL, "TTFT p99 555 s, ITL p99 58 ms"),
        ("1000/4000", DECODE, "TTFT p99 357 s, ITL p99 114 ms"),
    ):
        for engine in (setups.QWEN_32B_TP1, setups.QWEN_32B_TP2):
            scenario = fleet(engine, least=2, most=2, startup_s=100.0)
            run = play(scenario, _steady(shape, lengths), "static:2", 1)
            what = f"static 2, {shape} at 20/s, TP {engine.tensor_parallel}"
            yield Line(what=what, published=published, here=_cut_off(run))


def _steady(name: str, lengths: Lengths) -> Trace:
    return staged(name, ((20.0, CUT_OFF_S),), lengths, 1, poisson=True)


def _cut_off(run: Run) -> str:
    outcomes, end_us = run.outcomes, CUT_OFF_S * 1e6
    done = [i for i, last in enumerate(outcomes.finished_us) if last != ABSENT and last <= end_us]
    waits = [(outcomes.first_token_us[i] - run.trace.arrival_us[i]) / 1e6 for i in done]
    gaps = [
        (outcomes.finished_us[i] - outcomes.first_token_us[i]) / 1e3 / (run.trace.output_tokens[i] - 1)
        for i in done
    ]
    return f"TTFT p99 {_percentile(waits, 0.99):.1f} s, TPOT p99 {_percentile(gaps, 0.99):.0f} ms"


def one_replica(_: Path) -> Iterator[Line]:
    """llm-d-autoscaling#1249: one replica, 300 s a stage; lengths and TP are not said."""
    for engine in (setups.QWEN_32B_TP1, setups.QWEN_32B_TP2):
        here = ", ".join(_stage(engine, rate) for rate in (0.5, 1.0, 2.0, 3.0, 4.0))
        what = f"one replica, 1000/1000, TP {engine.tensor_parallel}: TTFT p99 by rate"
        yield Line(what=what, published="0.136 s below 2/s, 18.8 s at 2/s; 1,901 tok/s at most", here=here)


def _stage(engine: Engine, rate: float) -> str:
    scenario = fleet(engine, least=1, most=1, startup_s=100.0)
    result = simulate(scenario, staged("stage", ((rate, 300.0),), EVEN, 1, poisson=True), "static:1", 1)
    return f"{rate:g}/s {result.ttft_s.p99:.2f} s"


def wva(folder: Path) -> Iterator[Line]:
    """llm-d-autoscaling#1515: V2 through KEDA, Qwen3-0.6B. #1118 ran V1, which is not modelled."""
    small = setups.qwen_06b(folder)
    for shape, lengths, published in (
        ("symmetrical 1000/1000", EVEN, "TTFT p99 21.3 s @ 2.24"),
        ("decode-heavy 1000/4000", DECODE, "TTFT p99 63.6 s @ 6.13"),
    ):
        run = play(fleet(small, least=1, most=10, startup_s=65.0), _steady(shape, lengths), "wva", 1)
        here = f"{_cut_off(run)} @ {_mean_spec(run):.2f}"
        yield Line(what=f"wva, Qwen3-0.6B, {shape} at 20/s", published=published, here=here)
    bursty = staged("bursty", setups.BURSTY, EVEN, 1, poisson=True)
    result = simulate(fleet(setups.QWEN_32B_TP2, least=1, most=10, startup_s=103.0), bursty, "wva", 1)
    here = f"TTFT p99 {result.ttft_s.p99:.0f} s @ {result.mean_replicas:.2f}, {result.requests} requests"
    yield Line(
        what="wva on the bursty load (published: V1, at most 4 replicas reached)",
        published="TTFT p99 262 s @ 2.43, 6,110 errors",
        here=f"{here}, {result.dropped + result.unfinished} lost",
    )


def _mean_spec(run: Run) -> float:
    rows = [row for row in run.fleet.timeline if row.t_us <= CUT_OFF_S * 1e6]
    return fmean(row.spec for row in rows)


# Dynamo's start-up sweep, AIBrix's order

_THROUGHPUT_LOOP: Parameters = {"throughput_interval_s": 300.0}
LOAD_STEPS = (2, 4, 7, 10, 12, 9, 5, 3, 6, 11, 8, 4)


def dynamo_cliff(_: Path) -> Iterator[Line]:
    """docs/dynosim/planner-benchmarking.md: TTFT 1.5 s, ITL 50 ms, throughput loop 300 s.

    Its trace is not here: instead an hour of Poisson load in steps of 5 min, with the trace's mean lengths.
    """
    stages = tuple((float(rate), 300.0) for rate in LOAD_STEPS)
    trace = staged("steps", stages, Lengths(prompt=8600, answer=182), 1, poisson=True)
    engine = Engine(model="meta-llama/Llama-3.1-8B", gpu="h200-sxm")
    slo, policy = Slo(ttft_ms=1500.0, itl_ms=50.0), _THROUGHPUT_LOOP
    for startup_s in (0.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0):
        scenario = fleet(engine, least=2, most=8, startup_s=startup_s, slo=slo, policy=policy)
        result = simulate(scenario, trace, "dynamo", 1)
        here = f"{_met(result)}, TTFT p99 {result.ttft_s.p99:.1f} s, {_moves(result)}"
        what = f"dynamo, start-up {startup_s:.0f} s"
        yield Line(what=what, published="cliff at 100-120 s; moves 42 to 8", here=here)


def aibrix_order(_: Path) -> Iterator[Line]:
    """AIBrix's comparison, figures only: APA cheapest but wavy, KPA quickest, HPA slowest and dearest."""
    lengths = Lengths(prompt=400, answer=200, prompt_sd=100, answer_sd=50)
    trace = staged("aibrix", setups.AIBRIX, lengths, 1, poisson=True)
    cases: tuple[tuple[str, str, Parameters], ...] = (
        ("APA, KV 0.5, window 180 s", "apa", {}),
        ("APA, KV 0.5, window 60 s", "apa", {"window_s": 60.0}),
        ("KPA (Knative's)", "kpa", {}),
        ("HPA on KV 0.5", "kv", {"target": 0.5}),
    )
    for what, name, policy in cases:
        scenario = fleet(setups.aibrix_engine(), least=1, most=8, startup_s=120.0, policy=policy)
        result = simulate(scenario, trace, name, 1)
        here = f"{result.gpu_hours:.2f} GPU-h, {_met(result)}, {_moves(result)}, {_first_up(result)}"
        yield Line(what=what, published="the order only", here=here)


def _met(result: Result) -> str:
    return f"met {100 * (result.slo_attainment or 0.0):.1f} %"


def _moves(result: Result) -> str:
    return f"{result.scale_ups + result.scale_downs} moves"


def _first_up(result: Result) -> str:
    ups = (b.t_us / 1e6 for a, b in pairwise(result.timeline) if b.spec > a.spec)
    return f"first up at {next(ups, float('nan')):.0f} s"


Part = Callable[[Path], Iterator[Line]]
PARTS: dict[str, Part] = {
    "llm-d SLO-aware recipe (Qwen3-32B, TP 2, H100; 2 to 10 to 1 requests/s; 3 seeds)": slo_ramp,
    "llm-d token-aware recipe (the same stack at the published V_P; 1,200 s at one rate)": token_aware,
    "WVA benchmark document, static rows": overload,
    "WVA, one replica": one_replica,
    "WVA, autoscaled": wva,
    "Dynamo planner, start-up sweep": dynamo_cliff,
    "AIBrix's comparison": aibrix_order,
}
