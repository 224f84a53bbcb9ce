"""Process 1 of a namespace: starts programs, reaps what ends, and does what its socket says.

It says what ended unasked and never starts it again by itself: tests kill things on purpose.
The socket takes one JSON line a connection and answers one::

    {"do": "status"}                                  -> {"etcd": {"pid": 7, "log": ..., "ended": null}, ...}
    {"do": "signal", "name": "etcd", "signal": 9}     -> the same
    {"do": "start", "name": "etcd"}                   -> the same; an error if it runs
    {"do": "stop"}                                    -> ends this process, and with it the namespace
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.cluster.machine import ClusterError

_STEP_S = 0.02
_CLIENT_S = 5.0
"""Who connects and says nothing keeps the others waiting for that long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A program to run."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    process: Process
    child: "subprocess.Popen[bytes]"
    log: Path
    ended: str | None = None


class Supervisor:
    """The programs of one namespace, and their logs in ``logs``."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._known: dict[str, _Running] = {}
        self._stopping = False

    def start(self, process: Process) -> None:
        """Start it, its output appended to ``<logs>/<name>.log``."""
        known = self._known.get(process.name)
        if known is not None and known.ended is None:
            raise ClusterError(f"{process.name} runs already")
        log = self._logs / f"{process.name}.log"
        with log.open("ab") as file:
            child = subprocess.Popen(
                process.argv,
                env={**os.environ, **process.environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self._known[process.name] = _Running(process, child, log)

    def wait_until(self, what: str, ready: Callable[[], bool], within_s: float) -> None:
        """Try until ``ready()``; :class:`ClusterError` if a program ends meanwhile, or after ``within_s``."""
        deadline = time.monotonic() + within_s
        while not ready():
            self.reap()
            for known in self._known.values():
                if known.ended is not None:
                    raise ClusterError(f"{known.process.name} {known.ended} before {what}", known.log)
            if time.monotonic() > deadline:
                raise ClusterError(f"{what} not after {within_s:.0f} s", self._logs)
            time.sleep(_STEP_S)

    def reap(self) -> None:
        """Collect what ended: our own programs, and orphans, whose parent process 1 is."""
        by_pid = {known.child.pid: known for known in self._known.values() if known.ended is None}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in by_pid:
                code = os.waitstatus_to_exitcode(status)
                by_pid[pid].child.returncode = code
                by_pid[pid].ended = _how(code)

    def status(self) -> dict[str, Any]:
        """Every program that was ever started."""
        return {
            name: {"pid": known.child.pid, "log": str(known.log), "ended": known.ended}
            for name, known in self._known.items()
        }

    def serve(self, path: Path) -> None:
        """Answer on a unix socket at ``path`` until told to stop."""
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        woken, wake = socket.socketpair()
        woken.setblocking(False)
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as selector:
            server.bind(str(path))
            server.listen()
            selector.register(server, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            self.reap()
            while not self._stopping:
                for key, _ in selector.select():
                    if key.fileobj is server:
                        self._answer(server)
                    else:
                        woken.recv(4096)
                self.reap()

    def _stop(self) -> None:
        self._stopping = True

    def _answer(self, server: socket.socket) -> None:
        """Whatever a client sends, and if it is gone before the answer: process 1 lives on."""
        connection, _ = server.accept()
        connection.settimeout(_CLIENT_S)
        with connection, contextlib.suppress(OSError):
            with connection.makefile("rb") as file:
                line = file.readline()
            connection.sendall((json.dumps(self._answer_to(line)) + "\n").encode())

    def _answer_to(self, line: bytes) -> dict[str, Any]:
        try:
            return self._do(json.loads(line))
        except (ClusterError, ValueError, KeyError, TypeError, OSError) as error:
            return {"error": str(error)}

    def _do(self, order: Mapping[str, Any]) -> dict[str, Any]:
        self.reap()
        match order["do"]:
            case "status":
                pass
            case "stop":
                self._stop()
            case "start":
                self.start(self._named(order["name"]).process)
            case "signal":
                known = self._named(order["name"])
                if known.ended is not None:
                    raise ClusterError(f"{order['name']} {known.ended} already", known.log)
                known.child.send_signal(order["signal"])
            case other:
                raise ClusterError(f"do {other!r}: status, start, signal or stop")
        return self.status()

    def _named(self, name: str) -> _Running:
        if name not in self._known:
            raise ClusterError(f"no program {name!r}; there are {', '.join(self._known)}")
        return self._known[name]


def _how(code: int) -> str:
    """How a program ended, in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"


def ask(path: Path, **order: object) -> dict[str, Any]:
    """One order to the supervisor behind ``path``, and its answer; :class:`ClusterError` on an error."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        with client.makefile("rw") as file:
            file.write(json.dumps(order) + "\n")
            file.flush()
            line = file.readline()
    if not line:
        raise ConnectionResetError("the supervisor ended while it was asked")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise ClusterError(str(answer["error"]))
    return answer
