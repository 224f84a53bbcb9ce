"""`hearth engine` as a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.live.contract.target import Target, Wanted

MODEL = "tiny"
SPEED = "4"
"""The stories are the same at any speed, and over sooner at this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process that serves."""

    url: str
    process: "subprocess.Popen[str]"


@contextmanager
def running_engine(*flags: str) -> Iterator[Running]:
    """`hearth engine` on a free port of loopback; it is gone afterwards, whatever becomes of the test."""
    command = [sys.executable, "-m", "runtime.cli", "engine", "--host", "127.0.0.1", "--port", "0", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Running(url=_served_at(process), process=process)
        finally:
            if process.poll() is None:
                process.kill()
            if process.stderr is not None and not process.stderr.closed:
                process.communicate()


def _served_at(process: "subprocess.Popen[str]") -> str:
    """Wait for the line that says so; the one before it names the port."""
    assert process.stderr is not None
    lines: list[str] = []
    url = ""
    for line in process.stderr:
        lines.append(line)
        if " on http://" in line:
            url = line.split(" on ")[1].strip()
        if "Application startup complete" in line:
            return url
    raise AssertionError("".join(lines))


@contextmanager
def hearth_engine(wanted: Wanted, *more: str) -> Iterator[Target]:
    """An engine as a test wants it."""
    flags = ["--served-model-name", MODEL, "--max-num-seqs", str(wanted.max_num_seqs)]
    flags += ["--max-model-len", str(wanted.max_model_len), "--time-scale", SPEED, *more]
    flags += ["--shutdown-timeout", str(wanted.shutdown_timeout_s)]
    if wanted.kv_tokens is not None:
        flags += ["--kv-tokens", str(wanted.kv_tokens)]
    with running_engine(*flags) as running:
        yield Target(
            kind="hearth",
            url=running.url,
            model=MODEL,
            max_model_len=wanted.max_model_len,
            vocab=1000,
            process=running.process,
        )
