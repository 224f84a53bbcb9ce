"""The cache: keyed by content, whole or absent, swept by last use."""

import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.cluster import folders


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path))


def test_a_key_tells_parts_from_their_concatenation() -> None:
    assert folders.key(["ab", "c"]) != folders.key(["a", "bc"])


def test_a_tree_key_sees_names_and_contents_and_no_byte_code(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "__pycache__").mkdir(parents=True)
    (tree / "a").write_text("1")
    first = folders.tree_key(tree)
    (tree / "__pycache__" / "a.pyc").write_text("x")
    assert folders.tree_key(tree) == first
    (tree / "a").write_text("2")
    second = folders.tree_key(tree)
    (tree / "a").rename(tree / "b")
    assert len({first, second, folders.tree_key(tree)}) == 3


def test_a_thing_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(half: Path) -> None:
        made.append(half)
        half.write_text("whole")

    for _ in range(2):
        assert folders.made_once(tmp_path / "thing", make).read_text() == "whole"
    assert len(made) == 1


def test_what_a_killed_maker_left_does_not_count(tmp_path: Path) -> None:
    def dies(half: Path) -> None:
        half.mkdir()
        (half / "part").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folders.made_once(tmp_path / "thing", dies)
    assert not (tmp_path / "thing").exists()
    whole = folders.made_once(tmp_path / "thing", lambda half: half.mkdir())
    assert list(whole.iterdir()) == []


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "middle", "oldest")):
        (tmp_path / f"x-{name}").touch()
        os.utime(tmp_path / f"x-{name}", (1_000_000 - age, 1_000_000 - age))
    folders.keep_newest(tmp_path, "x-*", 2)
    assert sorted(path.name for path in tmp_path.glob("x-*")) == ["x-middle", "x-newest"]


def test_what_is_swept_is_never_half_there_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x-old").mkdir()

    def killed(_path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            folders.keep_newest(tmp_path, "x-*", 0)
    assert not (tmp_path / "x-old").exists()
    folders.keep_newest(tmp_path, "x-*", 0)
    assert not list(tmp_path.glob("*half"))


def test_what_killed_makers_left_is_swept_and_what_is_being_made_is_not(tmp_path: Path) -> None:
    def makes(half: Path) -> None:
        half.write_text("half")
        (tmp_path / ".other.half").touch()
        folders.keep_newest(tmp_path, "x-*", 9)
        assert not (tmp_path / ".other.half").exists()
        assert half.exists()

    folders.made_once(tmp_path / "thing.tar", makes)
