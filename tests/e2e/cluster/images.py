"""Images without a registry or a builder: docker archives, written layer by layer, which containerd imports.

Layers are files with fixed times and owners, so that the same content is the same image, and an unchanged
layer is never unpacked twice.
"""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import folders
from tests.e2e.cluster.programs import KEDA, KEDAS, NODES, Program

REPOSITORY = "hearth.test"
NOBODY = "65532"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image: its layers (tar files, lowest first) and how it starts."""

    name: str
    """Without the repository; with a tag."""
    layers: tuple[Path, ...]
    entrypoint: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    user: str = ""
    workdir: str = "/"

    @property
    def reference(self) -> str:
        """What a pod's ``image`` says."""
        return f"{REPOSITORY}/{self.name}"


def archive(image: Image) -> Path:
    """The docker archive of ``image``, written once; its file name carries its content's key."""
    digests = [_digest(layer) for layer in image.layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Entrypoint": list(image.entrypoint),
            "Env": [_PATH, *image.environment],
            "User": image.user,
            "WorkingDir": image.workdir,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }
    key = folders.key([image.reference, json.dumps(config)])
    stem = image.name.replace(":", "-").replace("/", "-")
    final = folders.cache() / "images" / f"{stem}-{key}.tar"
    return folders.made_once(final, lambda half: _write(half, image, json.dumps(config).encode(), digests))


def _digest(layer: Path) -> str:
    with layer.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(out: Path, image: Image, config: bytes, digests: Sequence[str]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    names = [f"{digest}.tar" for digest in digests]
    manifest = [{"Config": "config.json", "RepoTags": [image.reference], "Layers": names}]
    with tarfile.open(out, "w") as tar:
        for name, path in dict(zip(names, image.layers, strict=True)).items():
            tar.add(path.resolve(), arcname=name, filter=_anonymous)
        for name, body in (("config.json", config), ("manifest.json", json.dumps(manifest).encode())):
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))


def layer(name: str, key: str, entries: Sequence[tuple[Path, str]]) -> Path:
    """A tar of (file or folder here, path in the image); made once per ``name`` and ``key``."""
    final = folders.cache() / "images" / f"layer-{name}-{key}.tar"
    return folders.made_once(final, lambda half: write_layer(half, entries))


def write_layer(out: Path, entries: Iterable[tuple[Path, str]], *, bytecode: bool = False) -> None:
    """Write the tar of a layer. No times and no owners: the same files make the same layer."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(out, "w") as tar:
        for source, inside in entries:
            keep = _anonymous if bytecode else _source_only
            tar.add(source.resolve(), arcname=inside.lstrip("/"), filter=keep)


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime = info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _source_only(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in info.name else _anonymous(info)


def program_image(program: Program, folder: Path, tag: str, user: str) -> Image:
    """An image with nothing but one static binary in it."""
    tmp = folders.cache() / "images" / "empty"
    tmp.mkdir(parents=True, exist_ok=True)
    entries = ((folder / program.name, f"/{program.name}"), (tmp, "/tmp"))  # noqa: S108 - a folder in the image
    files = layer(program.name, folder.name.rsplit("-", 1)[-1], entries)
    return Image(name=f"{program.name}:{tag}", layers=(files,), entrypoint=(f"/{program.name}",), user=user)


def system_images(binaries: dict[str, Path], *, keda: bool) -> list[Path]:
    """What every node holds: pause, CoreDNS and, if asked, KEDA."""
    tags = [(program, "1") for program in NODES]
    if keda:
        tags += [(program, KEDA.removeprefix("v")) for program in KEDAS]
    users = {"pause": "65535"}
    return [
        archive(program_image(program, binaries[program.name], tag, users.get(program.name, NOBODY)))
        for program, tag in tags
    ]


def sweep(count: int = 40) -> None:
    """Forget archives and layers that nobody has used for long."""
    folders.keep_newest(folders.cache() / "images", "*.tar", count)
    shutil.rmtree(folders.cache() / "images" / "empty", ignore_errors=True)
