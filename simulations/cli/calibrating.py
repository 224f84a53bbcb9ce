"""``hearth calibrate``: fit the engine's constants to a measured run, and say what they are worth."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from simulations.calibration.fit import FIGURES, TURNS, Fit, calibrate, write_fit
from simulations.calibration.measured import read_measured
from simulations.cli import outputs, progress, terminal
from simulations.errors import InputError
from simulations.scenario_file import load_scenario

NAMES = {
    "tpot_s": "time per output token",
    "ttft_s": "time to first token",
    "prefill_s": "TTFT without queueing",
    "e2e_s": "end to end",
}

DOUBTFUL = 0.2
"""Error of a mean on the held-back half beyond which a setting must be wrong, not a constant."""


def run(
    measured: Path, scenario: str | None, overrides: tuple[str, ...], out: Path | None, json_file: Path | None
) -> None:
    """Fit, write, print."""
    if out == outputs.STDOUT:
        raise InputError("--out", "- is no file", "name a file, or print the fit with --json -")
    outputs.check({"--out": out, "--json": json_file}, (str(measured), scenario))
    engine = load_scenario(scenario, overrides).engine
    real = read_measured(measured)
    with progress.bar(f"fitting to {real.name}", TURNS) as advance:
        fit = calibrate(real, engine, lambda done, _of: advance(done))
    if out:
        write_fit(fit, out)
    if json_file:
        outputs.write({json_file: json.dumps(asdict(fit), indent=1, allow_nan=False) + "\n"})
    if json_file != outputs.STDOUT:
        _show(fit, out)


def _show(fit: Fit, out: Path | None) -> None:
    console = terminal.out()
    console.print(_errors(fit))
    console.print("Errors of means, simulated against measured. The held-back half was never fitted to.\n")
    for name, value in {**fit.efficiency, **fit.link}.items():
        console.print(f"{name}: {value:.4g}")
    doubt = _doubt(fit)
    if doubt:
        console.print(f"\nwarning: {doubt}")
    elif out:
        console.print(f"\nUse it: hearth simulate --set engine.calibration={out} …", soft_wrap=True)


def _doubt(fit: Fit) -> str:
    """What to check when the fit does not predict the half that was held back; empty when it does."""
    worst = max(FIGURES, key=lambda figure: abs(fit.held_after[figure]))
    if abs(fit.held_after[worst]) <= DOUBTFUL:
        return ""
    return (
        f"the fit misses {NAMES[worst]} by {100 * abs(fit.held_after[worst]):.0f} %. Times are seconds; set "
        "engine.gpu, engine.max_num_seqs, engine.max_num_batched_tokens and engine.ingest_ms as the measured "
        "engine had them (docs/simulator.md, Calibrate)"
    )


def _errors(fit: Fit) -> Table:
    columns = ("", "shipped", "fitted", "shipped, held back", "fitted, held back")
    table = terminal.plain_table(f"Calibration on {fit.run}", columns)
    parts: tuple[Mapping[str, float], ...] = (
        fit.fitted_before,
        fit.fitted_after,
        fit.held_before,
        fit.held_after,
    )
    for figure in FIGURES:
        table.add_row(NAMES[figure], *(f"{100 * part[figure]:+.1f} %" for part in parts))
    return table
