"""The place in the machine's cgroups below which a node's kubelet makes its pods' groups.

Each node has one of its own: two kubelets on one root kill each other's pods. Version 1 (one hierarchy a
controller) and version 2 (one for all) differ in where that is.
"""

import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_TRIES, _PAUSE_S = 50, 0.1


def version_2() -> bool:
    """Whether the machine has the unified hierarchy only."""
    return (ROOT / "cgroup.controllers").exists()


def _hierarchies() -> Iterator[Path]:
    if version_2():
        yield ROOT
    else:
        yield from (folder for folder in ROOT.iterdir() if (folder / "cgroup.procs").exists())


def make(name: str) -> None:
    """Make ``name`` in every hierarchy."""
    for hierarchy in _hierarchies():
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        for setting in (
            "cpuset.cpus",
            "cpuset.mems",
        ):  # version 1: empty in a new group, and nothing runs then
            if not version_2() and (group / setting).exists():
                (group / setting).write_text((hierarchy / setting).read_text())


def remove(prefix: str) -> list[Path]:
    """Remove every group whose name begins with ``prefix``; the kernel may take a moment to let go.

    Returns those that could not be removed.
    """
    left: list[Path] = []
    for _ in range(_TRIES):
        left = [group for hierarchy in _hierarchies() for group in hierarchy.glob(f"{prefix}*")]
        for group in left:
            _remove_tree(group)
        if not left:
            return []
        time.sleep(_PAUSE_S)
    return left


def _remove_tree(group: Path) -> None:
    """Deepest first; a group's files go with it."""
    for folder in sorted((path for path in group.rglob("*/")), key=lambda path: -len(path.parts)):
        _rmdir(folder)
    _rmdir(group)


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # still busy: tried again
        return
