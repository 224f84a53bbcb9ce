"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from simulations import outputs
from simulations.errors import InputError


def test_nothing_is_left_when_one_of_several_files_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
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
