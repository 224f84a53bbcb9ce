"""The base layer of the project's own images: a slim Debian with Python, made here by debootstrap."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.e2e.cluster import folders, machine
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.progress import Told

SUITE = "bookworm"
PACKAGES = ("python3", "ca-certificates", "libnuma1")
"""libnuma (50 KB) is what real vLLM links to."""
PYTHON = "3.11"
"""Of that suite: what the layers above are installed and compiled for."""
_LEAVE_OUT = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "dev",
)
_SOURCES = Path("/etc/apt")
_APART = (
    "setpriv",
    "--pdeathsig=KILL",
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child=KILL",
)
"""It mounts /proc in what it makes: killed, it would leave that mount on the machine."""


def base_layer(tell: Told) -> Path:
    """A tar of the tree: 117 MiB, once a machine (40 s). What a container has no use for is left out."""
    key = folders.key([SUITE, *PACKAGES, *_LEAVE_OUT])
    final = folders.cache() / "images" / f"layer-debian-{key}.tar"
    if not final.exists():
        machine.require(machine.NODES)
        tell.step(f"debootstrap {SUITE}")
    return folders.made_once(final, lambda half: _make(half, tell))


def _make(half: Path, tell: Told) -> None:
    tree, log = half.with_suffix(".tree"), half.parent / "debootstrap.log"
    folders.remove(tree)
    half.parent.mkdir(parents=True, exist_ok=True)
    words = ["--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(tree), mirror()]
    try:
        with log.open("w") as file:
            done = subprocess.run([*_APART, "debootstrap", *words], stdout=file, stderr=file, check=False)
        if done.returncode != 0:
            raise ClusterError("debootstrap failed", log)
        _pack(tree, half)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    log.unlink()
    tell(f"debian base: {half.stat().st_size >> 20} MiB")


def _pack(tree: Path, out: Path) -> None:
    """The order and the times of files are fixed: equal trees make equal layers."""
    leave_out = [f"--exclude=./{path}/*" for path in _LEAVE_OUT]
    order = ["--sort=name", "--mtime=@0", "--numeric-owner"]
    subprocess.run(["tar", "-C", tree, *leave_out, *order, "-cf", out, "."], check=True)


def mirror() -> str:
    """Where this machine's apt fetches from; Debian's own default where that cannot be read."""
    for path in sorted(_SOURCES.rglob("*")):
        if path.suffix in (".sources", ".list") and path.is_file():
            found = re.search(r"^(?:URIs:|deb(?: \[.*?\])?)\s+(\S+)", path.read_text(), re.MULTILINE)
            if found and "security" not in found[1]:
                return found[1]
    return ""
