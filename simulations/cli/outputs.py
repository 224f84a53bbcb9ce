"""Files that appear whole or not at all."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from simulations.errors import InputError

STDOUT = Path("-")
_LONGEST_NAME = 230
"""Bytes: file systems take 255, and a name gets a dot and the process's number while it is written."""


def check(paths: Mapping[str, Path | None], inputs: Iterable[str | None] = ()) -> None:
    """Refuse outputs that could not be written, before any work is done.

    ``paths`` maps an option (``--json``) to where it should go; None: not wanted. ``inputs`` are what the
    command reads: no output replaces one of them.
    """
    wanted = {option: path for option, path in paths.items() if path is not None}
    read = {os.path.realpath(name) for name in inputs if name}
    for option, path in wanted.items():
        if path != STDOUT:
            _check_file(option, path)
            if os.path.realpath(path) in read:
                raise InputError(option, f"{path} is what is read", "choose another name")
    if len({path if path == STDOUT else path.resolve() for path in wanted.values()}) < len(wanted):
        raise InputError(" and ".join(wanted), "two outputs name the same file", "give each its own")


def _check_file(option: str, path: Path) -> None:
    # os.path's questions answer "no" where a part of the path is too long or forbidden; Path's raise.
    if os.path.isdir(path):  # noqa: PTH112
        raise InputError(option, f"{path} is a directory", "name a file in it")
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise InputError(option, f"{path.name[:40]}... is too long a name", "choose a shorter one")
    if not os.path.isdir(path.parent):  # noqa: PTH112
        raise InputError(option, f"there is no directory {path.parent}", "make it, or choose another one")
    if not os.access(path if _is_special(path) else path.resolve().parent, os.W_OK):
        raise InputError(option, f"{path.parent} cannot be written to", "choose another directory")


def make_directory(option: str, path: Path) -> None:
    """Make ``path`` where it is missing. Raises :class:`InputError` where nothing can be written in it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(option, f"{path} cannot be made ({reason})", "choose another directory") from None
    if not os.access(path, os.W_OK):
        raise InputError(option, f"{path} cannot be written to", "choose another directory")


def _is_special(path: Path) -> bool:
    """A device or a pipe, such as ``/dev/null``: written to, never replaced."""
    return os.path.exists(path) and not os.path.isfile(path)  # noqa: PTH110, PTH113


def write(contents: Mapping[Path, str]) -> None:
    """Write all files beside their places, then move all of them in; a failure before that leaves nothing.

    Raises :class:`InputError` where that cannot be done (the disk is full, say).
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, text in contents.items():
            _stage(path, text, staged)
        for temporary, path in staged:
            temporary.replace(path)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = str(staged[-1][1]) if staged else "output"
        problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
        raise InputError(where, problem, "choose another place") from None
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _stage(path: Path, text: str, staged: list[tuple[Path, Path]]) -> None:
    if path == STDOUT:
        sys.stdout.write(text)
    elif _is_special(path):
        path.write_text(text, encoding="utf-8")
    else:
        place = path.resolve()  # a link stays a link: what it points to is replaced
        temporary = place.with_name(f".{place.name}.{os.getpid()}")
        staged.append((temporary, place))
        temporary.write_text(text, encoding="utf-8")
