"""What this machine must have before a cluster can run on it, and the two ways in which one fails."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EXIT_FAILED, EXIT_UNABLE = 1, 3


class UnableError(Exception):
    """This machine cannot do it: what is missing, and what to do about it."""


class ClusterError(Exception):
    """It went wrong: what did, and where the log is. ``str`` is one line."""

    def __init__(self, what: str, log: Path | None = None) -> None:
        self.log = log
        super().__init__(what if log is None else f"{what}; log: {log}")


@dataclass(frozen=True, slots=True)
class Need:
    """One program, and the Debian package that brings it."""

    program: str
    package: str


BARE = (Need("unshare", "util-linux"), Need("nsenter", "util-linux"), Need("ip", "iproute2"))
NODES = (
    *BARE,
    Need("containerd", "containerd"),
    Need("runc", "runc"),
    Need("nft", "nftables"),
    Need("/usr/lib/cni/bridge", "containernetworking-plugins"),
    Need("debootstrap", "debootstrap"),
)
"""Of a cluster whose nodes run containers."""


def require(needs: Sequence[Need]) -> None:
    """Raise :class:`UnableError` unless this process is root and every program is here."""
    if os.geteuid() != 0:
        raise UnableError(
            "a cluster needs root, for namespaces and cgroups; run as root, or in a VM where you are"
        )
    missing = sorted({need.package for need in needs if shutil.which(need.program) is None})
    if missing:
        raise UnableError(
            f"missing: {', '.join(missing)}; make cluster-deps, or apt-get install {' '.join(missing)}"
        )


def require_space(folder: Path, need_bytes: int, what: str) -> None:
    """Raise :class:`ClusterError` where ``folder``'s disk is too full for what is about to be written."""
    free = shutil.disk_usage(folder).free
    if free < need_bytes:
        gib = 1 << 30
        raise ClusterError(
            f"{what} needs {need_bytes / gib:.1f} GiB, {folder} has {free / gib:.1f} GiB free; "
            "free some, or set HEARTH_CACHE to another disk"
        )
