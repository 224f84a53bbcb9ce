"""Fits the engine's efficiencies to a measured run (``hearth calibrate``).

One run does not identify the constants: several sets fit it equally well. So the fit starts at the
shipped constants,
pays for leaving them, and is judged on requests that it never scored: every second one is held back.
Queueing couples
requests, so the whole run is simulated and only the scoring is split.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import exp, log
from pathlib import Path
from statistics import fmean
from tempfile import NamedTemporaryFile
from typing import Any

import yaml

from simulations import scenario
from simulations.calibration.descent import minimise
from simulations.calibration.measured import Means, MeasuredRun, Times, means, replay
from simulations.engine.calibration import apply_calibration
from simulations.engine.gpus import Gpu, load_gpu
from simulations.engine.models import load_model
from simulations.engine.resolve import resolve
from simulations.engine.spec import EngineSpec
from simulations.engine.steptime import step_time
from simulations.errors import InputError

FITTED = ("memory", "compute", "kv", "attention", "layer_us")
FITTED_LINK = ("latency_us", "efficiency")
"""Only with tensor parallelism."""
FIGURES = ("tpot_s", "ttft_s", "prefill_s", "e2e_s")
STAY = 0.05
"""Price of moving a constant by a factor e, in units of one mean being wrong by a factor e."""
TURNS = 300
LEAST_REQUESTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Fitted constants and what they are worth: relative errors of means, by figure."""

    run: str
    efficiency: Mapping[str, float]
    link: Mapping[str, float]
    fitted_before: Mapping[str, float]
    fitted_after: Mapping[str, float]
    held_before: Mapping[str, float]
    held_after: Mapping[str, float]


def calibrate(
    run: MeasuredRun, engine: scenario.Engine, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Fit:
    """Fit to the even requests of ``run``, judge on the odd ones. ``progress`` hears (turn, turns)."""
    _check(run, engine)
    gpu = load_gpu(engine.gpu)
    if engine.calibration is not None:
        gpu = apply_calibration(gpu, engine.calibration)
    spec = resolve(engine)
    link = FITTED_LINK if engine.tensor_parallel > 1 else ()
    start = [getattr(gpu.efficiency, name) for name in FITTED] + [getattr(gpu.link, name) for name in link]
    even = range(0, len(run.arrival_us), 2)

    def simulated(moves: Sequence[float]) -> Times:
        constants = [value * exp(move) for value, move in zip(start, moves, strict=True)]
        return replay(_with(spec, engine, _moved(gpu, constants)), run)

    def cost(moves: Sequence[float]) -> float:
        return _distance(run, simulated(moves), even) + STAY * sum(move * move for move in moves)

    best = minimise(cost, len(start), TURNS, progress)
    constants = [value * exp(move) for value, move in zip(start, best, strict=True)]
    before, after = simulated([0.0] * len(start)), simulated(best)
    odd = range(1, len(run.arrival_us), 2)
    return Fit(
        run=run.name,
        efficiency=dict(zip(FITTED, constants, strict=False)),
        link=dict(zip(link, constants[len(FITTED) :], strict=True)),
        fitted_before=_errors(run, before, even),
        fitted_after=_errors(run, after, even),
        held_before=_errors(run, before, odd),
        held_after=_errors(run, after, odd),
    )


def write_fit(fit: Fit, path: Path) -> None:
    """Write the YAML file that ``engine.calibration`` reads, whole or not at all."""
    content: dict[str, Any] = {
        "fitted_to": fit.run,
        "efficiency": {name: round(value, 6) for name, value in fit.efficiency.items()},
        "link": {name: round(value, 6) for name, value in fit.link.items()},
        "errors": {
            name: {figure: round(error, 4) for figure, error in errors.items()}
            for name, errors in asdict(fit).items()
            if name.startswith(("fitted_", "held_"))
        },
    }
    try:
        with NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as stream:
            yaml.safe_dump(content, stream, sort_keys=False)
        Path(stream.name).replace(path)
    except OSError as error:
        raise InputError(str(path), f"cannot be written ({error.strerror})", "give a writable path") from None


def _check(run: MeasuredRun, engine: scenario.Engine) -> None:
    if len(run.arrival_us) < LEAST_REQUESTS:
        raise InputError(
            run.name, f"has {len(run.arrival_us)} requests", f"give a run of {LEAST_REQUESTS} or more"
        )
    for half in (run.output_tokens[::2], run.output_tokens[1::2]):
        if max(half) < 2:
            raise InputError(
                run.name, "lacks requests with two output tokens", "give a run with a time per output token"
            )
    longest = resolve(engine).max_model_len
    for index, tokens in enumerate(run.input_tokens):
        if tokens >= longest:
            raise InputError(
                f"{run.name}: request {index + 1}",
                f"its prompt of {tokens} tokens does not fit the context of {longest}",
                "give the settings of the measured engine (engine.max_model_len, engine.kv_tokens)",
            )


def _moved(gpu: Gpu, constants: Sequence[float]) -> Gpu:
    """``gpu`` with other efficiencies."""
    own = dict(zip(FITTED, constants, strict=False))
    link = dict(zip(FITTED_LINK, constants[len(FITTED) :], strict=False))
    return replace(gpu, efficiency=replace(gpu.efficiency, **own), link=replace(gpu.link, **link))


def _with(spec: EngineSpec, engine: scenario.Engine, gpu: Gpu) -> EngineSpec:
    model = load_model(engine.model)
    return replace(spec, step=step_time(model, gpu, engine.tensor_parallel, spec.max_num_batched_tokens))


def _distance(run: MeasuredRun, times: Times, chosen: Sequence[int]) -> float:
    """How wrong: of the means, and of each request's time per token and end-to-end time. In log units."""
    real, simulated = means(run, run.times, chosen), means(run, times, chosen)
    wrong = fmean(_apart(getattr(simulated, figure), getattr(real, figure)) for figure in FIGURES)
    each = fmean(_apart(times.e2e_s[i], run.times.e2e_s[i]) for i in chosen)
    return wrong + each


def _apart(simulated: float, real: float) -> float:
    """Distance of two times in log units; a millisecond is added so that nothing divides by zero."""
    return abs(log((simulated + 1e-3) / (real + 1e-3)))


def _errors(run: MeasuredRun, times: Times, chosen: Sequence[int]) -> dict[str, float]:
    real, simulated = means(run, run.times, chosen), means(run, times, chosen)
    return {figure: _relative(simulated, real, figure) for figure in FIGURES}


def _relative(simulated: Means, real: Means, figure: str) -> float:
    truth = float(getattr(real, figure))
    return float(getattr(simulated, figure)) / truth - 1 if truth else 0.0
