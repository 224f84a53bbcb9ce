"""Images without a registry or a builder: docker archives, written layer by layer, which containerd imports.

Layers are files with fixed times and owners, so that the same content is the same image, and an unchanged
layer is never unpacked twice.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.e2e.cluster import folders
from tests.e2e.cluster.programs import KEDA, KEDAS, NODES, Program

REPOSITORY = "hearth.test"
NOBODY = "65532"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


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

    @property
    def key(self) -> str:
        """Of its content: layers are named by theirs."""
        start = json.dumps([self.entrypoint, self.environment, self.user, self.workdir])
        return folders.key([self.reference, start, *(layer.name for layer in self.layers)])


def parts(image: Image) -> list[Image]:
    """Images of its lowest layers, one layer more each, the whole one last.

    Nodes hold them all, so that a new top layer (our code) does not unpack those below it again.
    """
    stem = image.name.split(":")[0]
    heights = range(1, len(image.layers))
    lower = [
        Image(name=f"{stem}-{height}:{folders.key(layer.name for layer in layers)}", layers=layers)
        for height in heights
        for layers in [image.layers[:height]]
    ]
    return [*lower, image]


def write(image: Image, out: IO[bytes]) -> None:
    """The docker archive of ``image``, into a pipe: nothing but its layers is kept on disk."""
    digests = {layer: digest(layer) for layer in image.layers}
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Entrypoint": list(image.entrypoint),
            "Env": [_PATH, *image.environment],
            "User": image.user,
            "WorkingDir": image.workdir,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{value}" for value in digests.values()]},
    }
    names = [f"{value}.tar" for value in digests.values()]
    manifest = [{"Config": "config.json", "RepoTags": [image.reference], "Layers": names}]
    with tarfile.open(fileobj=out, mode="w|") as tar:
        for layer, value in digests.items():
            tar.add(layer.resolve(), arcname=f"{value}.tar", filter=_anonymous)
        for name, body in (("config.json", config), ("manifest.json", manifest)):
            data = json.dumps(body).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def digest(layer: Path) -> str:
    """SHA-256 of a layer, computed once and written beside it: one of ours has three gigabytes."""

    def read(half: Path) -> None:
        with layer.open("rb") as file:
            half.write_text(hashlib.file_digest(file, "sha256").hexdigest())

    return folders.made_once(layer.with_suffix(".sha256"), read).read_text()


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


def system_images(binaries: dict[str, Path], *, keda: bool) -> list[Image]:
    """What every node holds: pause, CoreDNS and, if asked, KEDA."""
    tags = [(program, "1") for program in NODES]
    if keda:
        tags += [(program, KEDA.removeprefix("v")) for program in KEDAS]
    users = {"pause": "65535"}
    return [
        program_image(program, binaries[program.name], tag, users.get(program.name, NOBODY))
        for program, tag in tags
    ]


def sweep(kept: int = 16) -> None:
    """Forget layers that nobody has used for long."""
    folder = folders.cache() / "images"
    folders.keep_newest(folder, "layer-*.tar", kept)
    for beside in folder.glob("*.sha256"):
        if not beside.with_suffix(".tar").exists():
            folders.forget(beside)
