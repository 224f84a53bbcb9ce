"""Where things lie: a cache that every clone on this machine shares, and the state of running clusters.

``$HEARTH_CACHE`` (``~/.cache/hearth``)::

    programs/<name>-<key>/        binaries, keyed by what they are built from
    images/layer-<name>-<key>.tar image layers, each with its digest beside it
    stores/<key>/                 a containerd root with a set of images in it
    clusters/<name>/              a running cluster: spec, certificates, logs, its nodes' files
    failed/<name>/                the logs of a cluster that did not come up, until its next start

State lies beside the cache because nodes hard-link their images from a store: one file system.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def cache() -> Path:
    """The root of all."""
    given = os.environ.get("HEARTH_CACHE")
    return Path(given).resolve() if given else Path.home() / ".cache" / "hearth"


def clusters() -> Path:
    """Running clusters, one folder each."""
    return cache() / "clusters"


def failed(name: str) -> Path:
    """The logs of a cluster that did not come up."""
    return cache() / "failed" / name


def key(parts: Iterable[str | bytes]) -> str:
    """Twelve hex digits over parts, each with its length before it."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:12]


def tree_key(folder: Path, *more: str) -> str:
    """The key of every file below a folder: names and contents."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    named = [part for path in files for part in (str(path.relative_to(folder)), path.read_bytes())]
    return key([*more, *named])


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path`` (made if need be); waits for whoever holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def made_once(final: Path, make: Callable[[Path], None]) -> Path:
    """``final``, made by ``make(temporary path)`` unless it is there.

    Renamed into place, so a killed maker leaves nothing that counts; a lock keeps two clones from making
    the same thing at the same time.
    """
    if not final.exists():
        with locked(final.parent / f".{final.name}.lock"):
            if not final.exists():
                _make(final, make)
    os.utime(final)  # what was used lately is kept longest
    return final


def _make(final: Path, make: Callable[[Path], None]) -> None:
    half = final.parent / f".{final.name}.half"
    remove(half)
    make(half)
    half.rename(final)


def keep_newest(folder: Path, pattern: str, count: int) -> None:
    """Remove all but the ``count`` entries that were used last, and what killed makers left."""
    entries = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in entries[count:]:
        forget(old)
    for half in (*folder.glob(".*.half"), *folder.glob(".*.tree")):
        with half.with_suffix(".lock").open("a") as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(half)


def forget(final: Path) -> None:
    """Remove what :func:`made_once` made: out of sight first, for half removed must not count as whole."""
    lock, half = (final.parent / f".{final.name}.{kind}" for kind in ("lock", "half"))
    with locked(lock):
        remove(half)
        if final.exists():
            final.rename(half)
        remove(half)
        lock.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file or a tree, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
