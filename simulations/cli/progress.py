"""Progress on stderr: a bar on a terminal, silence elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from simulations.cli import terminal


class Advance(Protocol):
    """Moves a bar to ``done``, in the units of its total."""

    def __call__(self, done: float) -> None: ...


@contextmanager
def bar(what: str, total: float, *, counted: bool = False) -> Iterator[Advance]:
    """A bar with the time that is left. ``counted``: show ``7/60`` instead of a percentage."""
    console = terminal.err()
    share = MofNCompleteColumn() if counted else TaskProgressColumn()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), share, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)

        def advance(done: float) -> None:
            progress.update(task, completed=done)

        yield advance
