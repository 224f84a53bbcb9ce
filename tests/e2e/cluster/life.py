"""Start, stop, look at clusters. What tests use is :class:`tests.e2e.cluster.cluster.Cluster`."""

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests.e2e.cluster import build, folders, keda, machine, programs, store
from tests.e2e.cluster.keeper import clean
from tests.e2e.cluster.layout import Layout, layout
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.pki import write_pki
from tests.e2e.cluster.progress import Told
from tests.e2e.cluster.spec import Spec, read_spec
from tests.e2e.cluster.supervise import ask

REPOSITORY = Path(__file__).parents[3]
MARK = "HEARTH_CLUSTER"
"""In the environment of every program of a cluster: its name."""
RUNS = "runs"
DEAD_S = 600
RUN_BYTES = 1 << 30
"""Room that a cluster wants for etcd, logs and its nodes' writable layers."""
_LOOK_S, _STOP_WITHIN_S, _SOCKET_PATH_MOST = 0.05, 30.0, 100


@dataclass(frozen=True, slots=True)
class Pids:
    """Of a running cluster, as the machine sees them."""

    keeper: int
    inside: int
    """``unshare``, whose child is process 1; itself in the cluster's network and mount namespaces."""


def up(spec: Spec, tell: Told, *, owner: int = 0) -> Layout:
    """Start a cluster and return once everything in it is ready.

    ``owner``: a process whose end ends the cluster. Raises :class:`machine.UnableError` where the machine
    cannot, :class:`machine.ClusterError` with one line and the log where it did not come up.
    """
    machine.require(machine.NODES if spec.nodes else machine.BARE)
    at = layout(spec.name)
    if pids(at) is not None:
        raise ClusterError(f"cluster {spec.name} is running; make cluster-down first, or choose another name")
    down(spec.name)
    _sweep()
    binaries = _binaries(spec, tell)
    machine.require_space(folders.cache(), RUN_BYTES, f"cluster {spec.name}")
    if len(str(at.node("node250") / "control.sock")) > _SOCKET_PATH_MOST:
        raise ClusterError(f"{at.root} is too long for unix sockets; set HEARTH_CACHE to a shorter path")
    try:
        _prepare(spec, at, binaries, tell)
    except BaseException:
        folders.remove(at.root)
        raise
    _follow(at, _start_keeper(at, owner), tell)
    return at


def _start_keeper(at: Layout, owner: int) -> int:
    """Start it as nobody's child; returns the end of a pipe that reports its death."""
    alive, held = os.pipe()
    argv = ("setsid", "--fork", sys.executable, "-m", "tests.e2e.cluster.keeper", str(at.root), str(owner))
    with (at.logs / "keeper.log").open("wb") as log:
        subprocess.run(
            argv,
            cwd=REPOSITORY,
            env={**os.environ, MARK: at.root.name},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[held],
            check=True,
        )
    os.close(held)
    return alive


def _binaries(spec: Spec, tell: Told) -> dict[str, Path]:
    wanted = [
        *programs.BARE,
        *(programs.NODES if spec.nodes else ()),
        *(programs.KEDAS if spec.keda != "no" else ()),
    ]
    return build.built(wanted, tell)


def _prepare(spec: Spec, at: Layout, binaries: dict[str, Path], tell: Told) -> None:
    """The cluster's folder: what to be, certificates, links to the binaries, the nodes' images."""
    for folder in (at.logs, at.root / "bin"):
        folder.mkdir(parents=True)
    spec.write(at.spec)
    write_pki(at.root, spec.links)
    for folder in binaries.values():
        for binary in folder.iterdir():
            (at.root / "bin" / binary.name).symlink_to(binary)
    if spec.keda != "no":
        rendered = keda.manifests(binaries["kube"] / "kubectl")
        (at.root / "keda.yaml").write_bytes((rendered / "keda.yaml").read_bytes())
    for link in spec.links:
        store.give(Path(spec.store), at.node(link.name) / "containerd")
    tell("prepared")


def _follow(at: Layout, alive: int, tell: Told) -> None:
    """Pass on what process 1 says until it is ready or gone."""
    said = 0
    try:
        while not at.ready.exists():
            if _ended(alive, _LOOK_S):
                raise _why(at)
            lines = _lines(at.steps)
            for line in lines[said:]:
                tell(line)
            said = len(lines)
    finally:
        os.close(alive)
    tell("ready")


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def _why(at: Layout) -> ClusterError:
    aside = folders.failed(at.root.name)
    failure = aside / "failure"
    if failure.exists():
        return ClusterError(failure.read_text().replace(str(at.logs), str(aside)))
    return ClusterError(f"cluster {at.root.name} ended while it started", aside / "init.log")


def pids(at: Layout) -> Pids | None:
    """The running cluster's processes; None when none runs. A lock that nobody holds is a dead keeper's."""
    try:
        with at.keeper.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        numbers = at.keeper.read_text().split()
        return Pids(*map(int, numbers)) if numbers else None
    return None


def down(name: str) -> bool:
    """Stop a cluster and remove whatever is left of one; True if there was anything. Always works."""
    at = layout(name)
    running = pids(at)
    if running is not None:
        _end(running.keeper)
    _end_orphan(at)
    if at.root.exists():
        clean(at)
        return True
    return running is not None


def _sweep() -> None:
    """Remove what clusters left whose keeper was killed, once they are too old to be just starting."""
    for name in names():
        at = layout(name)
        if pids(at) is None and time.time() - at.root.stat().st_mtime > DEAD_S:
            down(name)


def _end_orphan(at: Layout) -> None:
    """A keeper that was killed takes process 1 with it; wait until it is really gone."""
    numbers = at.keeper.read_text().split() if at.keeper.exists() else []
    inside = Path(f"/proc/{numbers[1]}") if len(numbers) > 1 else None
    if inside is None:
        return
    try:
        ours = str(at.root) in (inside / "cmdline").read_text()
    except OSError:  # no such process
        return
    if ours:
        _end(int(inside.name), signal.SIGKILL)


def _end(pid: int, *kinds: signal.Signals) -> None:
    """Ask, wait, insist."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for kind in kinds or (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, kind)
            if _ended(handle, _STOP_WITHIN_S):
                return
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def _ended(handle: int, within_s: float) -> bool:
    return bool(select.select([handle], [], [], within_s)[0])


def names() -> Iterable[str]:
    """Of all clusters that are running or have left something."""
    root = folders.clusters()
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


def programs_of(at: Layout) -> list[tuple[str, str]]:
    """(program, state) of everything in a cluster; its nodes' as ``node1/kubelet``, like their logs."""
    if pids(at) is None:
        return [("-", "not running: cluster-down removes what it left")]
    if not at.ready.exists():
        return [("-", "starting")]
    rows = _states("", at.control)
    runs = {name for name, state in rows if state == RUNS}
    for link in read_spec(at.spec).links:
        if link.name in runs:
            rows += _states(f"{link.name}/", at.node(link.name) / "control.sock")
    return rows


def _states(prefix: str, control: Path) -> list[tuple[str, str]]:
    try:
        found = ask(control, do="status")
    except OSError as error:
        return [(f"{prefix}supervisor", f"does not answer ({error})")]
    return [(prefix + name, one["ended"] or RUNS) for name, one in found.items()]


def enter_argv(at: Layout, *, files: bool = False) -> list[str]:
    """The words before a command that is to run in the cluster's network (``files``: and see its mounts)."""
    running = pids(at)
    if running is None:
        raise ClusterError(f"cluster {at.root.name} is not running; make cluster-up starts it")
    return ["nsenter", f"--target={running.inside}", "--net", *(["--mount"] if files else []), "--"]


def enter(at: Layout, words: list[str]) -> NoReturn:
    """Become a command in the cluster's network."""
    argv = [*enter_argv(at), *words]
    os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted
