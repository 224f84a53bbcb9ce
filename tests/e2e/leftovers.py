"""What a cluster left behind: processes, cgroups, mounts, files. After a stop: nothing."""

from collections.abc import Iterator
from pathlib import Path

from tests.e2e.cluster import cgroups
from tests.e2e.cluster.layout import layout
from tests.e2e.cluster.marks import processes_of
from tests.e2e.cluster.spec import cgroup_prefix


def left_by(name: str) -> list[str]:
    """One line for each thing that is still there of cluster ``name``."""
    return [*_processes(name), *_cgroups(name), *_mounts(name), *_files(name)]


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
    """Of this mount namespace, which the cluster must never touch; a pod's network held by a mount too."""
    root = str(layout(name).root).replace(" ", "\\040")  # as the kernel writes a space
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if f"{root}/" in line or f"{root} " in line or "/netns/cni-" in line:
            yield f"mount {line}"


def _files(name: str) -> Iterator[str]:
    root = layout(name).root
    if root.exists():
        yield f"folder {root}"
