"""Building the cluster's programs with Go, once a machine: minutes cold, seconds with Go's own cache.

``go build`` resumes by itself, since every package it finished is in Go's cache; a binary counts once it is
renamed into place. Cold figures are in docs/cluster.md.
"""

import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from tests.e2e.cluster import folders, go, machine
from tests.e2e.cluster.programs import Program
from tests.e2e.cluster.progress import Told

_ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-trimpath -buildvcs=false"}


def built(programs: Iterable[Program], tell: Told) -> dict[str, Path]:
    """The folder of each program by name, built where it is missing.

    Raises :class:`ClusterError` with the compiler's last line, :class:`UnableError` without Go.
    """
    return {program.name: _built(program, tell) for program in programs}


def binary(program: Program) -> Path:
    """Where the program's folder is, or would be."""
    return folders.cache() / "programs" / f"{program.name}-{program_key(program)}"


def program_key(program: Program) -> str:
    """Over pins, our own main and flags. Go is pinned by the ``go`` line, to a minor version."""
    return folders.tree_key(program.folder, program.package, program.stamps, program.tags)


def _built(program: Program, tell: Told) -> Path:
    final = binary(program)
    if not final.exists():
        folders.cache().mkdir(parents=True, exist_ok=True)
        machine.require_space(folders.cache(), 1 << 30, f"building {program.name}")
        tell.step(f"{program.name}: building, or waiting for somebody who is")
    return folders.made_once(final, lambda half: _build(program, half, tell))


def _build(program: Program, half: Path, tell: Told) -> None:
    half.mkdir(parents=True)
    log = folders.cache() / "programs" / f"{program.name}.log"
    begun = time.monotonic()
    with log.open("w") as file:
        _compile(program, half / program.name, file.fileno(), log, tell)
    for name in program.names:
        (half / name).symlink_to(program.name)
    tell(f"{program.name}: built in {time.monotonic() - begun:.0f} s")
    log.unlink()


def _compile(program: Program, out: Path, log_fd: int, log: Path, tell: Told) -> None:
    """``go build -v`` names each package that it compiles: that is the progress."""
    work = out.with_suffix(".work")  # not in /tmp, where a killed go leaves a gigabyte
    work.mkdir()
    environment = os.environ | _ENVIRONMENT | {"GOTMPDIR": str(work)}
    total = len(_packages(program, environment, log))
    flags = ["-v", "-ldflags", f"-s -w {program.stamps}".strip(), "-tags", program.tags, "-o", str(out)]
    argv = ["setpriv", "--pdeathsig=INT", go.command(), "build", *flags, program.package]
    with subprocess.Popen(
        argv, cwd=program.folder, env=environment, stdout=log_fd, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for done, line in enumerate(process.stderr, 1):
            os.write(log_fd, line.encode())
            tell.step(f"{program.name}: {min(done, total)} of at most {total} packages ({line.strip()[:40]})")
    folders.remove(work)
    if process.returncode != 0:
        raise machine.ClusterError(f"go build {program.name}: {_complaint(log)}", log)


def _packages(program: Program, environment: dict[str, str], log: Path) -> list[str]:
    """What the program consists of; also the first place where an unknown module version shows."""
    done = subprocess.run(
        [go.command(), "list", "-deps", "-tags", program.tags, program.package],
        cwd=program.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        log.write_text(done.stderr)
        raise machine.ClusterError(f"go list {program.name}: {_complaint(log)}", log)
    return done.stdout.split()


def _complaint(log: Path) -> str:
    """The last line that a reader would look at."""
    lines = [
        line for line in log.read_text().splitlines() if line.strip() and not line.startswith("go: downl")
    ]
    return lines[-1].strip() if lines else "no output"
