"""``hearth sweep``: from the options to files and tables."""

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from simulations import pool, prepare
from simulations.cli import outputs, progress, terminal
from simulations.errors import InputError
from simulations.policies.parameters import nearest
from simulations.policies.registry import NAMES, build
from simulations.sweeps import recommend
from simulations.sweeps.analysis import OURS, Comparison, compare
from simulations.sweeps.cells import Cell, Score, Store
from simulations.sweeps.grid import Plan, Vary, execute, plan_cells, trace_digest
from simulations.sweeps.recommend import Recommendation


def names(text: str) -> tuple[str, ...]:
    """``hearth,kv`` -> both, each once. Raises :class:`InputError` for one that is not known."""
    found = tuple(dict.fromkeys(_values("--policies", text)))
    for name in found:
        if name.partition(":")[0] not in NAMES:
            raise InputError(
                "--policies",
                f"unknown policy {name!r}",
                f"did you mean {nearest(name, tuple(NAMES))}? known: {', '.join(NAMES)}",
            )
    return found


def axes(cold_starts: str | None, copies: str | None, vary: tuple[str, ...]) -> tuple[Vary, ...]:
    """The conditions of a sweep, in the order in which tables name them."""
    found = []
    if cold_starts is not None:
        found.append(Vary(key="cold_start.seconds", values=_values("--cold-starts", cold_starts)))
    if copies is not None:
        found.append(Vary(key="trace.copies", values=_values("--copies", copies)))
    for text in vary:
        key, equals, values = text.partition("=")
        if not equals:
            raise InputError(f"--vary {text}", "is no setting with values", "write hpa.tolerance=0,0.1")
        found.append(Vary(key=key.strip(), values=_values(f"--vary {key}", values)))
    return tuple(found)


def _values(option: str, text: str) -> tuple[str, ...]:
    values = tuple(value.strip() for value in text.split(","))
    if not all(values):
        raise InputError(option, f"{text!r} has an empty value", "write them with commas between: a,b")
    return values


def run(plan: Plan, out: Path, json_file: Path | None, jobs: int | None) -> None:
    """Check everything, run what is missing, judge, write, print."""
    from simulations.report import sweep_page  # brings Bokeh: half a second that a mistake need not wait for

    outputs.check({"--json": json_file}, (plan.trace, plan.scenario))
    if out.exists() and not out.is_dir():
        raise InputError("--out", f"{out} is a file", "name a directory")
    planned = plan_cells(plan)
    prepare.trace(plan.trace, planned[0].scenario, 0)
    outputs.make_directory("--out", out)
    scores = _scores(planned, Store(out / "cells", trace_digest(plan.trace)), jobs or pool.cores())
    comparisons = compare(scores, planned[0].scenario.slo.target)
    recommendation = _recommendation(plan, planned, comparisons)
    document = _json(plan, comparisons, recommendation)
    contents = {
        out / "sweep.json": document,
        out / "sweep.html": sweep_page.render(plan.trace, comparisons, recommendation, version("hearth")),
    }
    if recommendation:
        contents[out / "scaledobject.yaml"] = recommendation.manifest
    if json_file:
        contents[json_file] = document
    outputs.write(contents)
    if not recommendation:  # what an earlier sweep recommended here was judged on other runs
        (out / "scaledobject.yaml").unlink(missing_ok=True)
    if json_file != outputs.STDOUT:
        _show(comparisons, recommendation, out)


def _scores(planned: list[Cell], store: Store, jobs: int) -> list[Score]:
    finished = 0
    try:
        with progress.bar("sweep", len(planned), counted=True) as advance:

            def on_score(done: int) -> None:
                nonlocal finished
                finished = done
                advance(done)

            return execute(planned, store, jobs, on_score)
    except KeyboardInterrupt:
        terminal.err().print(
            f"hearth: stopped; {finished} of {len(planned)} runs are finished and kept in "
            f"{store.directory}. The same command goes on from there."
        )
        raise


def _recommendation(
    plan: Plan, planned: list[Cell], comparisons: tuple[Comparison, ...]
) -> Recommendation | None:
    label = recommend.pick(comparisons)
    if label is None:
        return None
    scenario = next(c.scenario for c in planned if c.family == OURS and c.label == label)
    actuation = build(OURS, scenario.policy, scenario).actuation
    return recommend.recommend(comparisons, label, plan.trace, scenario, actuation)


def _json(plan: Plan, comparisons: tuple[Comparison, ...], recommendation: Recommendation | None) -> str:
    document = {
        "version": version("hearth"),
        "plan": asdict(plan),
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "recommendation": asdict(recommendation) if recommendation else None,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _show(comparisons: tuple[Comparison, ...], recommendation: Recommendation | None, out: Path) -> None:
    console = terminal.out()
    for comparison in comparisons:
        terminal.show_comparison(console, comparison)
        console.print()
    if recommendation:
        terminal.show_recommendation(console, recommendation, out / "scaledobject.yaml")
    console.print(f"Report: {out / 'sweep.html'}")
