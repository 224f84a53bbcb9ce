"""The keeper: the one process of a cluster outside its namespaces. It makes them, waits, and cleans up.

It waits for whatever comes first: process 1 ends, somebody asks it to stop (SIGTERM), or its owner (a test
run) is gone. Then it ends process 1, removes the cgroups and the cluster's folder. Should it be killed
itself, process 1 dies with it, and what is left is files and empty cgroups: the next start or
``cluster-down`` of that name removes them.

The cluster's lock comes locked from whoever starts it, so that there is no moment in which nobody holds it.

    python -m tests.e2e.cluster.keeper <cluster folder> <owner's pid, or 0> <descriptor of the locked file>
"""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.e2e.cluster import cgroups, folders, marks
from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.spec import cgroup_prefix

UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL")

FAILURES_KEPT = 5
_GONE_WITHIN_S = 30.0


def main(folder: str, owner: str, locked: str) -> None:
    """Keep one cluster."""
    at = Layout(Path(folder))
    with os.fdopen(int(locked), "w") as lock:
        stop, told = socket.socketpair()
        signal.signal(signal.SIGTERM, lambda *_: told.send(b"x"))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        child = _enter(at)
        lock.write(f"{os.getpid()} {child.pid}\n")
        lock.flush()
        _wait(child, int(owner), stop)
        child.kill()
        child.wait()
        clean(at)


def in_namespaces(module: str, *words: str) -> list[str]:
    """The command that runs a module as process 1 of new namespaces, which end when their maker does."""
    return ["setpriv", "--pdeathsig=KILL", *UNSHARE, sys.executable, "-m", module, *words]


def _enter(at: Layout) -> "subprocess.Popen[bytes]":
    argv = in_namespaces("tests.e2e.cluster.init", str(at.root))
    with (at.logs / "init.log").open("wb") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _wait(child: "subprocess.Popen[bytes]", owner: int, stop: socket.socket) -> None:
    poller = select.poll()
    poller.register(os.pidfd_open(child.pid), select.POLLIN)
    poller.register(stop, select.POLLIN)
    if owner:
        try:
            poller.register(os.pidfd_open(owner), select.POLLIN)
        except ProcessLookupError:  # gone already
            return
    poller.poll()


def clean(at: Layout) -> None:
    """End what is left, and remove what outlives it. The logs of a cluster that did not come up are kept.

    The lock's file goes last: until then the name is taken.
    """
    marks.end(at.root.name, _GONE_WITHIN_S)
    cgroups.remove(cgroup_prefix(at.root.name))
    if not at.ready.exists() and at.logs.exists():
        aside = folders.failed(at.root.name)
        folders.remove(aside)
        aside.parent.mkdir(parents=True, exist_ok=True)
        at.logs.rename(aside)
        folders.keep_newest(aside.parent, "*", FAILURES_KEPT)
        if at.failure.exists():
            at.failure.rename(aside / "failure")
    for path in [path for path in at.root.iterdir() if path != at.keeper]:
        folders.remove(path)
    folders.remove(at.root)


if __name__ == "__main__":
    main(*sys.argv[1:])
