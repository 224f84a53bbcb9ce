"""Start, stop, look at clusters. What tests use is :class:`tests.e2e.cluster.cluster.Cluster`."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, NoReturn

from tests.e2e.cluster import build, claim, folders, keda, machine, programs, store, waiting
from tests.e2e.cluster.keeper import clean
from tests.e2e.cluster.layout import Layout, layout
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.marks import MARK
from tests.e2e.cluster.pki import write_pki
from tests.e2e.cluster.progress import Told
from tests.e2e.cluster.spec import Spec, can_be_name, read_spec
from tests.e2e.cluster.supervise import ask

REPOSITORY = Path(__file__).parents[3]
RUNS = "runs"
DEAD_S = 600
RUN_BYTES = 1 << 30
"""Room that a cluster wants for etcd, logs and its nodes' writable layers."""
_LOOK_S, _STOP_WITHIN_S, _SOCKET_PATH_MOST = 0.05, 30.0, 100


def up(spec: Spec, tell: Told, *, owner: int = 0) -> Layout:
    """Start a cluster and return once everything in it is ready.

    ``owner``: a process whose end ends the cluster. Raises :class:`machine.UnableError` where the machine
    cannot, :class:`machine.ClusterError` with one line and the log where it did not come up.
    """
    machine.require(machine.NODES if spec.nodes else machine.BARE)
    at = layout(spec.name)
    if claim.held(at):
        raise claim.taken(at)
    if len(str(at.node("node250") / "control.sock")) > _SOCKET_PATH_MOST:
        raise ClusterError(f"{at.root} is too long for unix sockets; set HEARTH_CACHE to a shorter path")
    try:
        binaries = _binaries(spec, tell)
        machine.require_space(folders.cache(), RUN_BYTES, f"cluster {spec.name}")
        _sweep()
        alive = _begin(spec, at, binaries, tell, owner)
    except OSError as error:
        raise ClusterError(f"cluster {spec.name} cannot be made: {error}") from error
    try:
        _follow(at, alive, tell)
    except BaseException:  # Ctrl-C among them
        down(spec.name)
        raise
    return at


def _begin(spec: Spec, at: Layout, binaries: dict[str, Path], tell: Told, owner: int) -> int:
    """From nothing to a running keeper, which the lock goes to; the end of a pipe that reports its death."""
    with claim.claimed(at) as lock:
        try:
            _prepare(spec, at, binaries, tell)
            return _start_keeper(at, owner, lock)
        except BaseException:
            folders.remove(at.root)
            raise


def _start_keeper(at: Layout, owner: int, lock: IO[str]) -> int:
    """Start it as nobody's child."""
    alive, held = os.pipe()
    module = (sys.executable, "-m", "tests.e2e.cluster.keeper")
    argv = ("setsid", "--fork", *module, str(at.root), str(owner), str(lock.fileno()))
    with (at.logs / "keeper.log").open("wb") as log:
        subprocess.run(
            argv,
            cwd=REPOSITORY,
            env={**os.environ, MARK: at.root.name, "HEARTH_CACHE": str(folders.cache())},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[held, lock.fileno()],
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
        folder.mkdir()
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
                down(at.root.name)
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
    said = failure.read_text() if failure.exists() else ""  # empty on a full disk
    if said:
        return ClusterError(said.replace(str(at.logs), str(aside)))
    logs = [aside / "init.log", aside / "keeper.log"]
    told = [log for log in logs if log.exists() and log.stat().st_size]
    return ClusterError(f"cluster {at.root.name} ended while it started", told[0] if told else aside)


def down(name: str) -> bool:
    """Stop a cluster and remove whatever is left of one; True if there was anything. Always works."""
    at = layout(name)
    was = at.root.exists()
    # Somebody may be just starting it: the name is held, and nothing runs yet.
    waiting.until(lambda: not claim.held(at) or claim.pids(at) is not None, _STOP_WITHIN_S)
    running = claim.pids(at)
    if running is not None:
        _end(running.keeper)
    with claim.nobody_else():
        if not claim.held(at):
            claim.clean_dead(at)
    return was


def _sweep() -> None:
    """Remove what clusters left whose keeper was killed; not at once: somebody may look at their logs."""
    with claim.nobody_else():
        for at in map(layout, names()):
            if not claim.held(at) and time.time() - at.root.stat().st_mtime > DEAD_S:
                clean(at)


def _end(pid: int) -> None:
    """Ask, wait, insist."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for kind in (signal.SIGTERM, signal.SIGKILL):
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
    found = sorted(path.name for path in root.iterdir()) if root.exists() else []
    return [name for name in found if can_be_name(name)]


def programs_of(at: Layout) -> list[tuple[str, str]]:
    """(program, state) of everything in a cluster; its nodes' as ``node1/kubelet``, like their logs."""
    if not claim.held(at):
        return [("-", "not running: cluster-down removes what it left")]
    if not at.ready.exists():
        return [("-", "starting, or stopping")]
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
    running = claim.pids(at)
    if running is None:
        raise ClusterError(f"cluster {at.root.name} is not running; make cluster-up starts it")
    into = ["nsenter", f"--target={running.inside}", "--net", *(["--mount"] if files else []), "--"]
    return [*into, "env", f"{MARK}={at.root.name}"]  # so that it ends with the cluster at the latest


def enter(at: Layout, words: list[str]) -> NoReturn:
    """Become a command in the cluster's network."""
    argv = [*enter_argv(at), *words]
    os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted
