"""Which processes are a cluster's, seen from the machine: by the marks that they carry.

What the cluster starts, and what is started in its network, has its name in the environment; a container,
which has an environment of its own, is in a cgroup that has the name in it.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.e2e.cluster.spec import cgroup_prefix

MARK = "HEARTH_CLUSTER"
"""In the environment of every program of a cluster: its name."""
_LOOK_S = 0.05


def processes_of(name: str) -> list[int]:
    """Every process of the cluster but this one, containers included."""
    return [pid for pid in _pids() if _belongs(pid, name)]


def end(name: str, within_s: float) -> list[int]:
    """Kill what is left in the cluster's networks and wait until it is gone; returns what is not.

    A process in the machine's own network is never touched: somebody may have the mark in a shell.
    """
    until = time.monotonic() + within_s
    while True:
        left = [pid for pid in processes_of(name) if _elsewhere(pid)]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not left or time.monotonic() > until:
            return left
        time.sleep(_LOOK_S)


def _pids() -> Iterator[int]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            yield int(path.name)


def _belongs(pid: int, name: str) -> bool:
    at = Path(f"/proc/{pid}")
    try:
        marked = f"{MARK}={name}".encode() in (at / "environ").read_bytes().split(b"\0")
        return marked or f"/{cgroup_prefix(name)}" in (at / "cgroup").read_text()
    except OSError:  # it ended while we looked
        return False


def _elsewhere(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    except OSError:
        return False
