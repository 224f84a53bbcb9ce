"""`hearth engine` as a process: phases before the port opens, signals, a port in use, crashes."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys

import pytest

from tests.live.contract.asking import OpenStream, ask, connect
from tests.live.contract.starting import hearth_engine, running_engine
from tests.live.contract.target import Wanted


def started(*flags: str) -> "subprocess.Popen[str]":
    """The command, under way."""
    command = [sys.executable, "-m", "runtime.cli", "engine", "--host", "127.0.0.1", *flags]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def said(process: "subprocess.Popen[str]", words: str) -> str:
    """Read its log up to the line with ``words``; all of it."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def a_free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_connections_are_refused_until_it_serves_and_the_log_tells_each_phase() -> None:
    port = a_free_port()
    with started("--port", str(port), "--startup-phase", "load=0.01", "--startup-phase", "warmup=600") as one:
        log = said(one, "Graph capturing")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
        one.send_signal(signal.SIGTERM)
        _, rest = one.communicate()
    assert one.returncode == 0
    assert rest == ""
    phases = ("Initializing a V1 LLM engine", "Starting to load model", "Loading weights took 0.01 seconds")
    at = [log.index(words) for words in (*phases, "torch.compile took", "GPU KV cache size: 431,392 tokens")]
    assert at == sorted(at)


def test_a_port_in_use_is_one_line_and_nothing_else() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started("--port", str(port)) as one:
            _, log = one.communicate()
    assert one.returncode == 2
    assert log == f"hearth: --port {port}: is in use; stop what listens there, or choose another port\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_signal_ends_it_with_its_code(number: signal.Signals, code: int) -> None:
    with running_engine() as engine:
        engine.process.send_signal(number)
        _, log = engine.process.communicate()
    assert engine.process.returncode == code
    assert "Traceback" not in log


def test_with_a_shutdown_timeout_what_runs_may_end() -> None:
    with hearth_engine(Wanted(shutdown_timeout_s=60)) as target:
        stream = OpenStream(target, prompt="x", max_tokens=200)
        next(stream)
        target.process.send_signal(signal.SIGTERM)
        *_, last = stream
        stream.leave()
        target.process.communicate()
    assert (last, target.process.returncode) == ("[DONE]", 0)


def test_while_it_waits_for_what_runs_it_takes_nothing_new() -> None:
    with hearth_engine(Wanted(max_model_len=100_000, shutdown_timeout_s=600)) as target:
        kept = connect(target)
        kept.request("GET", "/health")
        assert kept.getresponse().read() == b""
        stream = OpenStream(target, prompt="x", max_tokens=90_000)
        next(stream)
        target.process.send_signal(signal.SIGTERM)
        said(target.process, "Shutting down; 1 requests under way")
        body = json.dumps({"prompt": "x", "max_tokens": 50})
        kept.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
        (choice,) = json.loads(kept.getresponse().read())["choices"]
        kept.close()
        stream.leave()
        target.process.communicate()
    assert (choice["finish_reason"], choice["text"]) == ("abort", "")
    assert target.process.returncode == 0


def test_a_second_signal_ends_the_waiting() -> None:
    with hearth_engine(Wanted(max_model_len=100_000, shutdown_timeout_s=600)) as target:
        stream = OpenStream(target, prompt="x", max_tokens=90_000)
        next(stream)
        target.process.send_signal(signal.SIGTERM)
        said(target.process, "Shutting down; 1 requests under way")
        target.process.send_signal(signal.SIGTERM)
        target.process.communicate()
        stream.leave()
    assert target.process.returncode == 0


def test_a_crash_that_was_asked_for_ends_the_process_with_code_1() -> None:
    with hearth_engine(Wanted()) as target:
        with pytest.raises((http.client.HTTPException, OSError)):
            ask(target, "POST", "/faults", {"crash_after_requests": 0})
        _, log = target.process.communicate()
        assert target.process.returncode == 1
    assert "fatal error" in log


def test_json_logs_are_an_object_a_line() -> None:
    with started("--port", str(a_free_port()), "--log-format", "json", "--startup-seconds", "600") as one:
        line = said(one, "Initializing")
        one.kill()
        one.communicate()
    assert re.match(r'\{"ts": "\d{4}-\d\d-\d\dT[\d:.]+Z", "level": "info", "event": "Initializing', line)


def test_what_is_no_http_is_one_line_of_the_log() -> None:
    with running_engine() as engine:
        port = int(engine.url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as odd:
            odd.sendall(b"GET /knock HTTP/9.9\r\n\r\n")
            assert odd.recv(100).startswith(b"HTTP/1.0 400")
        engine.process.send_signal(signal.SIGTERM)
        _, log = engine.process.communicate()
    assert re.findall(r"WARNING .* Invalid HTTP request received: .*knock", log)
    assert "Traceback" not in log


def test_a_missing_package_names_the_extra_that_brings_it() -> None:
    code = (
        "import sys\n"
        "sys.modules['aiohttp'] = None\n"
        "sys.argv = ['hearth', 'engine']\n"
        "from runtime.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("aiohttp, which is not installed; pip install 'hearth[engine]'\n")
