"""``python -m tests.e2e.hpa``: drive the table of cases through real KEDA and a real HPA, and compare.

Examples:
    python -m tests.e2e.hpa record                       # all cases: 4 minutes; writes the recordings anew
    python -m tests.e2e.hpa record ten-replicas-keep-eleven
    python -m tests.e2e.hpa compare                      # the recordings against the model
"""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tests.e2e.cluster import machine
from tests.e2e.cluster.progress import Terminal
from tests.e2e.hpa import recording
from tests.e2e.hpa.cases import CASES, named
from tests.e2e.hpa.compare import RECORDED, compare
from tests.e2e.hpa.recording import Recording
from tests.e2e.hpa.rounds import driven

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def record(
    names: Annotated[list[str] | None, typer.Argument(help="Cases by name; none: all.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Leave the raw logs in this folder.")] = None,
) -> None:
    """Drive cases through the real ones, write what they did, and compare."""
    with tempfile.TemporaryDirectory() as spare:
        folder = keep or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        made = driven(named(names or []), folder, Terminal(), cluster="hpa")
    kept = {one.case: one for one in recording.load(RECORDED)} if RECORDED.exists() and names else {}
    kept |= {one.case: one for one in made}
    recording.save([kept[case.name] for case in CASES if case.name in kept], RECORDED)
    _report(made)


@app.command("compare")
def compare_recorded() -> None:
    """Hold the recordings against the model."""
    _report(recording.load(RECORDED))


def _report(made: list[Recording]) -> None:
    outcome = compare(made)
    for line in outcome.lines():
        sys.stdout.write(line + "\n")
    if outcome.differing:
        sys.exit(1)


if __name__ == "__main__":
    try:
        app()
    except (machine.UnableError, machine.ClusterError, ValueError) as error:
        sys.stderr.write(f"hpa: {error}\n")
        sys.exit(machine.EXIT_FAILED)
