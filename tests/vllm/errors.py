"""The two ways in which real vLLM is not to be had."""

from pathlib import Path


class UnableError(Exception):
    """This machine cannot run it, or it is not installed: what is missing, and what to do about it."""


class VllmError(Exception):
    """It went wrong: what did, and where the log is. ``str`` begins with one line that says so."""

    def __init__(self, what: str, log: Path | None = None, tail: str = "") -> None:
        self.log = log
        said = what if log is None else f"{what}; log: {log}"
        super().__init__(f"{said}\n{tail}" if tail else said)
