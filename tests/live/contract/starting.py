"""`hearth engine` as a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.live.contract.target import Target, Wanted

MODEL = "tiny"
SPEED = "4"
"""The stories are the same at any speed, and over sooner at this one."""


@contextmanager
def hearth_engine(wanted: Wanted, *flags: str) -> Iterator[Target]:
    """A running engine on a free port; it is gone afterwards."""
    command = [sys.executable, "-m", "runtime.cli", "engine", "--host", "127.0.0.1", "--port", "0"]
    command += ["--served-model-name", MODEL, "--max-num-seqs", str(wanted.max_num_seqs)]
    command += ["--max-model-len", str(wanted.max_model_len), "--time-scale", SPEED, *flags]
    if wanted.kv_tokens is not None:
        command += ["--kv-tokens", str(wanted.kv_tokens)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield _serving(process, wanted)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def _serving(process: "subprocess.Popen[str]", wanted: Wanted) -> Target:
    """Wait for the line that says so; it names the port."""
    assert process.stderr is not None
    lines: list[str] = []
    url = ""
    for line in process.stderr:
        lines.append(line)
        if " on http://" in line:
            url = line.split(" on ")[1].strip()
        if "Application startup complete" in line:
            break
    assert url, "".join(lines)
    return Target(
        kind="hearth",
        url=url,
        model=MODEL,
        max_model_len=wanted.max_model_len,
        vocab=1000,
        process=process,
    )
