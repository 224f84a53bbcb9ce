"""Files that appear whole or not at all."""

import os
from pathlib import Path

import pytest

from simulations.cli import outputs
from simulations.errors import InputError


def test_nothing_is_left_when_one_of_several_files_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"b: cannot be written \(no such file or directory\); choose"):
        outputs.write({tmp_path / "a": "1", tmp_path / "missing" / "b": "2"})
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a longer text from before")
    outputs.write({tmp_path / "a": "new"})
    assert (tmp_path / "a").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--json: .* is a directory; name a file in it"):
        outputs.check({"--json": tmp_path})


def test_stdout_needs_no_directory() -> None:
    outputs.check({"--json": outputs.STDOUT, "--html": None})


def test_two_outputs_on_stdout_are_refused() -> None:
    with pytest.raises(InputError, match="--json and --html: two outputs name the same file"):
        outputs.check({"--json": outputs.STDOUT, "--html": outputs.STDOUT})


def test_a_name_that_is_too_long_is_found_before_the_run(tmp_path: Path) -> None:
    for name in ("x" * 250, f"{'x' * 250}/y"):
        with pytest.raises(InputError, match=r"--json: .*; "):
            outputs.check({"--json": tmp_path / name})


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    outputs.check({"--json": pipe})
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    outputs.write({pipe: "whole"})
    assert os.read(reader, 100) == b"whole"
    os.close(reader)
    assert pipe.is_fifo()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    outputs.write({tmp_path / "link": "new"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_no_output_replaces_what_is_read(tmp_path: Path) -> None:
    trace = tmp_path / "t.csv"
    (tmp_path / "link").symlink_to(trace)
    for path in (trace, tmp_path / "link"):
        with pytest.raises(InputError, match=r"--json: .* is what is read"):
            outputs.check({"--json": path}, (str(trace), None))
