"""``hearth demo``: Hearth and its rivals on two recorded hours of traffic that need several replicas."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from simulations import pool, prepare
from simulations.cli import outputs, progress, terminal
from simulations.errors import InputError
from simulations.report import story, write
from simulations.run import play
from simulations.scenario import Scenario
from simulations.scenario_file import load_scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One recorded trace, and how many times its users there are."""

    trace: str
    title: str
    copies: int
    """As recorded, either trace fits on one H100, which would show nothing."""
    static: int
    """A fixed fleet to compare with: the smallest that meets the SLO."""


LOADS = (
    Load(trace="azure-conv", title="Conversations", copies=12, static=5),
    Load(trace="azure-code", title="Code completion", copies=8, static=7),
)
POLICIES = ("hearth", "kv", "queue", "inflight", "kpa", "apa", "wva", "llmd-slo", "llmd-tokens", "dynamo")
"""Every law as its authors ship it; ours as we do."""
MIN_REPLICAS, MAX_REPLICAS = 2, 16
SEED = 0
LEAD = (
    "Two recorded hours of an LLM service (Azure, November 2023), replayed against simulated fleets of "
    "Llama-3.1-8B on H100s. Every policy sees the same requests, 100 s cold starts and the same bill, with "
    "the settings that its authors ship; `hearth sweep` tunes each of them by a grid of its own."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One run of the demo."""

    load: Load
    policy: str


def run(out: Path, json_file: Path | None, jobs: int | None) -> None:
    """Run every policy on every load on all cores, print a table each, write the report."""
    if out == outputs.STDOUT or out.is_dir():
        raise InputError("--out", f"{out} is no file name", "name a file, such as out/demo.html")
    outputs.check({"--json": json_file})
    tasks = [Task(load=load, policy=policy) for load in LOADS for policy in _policies(load)]
    finished = 0
    with progress.bar("two hours of traffic", len(tasks), counted=True) as advance:

        def one_more(_number: int, _panel: write.Panel) -> None:
            nonlocal finished
            finished += 1
            advance(finished)

        panels = pool.run(work, tasks, jobs or pool.cores(), one_more)
    chapters = _chapters(panels)
    page = write.comparison("Hearth and its rivals", LEAD, chapters, version("hearth"))
    out.parent.mkdir(parents=True, exist_ok=True)
    outputs.write({out: page} | ({json_file: _json(chapters)} if json_file else {}))
    if json_file != outputs.STDOUT:
        _show(terminal.out(), chapters, out)


def work(task: Task) -> write.Panel:
    """One run, drawn, in a worker process."""
    scenario = _scenario(task.load)
    trace = prepare.trace(task.load.trace, scenario, SEED)
    run = play(scenario, trace, task.policy, SEED)
    told = story.tell(run.judge(), run.trace, run.outcomes, run.fleet, run.idle_ttft_s)
    return write.panel(told, stories_on_page=len(LOADS) * len(_policies(task.load)))


def _scenario(load: Load) -> Scenario:
    fleet = (f"cluster.min_replicas={MIN_REPLICAS}", f"cluster.max_replicas={MAX_REPLICAS}")
    return load_scenario(None, [f"trace.copies={load.copies}", *fleet])


def _policies(load: Load) -> tuple[str, ...]:
    return (*POLICIES, f"static:{load.static}")


def _chapters(panels: Sequence[write.Panel]) -> list[write.Chapter]:
    each = len(panels) // len(LOADS)
    return [
        write.Chapter(title=_title(load), panels=tuple(panels[i * each : (i + 1) * each]))
        for i, load in enumerate(LOADS)
    ]


def _title(load: Load) -> str:
    return f"{load.title}: {load.trace}, {load.copies} {'copy' if load.copies == 1 else 'copies'}"


def _json(chapters: Sequence[write.Chapter]) -> str:
    """Every result as ``hearth simulate --json`` writes it, without its timeline."""
    results = [panel.story.result.as_json() for chapter in chapters for panel in chapter.panels]
    rows = [{key: value for key, value in result.items() if key != "timeline"} for result in results]
    return json.dumps(rows, indent=1, allow_nan=False) + "\n"


def _show(console: Console, chapters: Sequence[write.Chapter], out: Path) -> None:
    for chapter in chapters:
        terminal.show_policies(console, chapter.title, [panel.story.result for panel in chapter.panels])
        console.print()
    console.print("Bold: met the SLO for 98 % of all requests. Seconds; GPU-h counts start-up and drain.")
    console.print(f"Open {out}: the cost/SLO chart of each load first, then hearth over time.")
    load = LOADS[0]
    bounds = f"--set cluster.min_replicas={MIN_REPLICAS} --set cluster.max_replicas={MAX_REPLICAS}"
    console.print("The first row by itself, with a report of its own:")
    console.print(f"  {_command()} simulate --trace {load.trace} --set trace.copies={load.copies} \\")
    console.print(f"    {bounds} \\")
    console.print("    --html out/run.html")


def _command() -> str:
    """``hearth`` as this shell finds it: ``make demo`` has it in .venv/bin only."""
    return "hearth" if shutil.which("hearth") else os.path.relpath(sys.argv[0])
