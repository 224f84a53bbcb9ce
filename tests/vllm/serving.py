"""``vllm serve`` as a process that leaves nothing: its own session, its own files, gone with its parent."""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import folders
from tests.e2e.cluster.machine import UnableError
from tests.vllm import tiny
from tests.vllm.errors import VllmError
from tests.vllm.install import home, python

MODEL = "tiny"
BLOCK_TOKENS = 32
"""The smallest that attention on CPUs has."""
START_S, STOP_S, LOOK_S = 300.0, 20.0, 0.2
"""Healthy after 20-75 s on two cores, as busy as they are; gone 2-3 s after SIGTERM."""
TAIL_LINES, CAUSES, LOGS = 20, 4, 20
_SCRATCH = "hearth-vllm-"
"""Temporary folders, each with the process that made it in its name."""
_CAUSE = re.compile(r"^(?:\S* ?\(.*?\) )?(?:ERROR .*\] )?(\w+(?:Error|Exception): .*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """How it is started; what is not here is as vLLM has it."""

    max_num_seqs: int = 16
    max_model_len: int = 1024
    kv_blocks: int | None = None
    """Of :data:`BLOCK_TOKENS` tokens; None: 32,768, a million tokens. Few make preemptions."""
    prefix_caching: bool = True
    more: tuple[str, ...] = ()
    """Further flags, as on the command line."""

    def arguments(self) -> list[str]:
        """Of ``vllm serve``."""
        words = ["--max-num-seqs", str(self.max_num_seqs), "--max-model-len", str(self.max_model_len)]
        words += ["--block-size", str(BLOCK_TOKENS), "--dtype", "float32", "--enforce-eager"]
        if self.kv_blocks is not None:
            words += ["--num-gpu-blocks-override", str(self.kv_blocks)]
        if not self.prefix_caching:
            words.append("--no-enable-prefix-caching")
        return [*words, *self.more]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vllm:
    """A running server."""

    url: str
    model: str
    process: "subprocess.Popen[str]"
    log: Path


@contextmanager
def serving(environment: Path, flags: Flags, *, port: int = 0) -> Iterator[Vllm]:
    """A healthy server on loopback; afterwards none of its processes and temporary files is left.

    Raises :class:`VllmError` with the end of its log if it does not come up.
    """
    if shutil.which("setpriv") is None:
        raise UnableError("missing: setpriv; apt-get install util-linux")
    port = port or _free_port()
    (home() / "logs").mkdir(parents=True, exist_ok=True)
    folders.keep_newest(home() / "logs", "*.log", LOGS)
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-") as scratch:
        log = home() / "logs" / f"{port}.log"
        process = _start(environment, flags, port, Path(scratch), log)
        try:
            _await_healthy(process, port, log)
            yield Vllm(url=f"http://127.0.0.1:{port}", model=MODEL, process=process, log=log)
        finally:
            _stop(process)
    log.unlink(missing_ok=True)


def _sweep() -> None:
    """Remove the temporary files of servers whose starter was killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*-*"):
        owner = left.name.removeprefix(_SCRATCH).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(left, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _start(environment: Path, flags: Flags, port: int, scratch: Path, log: Path) -> "subprocess.Popen[str]":
    """SIGTERM when whoever started it dies, however that was: vLLM ends its own children then."""
    command = ["setpriv", "--pdeathsig", "TERM", str(python(environment)), "-m", "vllm.entrypoints.cli.main"]
    command += ["serve", str(tiny.model()), "--served-model-name", MODEL]
    command += ["--host", "127.0.0.1", "--port", str(port), *flags.arguments()]
    with log.open("w") as out:
        return subprocess.Popen(
            command,
            env=_environ(scratch),
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            text=True,
        )


def _environ(scratch: Path) -> dict[str, str]:
    """Nothing of this process's Python, nothing from the network, every file it writes in ``scratch``."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "VLLM_"))}
    return {
        **kept,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "XDG_CACHE_HOME": str(scratch / "cache"),
        "XDG_CONFIG_HOME": str(scratch / "config"),
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def _await_healthy(process: "subprocess.Popen[str]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not _healthy(port):
        if process.poll() is not None:
            raise VllmError(f"vLLM ended with code {process.returncode} before it served", log, _tail(log))
        if time.monotonic() > deadline:
            raise VllmError(f"vLLM did not serve within {START_S:g} s", log, _tail(log))
        time.sleep(LOOK_S)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(log: Path) -> str:
    """Exceptions by name, the first of a chain first, then the last lines."""
    lines = log.read_text(errors="replace").splitlines()
    causes = dict.fromkeys(found[1] for line in lines if (found := _CAUSE.search(line)))
    return "\n".join([*list(causes)[:CAUSES], *lines[-TAIL_LINES:]])


def _stop(process: "subprocess.Popen[str]") -> None:
    """SIGTERM to the server, then SIGKILL to whatever of its session is left."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
