"""Writes ``environment.lock`` and ``tools.lock``: exact versions, and the hashes of this platform's files.

Only what CPython 3.11 on x86-64 Linux (glibc 2.36, Debian 12) would take is listed, so that the lock of 147
packages is 17 KB instead of 350, and names no address.
"""

import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENVIRONMENT = HERE / "environment.lock"
TOOLS = HERE / "tools.lock"
PYTHON = "3.11"
_PLATFORM = "x86_64-manylinux_2_36"


def write(uv: Path) -> None:
    """Resolve anew and write both files."""
    overrides = HERE / "environment.overrides"
    ENVIRONMENT.write_text(_lines(_resolved(uv, HERE / "environment.in", "--override", str(overrides))))
    TOOLS.write_text(_lines(_resolved(uv, HERE / "tools.in")))


def _resolved(uv: Path, source: Path, *more: str) -> dict[str, Any]:
    platform = ("--python-version", PYTHON, "--python-platform", _PLATFORM)
    command: list[str | Path] = [
        uv,
        "pip",
        "compile",
        "--quiet",
        *platform,
        "--format",
        "pylock.toml",
        *more,
        source,
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return tomllib.loads(done.stdout.decode())


def _lines(resolved: dict[str, Any]) -> str:
    return "".join(
        f"{package['name']}=={package['version']}" + "".join(_hashes(package)) + "\n"
        for package in resolved["packages"]
    )


def _hashes(package: dict[str, Any]) -> Iterator[str]:
    for file in package.get("wheels") or [package["sdist"]]:
        yield f" \\\n    --hash=sha256:{file['hashes']['sha256']}"
