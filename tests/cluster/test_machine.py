"""Where a machine cannot run a cluster, one line says what is missing and what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.cluster import build, go, machine
from tests.e2e.cluster.machine import ClusterError, Need, UnableError
from tests.e2e.cluster.programs import Program
from tests.e2e.cluster.progress import Silent

UNKNOWN = "example.com/nowhere@v9.9.9: module lookup disabled by GOPROXY=off"


class _Usage(NamedTuple):
    free: int


def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnableError, match="needs root"):
        machine.require(machine.BARE)


def test_without_a_program_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(
        UnableError, match="missing: some-package; make cluster-deps, or apt-get install some-p"
    ):
        machine.require([Need("no-such-program", "some-package")])


@pytest.mark.parametrize(
    ("version", "enough"), [("1.26.8", True), ("1.27", True), ("2.0", True), ("1.9.7", False), ("", False)]
)
def test_go_versions_are_compared_as_numbers(version: str, enough: bool) -> None:
    assert go.new_enough(version) == enough


def test_an_old_go_is_passed_over_for_one_from_the_package_index(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.19.8\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(go, "_packaged", lambda: tmp_path / "packaged")
    assert go.command.__wrapped__() == str(tmp_path / "packaged" / "go" / "bin" / "go")


def test_a_full_disk_is_noticed_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: _Usage(100 << 20))
    with pytest.raises(ClusterError, match=r"building kube needs 1\.0 GiB, .* has 0\.1 GiB free"):
        machine.require_space(tmp_path, 1 << 30, "building kube")


def test_an_unknown_module_version_is_one_line_and_the_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a stand-in that says what Go 1.26 says; tests/e2e/test_build.py asks the real one."""
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path / "cache"))
    words = tmp_path / "go"
    words.write_text(f"#!/bin/sh\necho 'go: {UNKNOWN}' >&2\nexit 1\n")
    words.chmod(0o755)
    monkeypatch.setattr(go, "command", lambda: str(words))
    program = Program(name="nowhere", module=str(tmp_path), package="example.com/nowhere")
    with pytest.raises(ClusterError) as failed:
        build.built([program], Silent())
    what, log = str(failed.value).split("; log: ")
    assert what == f"go list nowhere: go: {UNKNOWN}"
    assert Path(log).read_text()
    assert not build.binary(program).exists()


def test_the_command_says_it_in_one_line_with_its_own_exit_status() -> None:
    code = (
        "import os, sys; os.geteuid = lambda: 1000; sys.argv = ['cluster', 'up', '--bare'];"
        "from tests.e2e.cluster.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == machine.EXIT_UNABLE
    assert done.stderr.startswith("cluster: a cluster needs root")
    assert done.stderr.count("\n") == 1
