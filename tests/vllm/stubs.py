"""Empty stand-ins for NVIDIA's libraries: 15 files of some KB in place of a download of 2 GB.

PyTorch's package on the index is the CUDA build. It computes on CPUs as well, but its libraries name NVIDIA's
as needed, and will not load without them. So for each library that is needed and not there, this module
compiles one that defines the symbols which torch's libraries leave undefined, in the versions that they ask
for. Every function answers 100 (no device); none is ever called where no GPU is.

Needs gcc and readelf.
"""

import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_SYSTEM = re.compile(r"(lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|gomp|util|cuda)\.so|ld-linux)")
"""Comes with the system, or (libcuda, the driver) is looked for only where there is a GPU."""
_LAZY = "libcaffe2_nvrtc.so"
"""Loaded only when a GPU kernel is compiled."""
_NEEDED = re.compile(r"\(NEEDED\).*\[(.*)\]")
_VERSIONS_OF = re.compile(r"File: (\S+)")
_VERSION = re.compile(r"Name: (\S+)\s+Flags")

Symbol = tuple[str, str]
"""Name and version; without a version the latter is empty."""


@dataclass(slots=True)
class Library:
    """What one shared library says of itself."""

    needed: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)
    undefined: set[Symbol] = field(default_factory=set)
    version_file: dict[str, str] = field(default_factory=dict)
    """Version -> the library that it is expected in."""


def write(folder: Path) -> list[Path]:
    """Compile what the libraries in ``folder`` (torch/lib) lack, into it."""
    libraries = [_read(path) for path in sorted(folder.glob("*.so*")) if path.name != _LAZY]
    present = {path.name for path in folder.iterdir()}
    missing = {name for library in libraries for name in library.needed} - present
    wanted = _by_library(libraries, sorted(name for name in missing if not _SYSTEM.match(name)))
    return [_compile(folder / name, symbols) for name, symbols in wanted.items()]


def _by_library(libraries: Iterable[Library], missing: list[str]) -> dict[str, set[Symbol]]:
    """Which symbols each missing library has to define; those that name no library go into the first."""
    defined = {name for library in libraries for name in library.defined}
    found: dict[str, set[Symbol]] = {name: set() for name in missing}
    for library in libraries:
        for name, version in library.undefined:
            home = library.version_file.get(version)
            if home in found:
                found[home].add((name, version))
            elif not version and name not in defined and missing:
                found[missing[0]].add((name, ""))
    return found


def _read(path: Path) -> Library:
    library = Library()
    library.needed.update(_NEEDED.findall(_readelf("-dW", path)))
    current = ""
    for line in _readelf("-VW", path).splitlines():
        if found := _VERSIONS_OF.search(line):
            current = found[1]
        elif found := _VERSION.search(line):
            library.version_file[found[1]] = current
    for name, version, undefined in _symbols(_readelf("--dyn-syms", "-W", path)):
        if undefined:
            library.undefined.add((name, version))
        else:
            library.defined.add(name)
    return library


def _symbols(table: str) -> Iterator[tuple[str, str, bool]]:
    """(name, version, undefined) of every symbol that is defined or must be; weak ones may be missing."""
    for line in table.splitlines():
        cells = line.split()
        if len(cells) < 8 or not cells[0].removesuffix(":").isdigit():
            continue
        binding, section, full = cells[4], cells[6], cells[7]
        if section == "UND" and binding == "WEAK":
            continue
        name, _, version = full.partition("@")
        yield name, version.lstrip("@"), section == "UND"


def _readelf(*arguments: str | Path) -> str:
    return subprocess.run(["readelf", *arguments], capture_output=True, text=True, check=True).stdout


def _compile(path: Path, symbols: set[Symbol]) -> Path:
    names = sorted({name for name, _ in symbols})
    source, script = path.with_name(f"{path.name}.c"), path.with_name(f"{path.name}.ver")
    source.write_text(
        "".join(f"long {name}(void) {{ return 100; }}\n" for name in names) or "static int none;\n"
    )
    script.write_text("".join(_versions(symbols)))
    options = [f"-Wl,-soname,{path.name}"]
    if script.stat().st_size:
        options.append(f"-Wl,--version-script={script}")
    compiler = ("gcc", "-shared", "-fPIC", "-w", "-fno-builtin", "-o", path, source)
    subprocess.run([*compiler, *options], check=True)
    source.unlink()
    script.unlink()
    return path


def _versions(symbols: set[Symbol]) -> Iterator[str]:
    for version in sorted({version for _, version in symbols if version}):
        names = sorted(name for name, own in symbols if own == version)
        yield f"{version} {{ global: {' '.join(f'{name};' for name in names)} }};\n"
