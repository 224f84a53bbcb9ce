"""Real vLLM 0.32 for CPUs, in an environment of its own: 0.9 GB to fetch, 2.8 GB on disk.

``$HEARTH_CACHE/vllm/<key>`` is a virtual environment, keyed by the lock and by how it is made, so that
clones share one and a changed lock makes another. It is made beside its place and renamed when it has
shown that it can be imported: one that is there is whole. What a broken-off attempt had fetched is kept for
the next.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tests.e2e.cluster import folders
from tests.e2e.cluster.machine import UnableError
from tests.e2e.cluster.progress import Told
from tests.vllm import lock, stubs
from tests.vllm.errors import VllmError

COMMAND = "python -m tests.vllm install"
VERSION = "0.32.0+cpu"
"""As vLLM's own builds for CPUs call themselves; the package on the index has another name."""
NEED_BYTES = 5 << 30
"""2.8 GB of environment, 0.9 GB of downloads, and air."""
KEPT = 2
RECIPE = "1"
"""Another one when :func:`_make` makes something else of the same packages."""
_PROBE = """
import torch, vllm
from vllm.platforms import current_platform
assert current_platform.is_cpu(), current_platform
assert not torch.cuda.is_available()
print(vllm.__version__)
"""


def home() -> Path:
    """Environments, their downloads and logs."""
    return folders.cache() / "vllm"


def environment() -> Path:
    """Where this version's environment is, or will be."""
    stands_in = Path(stubs.__file__).read_bytes()
    return home() / folders.key([RECIPE, lock.ENVIRONMENT.read_bytes(), stands_in])


def python(environment: Path) -> Path:
    """Its interpreter."""
    return environment / "bin" / "python"


def site_packages(environment: Path) -> Path:
    """Its packages: with a CPython 3.11 of the same system, all that a container needs."""
    return environment / "lib" / f"python{lock.PYTHON}" / "site-packages"


def installed() -> Path:
    """The environment. Raises :class:`UnableError` with the command that makes it."""
    found = environment()
    if not found.is_dir():
        raise UnableError(f"real vLLM is not installed; run {COMMAND} (0.9 GB)")
    return found


def install(tell: Told) -> Path:
    """The environment, made unless it is there. Raises :class:`UnableError` and :class:`VllmError`."""
    final = environment()
    if not final.is_dir():
        base = _base_python()
        _require_machine()
        folders.made_once(final, lambda half: _make(base, half, tell))
        folders.keep_newest(home(), "[0-9a-f]*", KEPT)
    return final


# --- the machine


def _require_machine() -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise UnableError(
            f"vLLM is locked for Linux on x86-64, this is {sys.platform} on {platform.machine()}"
        )
    if "avx2" not in Path("/proc/cpuinfo").read_text():
        raise UnableError("vLLM needs a CPU with AVX2, and this one has none")
    missing = [program for program in ("gcc", "readelf") if shutil.which(program) is None]
    if missing:
        raise UnableError(f"missing: {', '.join(missing)}; apt-get install gcc binutils")
    home().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home()).free
    if free < NEED_BYTES:
        raise UnableError(
            f"vLLM needs {NEED_BYTES >> 30} GiB, {home()} has {free / (1 << 30):.1f} GiB free; "
            "free some, or set HEARTH_CACHE to another disk"
        )


def _base_python() -> str:
    """A CPython 3.11: this process's own, or the one in PATH."""
    for candidate in (sys.executable, f"python{lock.PYTHON}"):
        asked = [candidate, "-c", "import sys; print(sys.version_info[:2], sys._base_executable)"]
        try:
            said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        except OSError:
            continue
        version, _, executable = said.strip().partition(") ")
        if version == "(" + ", ".join(lock.PYTHON.split(".")):
            return executable
    raise UnableError(
        f"vLLM is locked for Python {lock.PYTHON}; install it, so that python{lock.PYTHON} is in PATH"
    )


# --- the making


def _make(base: str, half: Path, tell: Told) -> None:
    log = home() / "install.log"
    log.write_text("")
    tool = uv()
    tell("uv is there")
    _run([tool, "venv", "--quiet", "--relocatable", "--no-python-downloads", "--python", base, half], log)
    tell.step("fetching and unpacking 147 packages, 0.9 GB ...")
    options = ("--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--compile-bytecode")
    _run([tool, "pip", "install", *options, "--python", python(half), "-r", lock.ENVIRONMENT], log)
    tell("packages are unpacked")
    packages = site_packages(half)
    stubs.write(packages / "torch" / "lib")
    _name_vllm(packages)
    tell.step("asking whether it runs on a CPU ...")
    _run([python(half), "-c", _PROBE], log)
    shutil.rmtree(_downloads())
    tell(f"vLLM {VERSION} is installed")


def _downloads() -> Path:
    return home() / "downloads"


def uv() -> Path:
    """uv fetches the packages side by side: 16 s, where pip takes three minutes."""
    final = home() / f"uv-{folders.key([lock.TOOLS.read_bytes()])}"
    log = home() / "uv.log"

    def make(half: Path) -> None:
        options = (
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "--target",
            half,
        )
        _run([sys.executable, "-m", "pip", "install", *options, "-r", lock.TOOLS], log)

    home().mkdir(parents=True, exist_ok=True)
    return folders.made_once(final, make) / "bin" / "uv"


def _name_vllm(packages: Path) -> None:
    """vLLM asks for the version of a package called vllm, and takes "cpu" in it for its platform."""
    told = packages / f"vllm-{VERSION}.dist-info"
    told.mkdir(exist_ok=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}\n")


def _run(command: list[str | Path], log: Path) -> None:
    environ = {**os.environ, "UV_CACHE_DIR": str(_downloads()), "UV_LINK_MODE": "hardlink"}
    with log.open("a") as out:
        done = subprocess.run(command, env=environ, stdout=out, stderr=out, check=False)
    if done.returncode != 0:
        raise VllmError(f"installing vLLM failed ({_said(log) or command[0]})", log)


def _said(log: Path) -> str:
    """What a tool says of its failure: uv's error and cause, or the last line."""
    lines = [line.strip() for line in log.read_text().splitlines() if line.strip()]
    told = [line for line in lines if line.lower().startswith(("error", "cause"))]
    return "; ".join(told[-2:] or lines[-1:])
