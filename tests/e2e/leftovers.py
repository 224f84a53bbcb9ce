"""What a cluster left behind: processes, cgroups, mounts, files. After a stop: nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.cluster import cgroups
from tests.e2e.cluster.layout import layout
from tests.e2e.cluster.life import MARK
from tests.e2e.cluster.spec import cgroup_prefix


def left_by(name: str) -> list[str]:
    """One line for each thing that is still there of cluster ``name``."""
    return [*_processes(name), *_cgroups(name), *_mounts(name), *_files(name)]


def processes_of(name: str) -> list[int]:
    """Every process of the cluster, containers included, by the marks that they cannot lose."""
    return [pid for pid in _pids() if _belongs(pid, name)]


def _pids() -> Iterator[int]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and int(path.name) != os.getpid():
            yield int(path.name)


def _belongs(pid: int, name: str) -> bool:
    """By its environment (our programs) or its cgroup (containers)."""
    at = Path(f"/proc/{pid}")
    try:
        marked = f"{MARK}={name}".encode() in (at / "environ").read_bytes().split(b"\0")
        return marked or f"/{cgroup_prefix(name)}" in (at / "cgroup").read_text()
    except OSError:  # it ended while we looked
        return False


def _processes(name: str) -> Iterator[str]:
    for pid in processes_of(name):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        yield f"process {pid} ({state}) {words[:80]}"


def _cgroups(name: str) -> Iterator[str]:
    for group in cgroups.ROOT.glob(f"**/{cgroup_prefix(name)}*"):
        yield f"cgroup {group}"


def _mounts(name: str) -> Iterator[str]:
    """Of this mount namespace, which the cluster must never touch; network namespaces held by a mount too."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if str(layout(name).root) in line or " - nsfs " in line:
            yield f"mount {line}"


def _files(name: str) -> Iterator[str]:
    root = layout(name).root
    if root.exists():
        yield f"folder {root}"
