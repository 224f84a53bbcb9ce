"""Images on nodes without importing them on each: a containerd root, made once per set of images.

A node gets its root as hard links to a store's files. Layers and blobs are never written in place, only
containerd's two databases are; those are copied. 0.1 s a node instead of 5 s for each import.
"""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.cluster import folders, images, waiting
from tests.e2e.cluster.images import Image
from tests.e2e.cluster.machine import ClusterError

_REPOSITORY = Path(__file__).parents[3]
KEPT = 30
"""Stores that are kept, one for each layer of the sets in use. They share their files by hard links."""
_PLUGINS_NOT_WANTED = ("io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt")
"""Nothing runs here; the second makes a folder in the machine's /opt."""
_SOCKET = "/run/containerd/containerd.sock"
_WITHIN_S = 30.0


def store_of(wanted: Sequence[Image]) -> Path:
    """A root with all of ``wanted`` imported and unpacked.

    It grows layer by layer from the store of what comes before: what changes most often goes last.
    """
    made = _grown([part for image in wanted for part in images.parts(image)])
    folders.keep_newest(made.parent, "[0-9a-f]*", KEPT)
    images.sweep()
    return made


def _grown(wanted: Sequence[Image]) -> Path:
    """Touches every store below as well: what an import may build on is kept."""
    below = _grown(wanted[:-1]) if len(wanted) > 1 else None
    final = folders.cache() / "stores" / folders.key(image.key for image in wanted)
    return folders.made_once(final, lambda half: _make(wanted[-1], below, half))


def give(store: Path, target: Path) -> None:
    """A root of its own at ``target``, linked from ``store``."""
    folders.remove(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["cp", "--archive", "--link", store, target], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ClusterError(f"images of {target}: {done.stderr.strip().splitlines()[-1]}")
    for database in store.rglob("*.db"):
        copy = target / database.relative_to(store)
        copy.unlink()
        shutil.copy2(database, copy)


def _make(image: Image, below: Path | None, half: Path) -> None:
    if below is not None:
        give(below, half)
    half.mkdir(parents=True, exist_ok=True)
    log = half.with_suffix(".log")
    unshare = ("unshare", "--mount", "--pid", "--net", "--fork", "--mount-proc", "--kill-child=KILL")
    argv = (*unshare, sys.executable, "-m", "tests.e2e.cluster.store", str(half))
    with (
        log.open("w") as file,
        subprocess.Popen(argv, cwd=_REPOSITORY, stdin=subprocess.PIPE, stdout=file, stderr=file) as child,
    ):
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            images.write(image, child.stdin)
    if child.returncode != 0:
        raise ClusterError(f"importing {image.name} failed", log)
    log.unlink()


def _import(root: str) -> None:
    """Process 1 of a namespace of its own: a containerd that lives as long as one import from stdin."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    config = Path("/run/containerd.toml")
    config.write_text(f"version = 2\ndisabled_plugins = {json.dumps(_PLUGINS_NOT_WANTED)}\n")
    argv = ["containerd", "--config", str(config), "--root", root, "--state", "/run/containerd"]
    containerd = subprocess.Popen([*argv, "--address", _SOCKET], stdin=subprocess.DEVNULL)
    waiting.until(lambda: Path(_SOCKET).exists() or containerd.poll() is not None, _WITHIN_S)
    subprocess.run(["ctr", "-a", _SOCKET, "-n", "k8s.io", "images", "import", "-"], check=True)
    containerd.terminate()
    containerd.wait()


if __name__ == "__main__":
    _import(*sys.argv[1:])
