"""Files that appear whole or not at all."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from simulations.errors import InputError

STDOUT = Path("-")


def check(paths: Mapping[str, Path | None]) -> None:
    """Refuse outputs that could not be written, before any work is done.

    ``paths`` maps an option (``--json``) to where it should go; None: not wanted.
    """
    wanted = {option: path for option, path in paths.items() if path is not None and path != STDOUT}
    for option, path in wanted.items():
        if path.is_dir():
            raise InputError(option, f"{path} is a directory", "name a file in it")
        if not path.parent.is_dir():
            raise InputError(option, f"there is no directory {path.parent}", "make it, or choose another one")
        if not os.access(path.parent, os.W_OK):
            raise InputError(option, f"{path.parent} cannot be written to", "choose another directory")
    if len({path.resolve() for path in wanted.values()}) < len(wanted):
        raise InputError(" and ".join(wanted), "two outputs name the same file", "give each its own")


def write(contents: Mapping[Path, str]) -> None:
    """Write all files beside their places, then move all of them in; a failure before that leaves nothing."""
    staged: list[tuple[Path, Path]] = []
    try:
        for path, text in contents.items():
            if path == STDOUT:
                sys.stdout.write(text)
                continue
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            staged.append((temporary, path))
            temporary.write_text(text, encoding="utf-8")
        for temporary, path in staged:
            temporary.replace(path)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
