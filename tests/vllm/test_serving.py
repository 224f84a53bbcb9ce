"""The process wrapper, with a small server in vLLM's place: up, down, dead, deaf, and nothing left."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.cluster.waiting import until
from tests.vllm import serving as module
from tests.vllm.errors import VllmError
from tests.vllm.serving import Flags, serving

SERVER = """
import http.server, os, signal, subprocess, sys, tempfile
port = int(sys.argv[sys.argv.index("--port") + 1])
helper = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])  # as vLLM's workers
tempfile.mkstemp()
print("helper", helper.pid, "scratch", tempfile.gettempdir(), flush=True)
{before}
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path / "cache"))


def environment(folder: Path, before: str = "") -> Path:
    """An environment whose Python is a shell script that runs the small server."""
    (folder / "server.py").write_text(SERVER.format(before=before))
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {folder}/server.py "$@"\n')
    python.chmod(0o755)
    return folder


def alive(pid: int) -> bool:
    """Whether it runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    """Whether it ends, given a while."""
    return until(lambda: not alive(pid), 5.0)


def told(log: str) -> tuple[int, Path]:
    words = log.split()
    return int(words[1]), Path(words[3])


def test_afterwards_no_process_and_no_file_is_left(tmp_path: Path) -> None:
    with serving(environment(tmp_path), Flags()) as server:
        assert urllib.request.urlopen(f"{server.url}/health").status == 200
        helper, scratch = told(server.log.read_text())
        assert alive(helper)
        assert list(scratch.iterdir())
    assert server.process.returncode == -15
    assert gone(helper)
    assert not scratch.exists()
    assert not server.log.exists()


def test_a_server_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.1)
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    with serving(environment(tmp_path, deaf), Flags()) as server:
        helper, _ = told(server.log.read_text())
    assert server.process.returncode == -9
    assert gone(helper)


def test_one_that_dies_says_why(tmp_path: Path) -> None:
    failing = """raise RuntimeError("engine failed, see above") from ValueError("no block size for 16")"""
    with pytest.raises(VllmError) as caught, serving(environment(tmp_path, failing), Flags()):
        pass
    first, cause, consequence, *_ = str(caught.value).splitlines()
    assert first.startswith("vLLM ended with code 1 before it served; log: ")
    assert (cause, consequence) == (
        "ValueError: no block size for 16",
        "RuntimeError: engine failed, see above",
    )
    assert caught.value.log is not None
    assert caught.value.log.exists()
    helper, scratch = told(caught.value.log.read_text())
    assert gone(helper)
    assert not scratch.exists()


def test_one_that_never_serves_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_S", 0.3)
    with (
        pytest.raises(VllmError, match=r"did not serve within 0\.3 s; log: "),
        serving(environment(tmp_path, "signal.pause()"), Flags()),
    ):
        pass


def test_it_ends_with_whoever_started_it_however_that_was(tmp_path: Path) -> None:
    code = f"""
        from pathlib import Path
        from tests.vllm.serving import Flags, serving
        with serving(Path({str(environment(tmp_path))!r}), Flags()) as server:
            print(server.process.pid, server.log.read_text(), flush=True)
            server.process.wait()
    """
    starter = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    with starter:
        assert starter.stdout is not None
        pid, log = starter.stdout.readline().split(maxsplit=1)
        starter.kill()
    os.kill(told(log)[0], signal.SIGKILL)  # real vLLM ends its own helpers
    assert gone(int(pid))
    assert left_by(starter.pid)
    with serving(tmp_path, Flags()):
        assert not left_by(starter.pid)  # the next one cleans up after it


def left_by(pid: int) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"hearth-vllm-{pid}-*"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (Flags(), []),
        (Flags(kv_blocks=40), ["--num-gpu-blocks-override", "40"]),
        (Flags(prefix_caching=False), ["--no-enable-prefix-caching"]),
        (Flags(more=("--api-key", "x")), ["--api-key", "x"]),
    ],
    ids=["plain", "few blocks", "no prefix cache", "more"],
)
def test_flags_become_vllm_s(flags: Flags, words: list[str]) -> None:
    plain = Flags().arguments()
    assert flags.arguments() == [*plain, *words]
    assert plain[:2] == ["--max-num-seqs", "16"]
