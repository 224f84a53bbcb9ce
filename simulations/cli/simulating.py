"""``hearth simulate``: one run, its table and its files."""

import io
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from simulations import prepare, searches
from simulations.cli import outputs, progress, terminal
from simulations.cli.per_request import write_per_request
from simulations.errors import InputError
from simulations.policies.registry import SEARCHES
from simulations.requests import Trace
from simulations.run import Run, play
from simulations.scenario import Scenario
from simulations.scenario_file import load_scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Files that were asked for; None: not wanted."""

    json: Path | None
    html: Path | None
    per_request: Path | None

    def check(self, *inputs: str | None) -> None:
        """Raises :class:`InputError` for a file that could not be written, or that is one of ``inputs``."""
        outputs.check({"--json": self.json, "--html": self.html, "--per-request": self.per_request}, inputs)


def run_one(
    reference: str, scenario: str | None, overrides: tuple[str, ...], policy: str, seed: int, wanted: Outputs
) -> None:
    """Check everything, run, write the files, print the table."""
    wanted.check(reference, scenario)
    setup = load_scenario(scenario, overrides)
    prepare.check(setup, policy)
    trace = prepare.trace(reference, setup, seed)
    if policy in SEARCHES:
        _search(policy, setup, trace, seed, wanted)
        return
    with progress.bar(f"{policy} on {trace.name}", 1.0) as advance:
        run = play(setup, trace, policy, seed, on_progress=advance)
    _finish(run, wanted)


def _search(policy: str, setup: Scenario, trace: Trace, seed: int, wanted: Outputs) -> None:
    with progress.bar(f"{policy} on {trace.name}", 1.0) as advance:
        found = searches.find(
            policy, setup, trace, seed, on_play=lambda plays, budget: advance(plays / budget)
        )
    if isinstance(found, searches.Bound):
        _finish_bound(found, wanted)
    else:
        _finish(found, wanted)


def _finish(run: Run, wanted: Outputs) -> None:
    result = run.judge()
    contents: dict[Path, str] = {}
    if wanted.json:
        contents[wanted.json] = result.to_json()
    if wanted.html:
        contents[wanted.html] = _page(run)
    if wanted.per_request:
        contents[wanted.per_request] = _rows(run)
    outputs.write(contents)
    if outputs.STDOUT not in contents:
        terminal.show_run(terminal.out(), result)


def _finish_bound(found: searches.Bound, wanted: Outputs) -> None:
    if wanted.html or wanted.per_request:
        raise InputError("lower-bound", "is a bound, no run", "ask for --json only")
    if wanted.json:
        outputs.write({wanted.json: found.to_json()})
    if wanted.json != outputs.STDOUT:
        terminal.show_bound(terminal.out(), found)


def _page(run: Run) -> str:
    from simulations.report import story, write

    told = story.tell(run.judge(), run.trace, run.outcomes, run.fleet, run.idle_ttft_s)
    return write.run(told, version("hearth"))


def _rows(run: Run) -> str:
    stream = io.StringIO()
    write_per_request(stream, run.trace, run.outcomes, slo=run.scenario.slo, idle_ttft_s=run.idle_ttft_s)
    return stream.getvalue()
