"""Benchmarks talk on standard output."""

import sys


def say(line: str) -> None:
    """One line, at once: a benchmark takes a while."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
