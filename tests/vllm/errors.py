"""The way in which real vLLM goes wrong. What a machine cannot do is the test cluster's ``UnableError``."""

from pathlib import Path


class VllmError(Exception):
    """It went wrong: what did, and where the log is. ``str`` begins with one line that says so."""

    def __init__(self, what: str, log: Path | None = None, tail: str = "") -> None:
        self.log = log
        said = what if log is None else f"{what}; log: {log}"
        super().__init__(f"{said}\n{tail}" if tail else said)
