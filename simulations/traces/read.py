"""Reads a request trace from a file, whatever its layout; plain text or gzip."""

import csv
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simulations.errors import InputError
from simulations.requests import Trace
from simulations.traces.formats import read_csv, read_mooncake

_GZIP_MAGIC = b"\x1f\x8b"
_LFS_POINTER = "version https://git-lfs"
_SUFFIXES = (".gz", ".csv", ".jsonl", ".json", ".txt")


def read_trace(path: str | Path) -> Trace:
    """The requests of ``path``: CSV or JSON lines, plain or gzip, told apart by their content.

    Raises :class:`InputError` with file, line, value and fix for anything that is no whole, sorted trace.
    """
    path = Path(path)
    with _opened(path) as raw, _unreadable_is_input(path):
        packed = raw.peek(2).startswith(_GZIP_MAGIC)
        with gzip.GzipFile(fileobj=raw) if packed else raw as stream:
            lines = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            return _parse(lines, str(path), trace_name(path))


def trace_name(path: Path) -> str:
    """``azure-llm-2023-conv.csv.gz`` -> ``azure-llm-2023-conv``."""
    name = path.name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _parse(lines: io.TextIOWrapper, path: str, name: str) -> Trace:
    first = lines.readline()
    if not first:
        raise InputError(path, "is empty", "give a trace with a header and at least one row")
    if "\0" in first:
        raise _binary(path)
    if first.startswith(_LFS_POINTER):
        raise InputError(path, "is a Git LFS pointer, not the data", "fetch the data with `git lfs pull`")
    rest = _with_first(first, lines)
    return read_mooncake(rest, path, name) if first.lstrip().startswith("{") else read_csv(rest, path, name)


def _with_first(first: str, lines: io.TextIOWrapper) -> Iterator[str]:
    yield first
    yield from lines


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a part of the path is forbidden
        raise InputError(str(path), "is a directory", "name one trace file")
    try:
        stream = path.open("rb")
    except OSError as error:
        fix = "check the path" if isinstance(error, FileNotFoundError) else "make it readable"
        raise InputError(str(path), (error.strerror or "cannot be opened").lower(), fix) from None
    with stream:
        yield stream


@contextmanager
def _unreadable_is_input(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            str(path), f"its gzip data is cut off or damaged ({error})", "fetch it again"
        ) from None
    except (UnicodeDecodeError, csv.Error):
        raise _binary(str(path)) from None


def _binary(path: str) -> InputError:
    return InputError(path, "is binary, not text", "give a CSV or JSON lines file, plain or gzip")
