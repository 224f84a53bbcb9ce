"""Whose a cluster's name is: one lock, held from the first moment of a start to the last of a stop.

It is on a file in the cluster's folder: ``up`` makes folder and lock, the keeper inherits the lock.
"""

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import IO

from tests.e2e.cluster import folders
from tests.e2e.cluster.keeper import clean
from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.machine import ClusterError


@dataclass(frozen=True, slots=True)
class Pids:
    """Of a running cluster, as the machine sees them."""

    keeper: int
    inside: int
    """``unshare``, whose child is process 1; itself in the cluster's network and mount namespaces."""


@contextmanager
def claimed(at: Layout) -> Iterator[IO[str]]:
    """The cluster's folder, empty but for its lock, which is held for the length of the block."""
    with nobody_else():
        if held(at):
            raise taken(at)
        clean_dead(at)
        folders.remove(folders.failed(at.root.name))
        at.root.mkdir(parents=True)
        lock = at.keeper.open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    with lock:
        yield lock


def nobody_else() -> AbstractContextManager[None]:
    """Between looking whether a name is free and taking it, or clearing it away."""
    return folders.locked(folders.cache() / ".clusters.lock")


def taken(at: Layout) -> ClusterError:
    """What a second start is told."""
    name = at.root.name
    return ClusterError(f"cluster {name} is running; make cluster-down first, or choose another name")


def pids(at: Layout) -> Pids | None:
    """The running cluster's processes; None when none runs (yet)."""
    try:
        numbers = at.keeper.read_text().split() if held(at) else ()
    except FileNotFoundError:
        return None
    return Pids(*map(int, numbers)) if numbers else None


def held(at: Layout) -> bool:
    """Whether the cluster is starting, running or stopping. A lock that nobody holds is a dead one's."""
    try:
        with at.keeper.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such file
        return False
    return False


def clean_dead(at: Layout) -> None:
    """Remove what a cluster left whose keeper was killed."""
    if at.root.exists():
        clean(at)
