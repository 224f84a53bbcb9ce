"""What long work says while it runs: a line that is rewritten on a terminal, finished steps elsewhere."""

import sys
import time
from typing import Protocol


class Told(Protocol):
    """Somebody who wants to know."""

    def __call__(self, line: str) -> None:
        """Something is finished."""

    def step(self, line: str) -> None:
        """Something goes on."""


LOG_EVERY_S = 60.0


class Terminal:
    """On stderr: finished steps with seconds since the beginning, and what is under way.

    On a terminal that is a line which is rewritten; elsewhere, in a log, a line a minute.
    """

    def __init__(self) -> None:
        self._begun = self._said = time.monotonic()
        self._live = sys.stderr.isatty()

    def __call__(self, line: str) -> None:
        """Print a finished step."""
        self._said = time.monotonic()
        sys.stderr.write(f"{self._wipe()}{time.monotonic() - self._begun:6.1f} s  {line}\n")

    def step(self, line: str) -> None:
        """Show what is under way."""
        if not self._live and time.monotonic() - self._said > LOG_EVERY_S:
            self(line)
        elif self._live:
            sys.stderr.write(f"{self._wipe()}{line[:78]}")
            sys.stderr.flush()

    def _wipe(self) -> str:
        return "\r\x1b[K" if self._live else ""


class Silent:
    """For callers that do not want to know."""

    def __call__(self, line: str) -> None:
        """Nothing."""

    def step(self, line: str) -> None:
        """Nothing."""
