"""Images of the project's own processes: Debian, the locked packages of one extra, our code. No registry.

Three layers, so that after a change of our code only the last one, a few megabytes, is made anew.
"""

import compileall
import py_compile
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.e2e.cluster import debian, folders, images
from tests.e2e.cluster.images import NOBODY, Image
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.progress import Told

ROOT = Path(__file__).parents[3]
PACKAGES = ("scaler", "cache_agent", "runtime", "simulations")
_LIBRARIES, _CODE = "/opt/hearth/lib", "/opt/hearth/app"
_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")


def hearth_image(extra: str, tell: Told) -> Image:
    """The image of what ``pip install 'hearth[extra]'`` runs; its entry point is ``hearth``."""
    layers = (debian.base_layer(tell), libraries_layer(extra, tell), code_layer())
    return Image(
        name=f"hearth-{extra}:{layers[-1].stem.rsplit('-', 1)[-1]}",
        layers=layers,
        entrypoint=("/usr/bin/python3", "-m", "runtime.cli"),
        environment=(f"PYTHONPATH={_CODE}:{_LIBRARIES}", "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"),
        user=NOBODY,
    )


def closure(extra: str) -> list[str]:
    """Every distribution that the extra brings in, by the metadata of what is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    if extra not in extras:
        raise ClusterError(f"extra {extra!r}: pyproject.toml has {', '.join(extras)}")
    todo = [Requirement(line) for line in (*project["dependencies"], *extras[extra])]
    found: set[str] = set()
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        if name not in found and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            found.add(name)
            todo += [Requirement(line) for line in metadata.requires(name) or ()]
    return sorted(found)


def locked(names: Iterable[str]) -> str:
    """The lines of the lock, hashes and all, that pin ``names``."""
    wanted = set(names)
    blocks = (ROOT / "requirements.lock").read_text().replace("\\\n", "\\\0").splitlines()
    kept = [block.replace("\0", "\n") for block in blocks if _name(block) in wanted]
    missing = wanted - {_name(block) for block in blocks}
    if missing:
        raise ClusterError(f"requirements.lock lacks {', '.join(sorted(missing))}; make lock")
    return "\n".join(kept) + "\n"


def _name(block: str) -> str:
    return canonicalize_name(block.split("==", 1)[0].strip())


def libraries_layer(extra: str, tell: Told) -> Path:
    """The extra's packages below ``/opt/hearth/lib``, for the base layer's Python."""
    requirements = locked(closure(extra))
    key = folders.key([requirements, debian.PYTHON])

    def install(half: Path) -> None:
        tell.step(f"installing the packages of hearth[{extra}]")
        tree = half.with_suffix(".tree")
        folders.remove(tree)
        tree.mkdir(parents=True)
        _pip(requirements, tree)
        _pack(tree, _LIBRARIES, half)
        tell(f"libraries of {extra}: {half.stat().st_size >> 20} MiB")

    return folders.made_once(folders.cache() / "images" / f"layer-lib-{extra}-{key}.tar", install)


def _pip(requirements: str, tree: Path) -> None:
    """Into ``tree``, from wheels only, whatever Python this machine has."""
    lock, log = tree.with_suffix(".txt"), tree.with_suffix(".log")
    lock.write_text(requirements)
    words = ["--target", str(tree), "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"]
    words += [f"--python-version={debian.PYTHON}", "--implementation=cp", "--quiet", "-r", str(lock)]
    words += [f"--platform={platform}" for platform in _PLATFORMS]
    with log.open("w") as file:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", *words], stdout=file, stderr=file, check=False
        )
    if done.returncode != 0:
        raise ClusterError("pip install failed", log)
    lock.unlink()
    log.unlink()


def code_layer() -> Path:
    """Our packages below ``/opt/hearth/app``, with the metadata that ``hearth --version`` reads."""
    key = folders.key(
        [*(folders.tree_key(ROOT / name) for name in PACKAGES), (ROOT / "pyproject.toml").read_bytes()]
    )

    def copy(half: Path) -> None:
        tree = half.with_suffix(".tree")
        folders.remove(tree)
        for name in PACKAGES:
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        version = metadata.version("hearth")
        info = tree / f"hearth-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: hearth\nVersion: {version}\n")
        _pack(tree, _CODE, half)

    return folders.made_once(folders.cache() / "images" / f"layer-code-{key}.tar", copy)


def _pack(tree: Path, inside: str, out: Path) -> None:
    """Compiled where this Python's byte code is the base layer's: a container starts seconds sooner."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == debian.PYTHON:
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(
            tree, quiet=2, workers=2, stripdir=str(tree), prependdir=inside, invalidation_mode=mode
        )
    images.write_layer(out, [(tree, inside)], bytecode=True)
    shutil.rmtree(tree)
