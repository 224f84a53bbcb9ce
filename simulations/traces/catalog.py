"""What ``--trace`` understands: the name of a recorded trace, ``synthetic:NAME``, or the path of a file."""

import difflib
from dataclasses import replace
from pathlib import Path

from simulations.errors import InputError
from simulations.requests import Trace
from simulations.traces import synthetic
from simulations.traces.read import read_trace

_FOLDER = Path(__file__).parent / "recorded"
RECORDED = {
    "azure-code": "azure-llm-2023-code.csv.gz",
    "azure-conv": "azure-llm-2023-conv.csv.gz",
    "aibrix": "aibrix-autoscaling-8min.csv.gz",
    "servegen-m-mid": "servegen-m-mid-24h.csv.gz",
    "servegen-m-small": "servegen-m-small-24h.csv.gz",
}
"""Name -> file; ``recorded/README.md`` gives sources and licences."""
_PREFIX = "synthetic:"


def names() -> tuple[str, ...]:
    """Every name that :func:`open_trace` knows beside paths."""
    return (*RECORDED, *(_PREFIX + load for load in synthetic.LOADS))


def recorded_path(name: str) -> Path:
    """Where the recorded trace ``name`` lies."""
    return _FOLDER / RECORDED[name]


def open_trace(reference: str, seed: int) -> Trace:
    """The trace that ``reference`` names; ``seed`` draws the synthetic ones.

    Raises :class:`InputError` for a name that is neither known nor a file, with the nearest known names.
    """
    if reference.startswith(_PREFIX):
        return _synthetic(reference, seed)
    name = reference if reference in RECORDED else _by_file_name(reference)
    if name is not None:
        return _named(read_trace(recorded_path(name)), name)
    if _lies_here(reference):
        return read_trace(reference)
    raise _unknown(reference)


def _lies_here(reference: str) -> bool:
    """Whether it is the path of anything; one that may not even be looked at is, so that reading says why."""
    try:
        return bool(reference) and Path(reference).exists()
    except OSError:
        return True


def _by_file_name(reference: str) -> str | None:
    """``azure-llm-2023-conv`` is a name too, unless a file of that name lies here."""
    if _lies_here(reference):
        return None
    found = (name for name, file in RECORDED.items() if reference in (file, file.removesuffix(".csv.gz")))
    return next(found, None)


def _synthetic(reference: str, seed: int) -> Trace:
    name = reference.removeprefix(_PREFIX)
    if name not in synthetic.LOADS:
        raise _unknown(reference)
    return synthetic.generate(name, seed)


def _named(trace: Trace, name: str) -> Trace:
    return replace(trace, name=name)


def _unknown(reference: str) -> InputError:
    near = difflib.get_close_matches(reference, names(), n=3, cutoff=0.5)
    known = ", ".join(near or names())
    return InputError(
        "--trace", f"no file and no known trace is called {reference!r}", f"give a path or one of: {known}"
    )
