"""Process 1: starts, reaps and reports; starts nothing again by itself."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.supervise import ask
from tests.e2e.cluster.waiting import until

WITHIN_S = 30.0

_PROGRAM = """
import sys
from pathlib import Path
from tests.e2e.cluster.supervise import Process, Supervisor
folder = Path(sys.argv[1])
supervisor = Supervisor(folder)
for name, line in (("sleeper", "sleep 60"), ("orphan-maker", "sh -c 'sleep 0.05 & exit 3'")):
    supervisor.start(Process(name=name, argv=("sh", "-c", f"exec {line}")))
supervisor.serve(folder / "control")
"""


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Path]:
    """The socket of a supervisor with two programs."""
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, str(tmp_path)]) as process:
        control = tmp_path / "control"
        assert until(control.exists, WITHIN_S), process.poll()
        yield control
        process.terminate()


def _state(control: Path, name: str) -> str | None:
    ended: str | None = ask(control, do="status")[name]["ended"]
    return ended


def test_it_says_how_programs_end(control: Path) -> None:
    assert until(lambda: _state(control, "orphan-maker") is not None, WITHIN_S)
    assert _state(control, "orphan-maker") == "ended with exit status 3"
    assert _state(control, "sleeper") is None


def test_a_killed_program_stays_dead_until_it_is_started(control: Path) -> None:
    ask(control, do="signal", name="sleeper", signal=int(signal.SIGKILL))
    assert until(lambda: _state(control, "sleeper") is not None, WITHIN_S)
    assert _state(control, "sleeper") == "was killed by SIGKILL"
    ask(control, do="start", name="sleeper")
    assert _state(control, "sleeper") is None


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"do": "start", "name": "sleeper"}, "sleeper runs already"),
        ({"do": "start", "name": "nobody"}, "no program 'nobody'; there are sleeper, orphan-maker"),
        ({"do": "dance"}, "do 'dance': status, start, signal or stop"),
    ],
)
def test_what_makes_no_sense_is_an_error_and_it_goes_on(
    control: Path, order: dict[str, object], says: str
) -> None:
    with pytest.raises(ClusterError, match=says):
        ask(control, **order)
    assert _state(control, "sleeper") is None


@pytest.mark.parametrize(
    "line",
    [b'{"do": "status"}\n', b'{"do": "status"', b"[]\n", b'{"do": "signal", "name": []}\n', b"\xff\n", b""],
)
def test_a_client_that_makes_no_sense_or_is_gone_before_the_answer_ends_nothing(
    control: Path, line: bytes
) -> None:
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(control))
            client.sendall(line)
    assert _state(control, "sleeper") is None


def test_it_ends_when_told(control: Path) -> None:
    ask(control, do="stop")
    while True:
        try:
            ask(control, do="status")
        except OSError:
            return
