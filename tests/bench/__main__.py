"""Every benchmark, in a fixed order: ``python -m tests.bench [NAME …]``. Prints; asserts nothing."""

import importlib
import sys
from pathlib import Path
from typing import Protocol, cast

FIRST = ("fidelity", "engine_speed")
"""What everything else stands on; the rest follows by name."""


class Benchmark(Protocol):
    """A module with something to print."""

    def main(self) -> None:
        """Run and print."""
        ...


def names() -> list[str]:
    """Modules of this folder that have a ``main``."""
    found = {
        path.stem for path in Path(__file__).parent.glob("*.py") if "def main(" in path.read_text("utf-8")
    }
    found.discard("__main__")
    return [*(name for name in FIRST if name in found), *sorted(found.difference(FIRST))]


def run(wanted: list[str]) -> None:
    """Run the named benchmarks, or all."""
    known = names()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"unknown benchmark {unknown[0]!r}; known: {', '.join(known)}")
    for name in wanted or known:
        cast("Benchmark", importlib.import_module(f"tests.bench.{name}")).main()


if __name__ == "__main__":
    run(sys.argv[1:])
