"""What the installer says where it cannot, and which symbols its stand-ins get. It installs nothing here."""

import platform
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from tests.e2e.cluster.machine import UnableError
from tests.e2e.cluster.progress import Silent
from tests.vllm import fixture, install, stubs


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path / "cache"))


def test_without_it_tests_are_skipped_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEARTH_REQUIRE_VLLM", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"run python -m tests\.vllm install"):
        fixture.environment()


def test_where_it_is_required_they_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_REQUIRE_VLLM", "1")
    with pytest.raises(pytest.fail.Exception, match="HEARTH_REQUIRE_VLLM is set, and real vLLM is not inst"):
        fixture.environment()


Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil has it


@pytest.mark.parametrize(
    ("module", "name", "answer", "said"),
    [
        (platform, "machine", lambda: "aarch64", "locked for Linux on x86-64, this is linux on aarch64"),
        (shutil, "which", lambda _: None, "missing: gcc, readelf; apt-get install gcc binutils"),
        (shutil, "disk_usage", lambda _: Usage(0, 0, 1 << 30), "has 1.0 GiB free; free some, or set HEARTH"),
    ],
    ids=["another platform", "no compiler", "a full disk"],
)
def test_a_machine_that_cannot_is_told_why(
    module: object, name: str, answer: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda _: "avx2")
    monkeypatch.setattr(module, name, answer)
    with pytest.raises(UnableError, match=said):
        install.install(Silent())


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc and readelf, as the installer does")
def test_a_stand_in_has_the_symbols_that_are_lacking_in_their_versions(tmp_path: Path) -> None:
    """A library linked to another one, which then goes away, loads again with a stand-in for it."""
    lib = tmp_path / "lib"
    lib.mkdir()
    _build(tmp_path, lib / "libdevice.so.1", "int count(void) { return 7; }", "V1 { global: count; };")
    user = "int count(void); int devices(void) { return count(); }"
    _build(tmp_path, lib / "libuser.so", user, "", str(lib / "libdevice.so.1"), f"-Wl,-rpath,{lib}")
    (lib / "libdevice.so.1").unlink()
    assert [path.name for path in stubs.write(lib)] == ["libdevice.so.1"]
    code = f"import ctypes; print(ctypes.CDLL({str(lib / 'libuser.so')!r}).devices())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("100", "")
    assert sorted(path.name for path in lib.iterdir()) == ["libdevice.so.1", "libuser.so"]


def _build(folder: Path, path: Path, source: str, versions: str, *more: str) -> None:
    (folder / "source.c").write_text(source)
    (folder / "versions").write_text(versions)
    script = [f"-Wl,--version-script={folder / 'versions'}"] if versions else []
    command: list[str | Path] = [
        "gcc",
        "-shared",
        "-fPIC",
        "-o",
        path,
        folder / "source.c",
        f"-Wl,-soname,{path.name}",
    ]
    subprocess.run([*command, *script, *more], check=True)
