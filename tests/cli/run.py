"""``hearth`` as a person starts it: a process of its own, in an empty directory, 80 columns wide."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "runtime.cli")
ENVIRONMENT = {**os.environ, "COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a command."""

    code: int
    out: str
    err: str


def hearth(*arguments: str, cwd: Path) -> Done:
    """Run to the end."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


def a_trace(folder: Path, name: str = "t.csv", requests: int = 40, gap_s: float = 2.0) -> str:
    """A small regular trace in ``folder``; its name."""
    rows = "".join(f"{i * gap_s},{200 + 10 * i},{20 + i}\n" for i in range(requests))
    (folder / name).write_text(f"timestamp_s,input_tokens,output_tokens\n{rows}", encoding="utf-8")
    return name


def files(folder: Path) -> list[str]:
    """Everything in ``folder``, hidden files too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
