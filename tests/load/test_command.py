"""``python -m simulations.load`` as a person starts it."""

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.load.server import Behaviour, serving

COMMAND = (sys.executable, "-m", "simulations.load")
ENVIRONMENT = {**os.environ, "COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}
TRACE = "timestamp_s,input_tokens,output_tokens\n" + "".join(f"0.0{i},20,5\n" for i in range(8))


async def start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, cwd=folder, env=ENVIRONMENT, stdout=pipe, stderr=pipe
    )


def test_a_replay_prints_a_table_and_writes_its_files(tmp_path: Path) -> None:
    async def scene() -> tuple[int | None, str, str]:
        async with serving() as server:
            command = ("--trace", "t.csv", "--url", server.url, "--json", "r.json", "--per-request", "r.csv")
            process = await start(tmp_path, *command)
            out, err = await process.communicate()
            return process.returncode, out.decode(), err.decode()

    (tmp_path / "t.csv").write_text(TRACE)
    code, out, err = asyncio.run(scene())
    assert (code, err) == (0, "")
    assert "8 of 8 requests" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert json.loads((tmp_path / "r.json").read_text())["completed"] == 8
    assert len(list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))) == 8


def test_ctrl_c_writes_what_came_by_then_and_exits_130(tmp_path: Path) -> None:
    async def scene() -> tuple[int | None, str]:
        async with serving(Behaviour(hang=True)) as server:
            process = await start(tmp_path, "--trace", "t.csv", "--url", server.url, "--json", "r.json")
            while len(server.bodies) < 8:
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
            return process.returncode, err.decode()

    (tmp_path / "t.csv").write_text(TRACE)
    assert asyncio.run(scene()) == (130, "")
    found = json.loads((tmp_path / "r.json").read_text())
    assert (found["sent"], found["unfinished"], found["interrupted"]) == (8, 8, True)


def test_the_scenario_changes_the_trace_and_the_server_says_its_context(tmp_path: Path) -> None:
    async def scene() -> list[int]:
        async with serving(Behaviour(max_model_len=43)) as server:
            command = ("--trace", "t.csv", "--url", server.url, "--set", "trace.length_scale=2")
            process = await start(tmp_path, *command, "--set", "trace.duration_s=0.05", "--json", "-")
            out, _ = await process.communicate()
            assert json.loads(out)["notes"] == [
                "window: 5 of 8 requests",
                "length_scale 2",
                "outputs cut at the context of 43 tokens: 5",
            ]
            return [body["max_tokens"] for body in server.bodies]

    (tmp_path / "t.csv").write_text(TRACE)
    assert asyncio.run(scene()) == [3] * 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trace", "nosuch"], "load: --trace: no file and no known trace is called 'nosuch'"),
        (["--trace", "t.csv", "--prompts", "x"], "load: --prompts: is 'x'; give one of ids, text, chat"),
        (["--trace", "t.csv", "--url", "h:1"], "load: --url: 'h:1' is no address"),
        (["--trace", "t.csv", "--set", "trace.copes=2"], "did you mean trace.copies?"),
        (["--trace", "t.csv", "--json", "no/r.json"], "load: --json: there is no directory no"),
        (["--trace", "t.csv", "--url", "http://127.0.0.1:1"], "cannot be asked"),
        (["--grace", "-1"], "--grace"),
        ([], "load: Missing option '--trace'"),
    ],
    ids=["trace", "prompts", "address", "setting", "output", "nobody there", "grace", "nothing"],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TRACE)
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_has_examples_and_fits_80_columns(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--help"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert "python -m simulations.load --trace azure-conv" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
