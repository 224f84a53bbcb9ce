"""From this machine's loopback into a cluster's network.

A socket belongs to the network namespace that its thread was in when it was made. So one thread moves into
the cluster's namespace for good and dials there; the bytes are then passed on by ordinary threads.
"""

import contextlib
import ctypes
import os
import queue
import socket
import threading
from concurrent.futures import Future

_CLONE_NEWNET = 0x40000000
_BLOCK_BYTES = 1 << 16


def _set_network(pid: int) -> None:
    """Move the calling thread into the network namespace of ``pid``."""
    handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(handle)


class Forward:
    """Listens on ``127.0.0.1:port`` and leads to ``host:port`` in the namespace of ``pid``."""

    def __init__(self, pid: int, host: str, port: int) -> None:
        self._to = (host, port)
        self._dials: queue.SimpleQueue[Future[socket.socket] | None] = queue.SimpleQueue()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._open: set[socket.socket] = set()
        moved: Future[None] = Future()
        threading.Thread(target=self._dialler, args=(pid, moved), daemon=True).start()
        moved.result()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Close the listener and every connection."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._dials.put(None)
        for connection in list(self._open):
            _end(connection)

    def _dialler(self, pid: int, moved: "Future[None]") -> None:
        try:
            _set_network(pid)
        except OSError as error:
            moved.set_exception(error)
            return
        moved.set_result(None)
        while (wanted := self._dials.get()) is not None:
            try:
                wanted.set_result(socket.create_connection(self._to, timeout=10))
            except OSError as error:
                wanted.set_exception(error)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        wanted: Future[socket.socket] = Future()
        self._dials.put(wanted)
        try:
            far = wanted.result()
        except OSError:
            near.close()
            return
        far.settimeout(None)
        pair = {near, far}
        self._open |= pair
        back = threading.Thread(target=_pass, args=(far, near), daemon=True)
        back.start()
        _pass(near, far)
        back.join()
        self._open -= pair
        near.close()
        far.close()


def _pass(source: socket.socket, target: socket.socket) -> None:
    """Bytes one way, until the end of either."""
    with contextlib.suppress(OSError):
        while data := source.recv(_BLOCK_BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
        return
    _end(source)
    _end(target)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
