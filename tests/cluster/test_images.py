"""Images: archives that containerd imports, equal for equal content, with only what a process needs."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster import debian, hearth_images, images
from tests.e2e.cluster.images import Image
from tests.e2e.cluster.machine import ClusterError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path / "cache"))


def _tree(folder: Path) -> Path:
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "code.py").write_text("x = 1\n")
    (folder / "__pycache__" / "code.pyc").write_bytes(b"\0")
    return folder


def test_the_same_files_make_the_same_layer_whenever_they_were_written(tmp_path: Path) -> None:
    layers = []
    for name in ("one", "two"):
        tree = _tree(tmp_path / name)
        out = tmp_path / f"{name}.tar"
        images.write_layer(out, [(tree, "/app")])
        layers.append(out.read_bytes())
    assert layers[0] == layers[1]


def test_a_layer_has_no_byte_code_unless_it_was_compiled_for_the_image(tmp_path: Path) -> None:
    tree = _tree(tmp_path / "tree")
    names = []
    for bytecode in (False, True):
        out = tmp_path / f"{bytecode}.tar"
        images.write_layer(out, [(tree, "/app")], bytecode=bytecode)
        with tarfile.open(out) as tar:
            names.append(sorted(tar.getnames()))
    assert names == [
        ["app", "app/code.py"],
        ["app", "app/__pycache__", "app/__pycache__/code.pyc", "app/code.py"],
    ]


def _member(tar: tarfile.TarFile, name: str) -> Any:
    file = tar.extractfile(name)
    assert file is not None, f"{name} is no plain file"
    return json.load(file)


def test_an_archive_holds_config_layers_and_name(tmp_path: Path) -> None:
    low, high = tmp_path / "low.tar", tmp_path / "high.tar"
    images.write_layer(low, [(_tree(tmp_path / "a"), "/a")])
    images.write_layer(high, [(_tree(tmp_path / "b"), "/b")])
    image = Image(name="x:1", layers=(low, high), entrypoint=("/a/run",), environment=("A=1",), user="7")
    with (tmp_path / "image.tar").open("wb") as out:
        images.write(image, out)
    with tarfile.open(tmp_path / "image.tar") as tar:
        manifest = _member(tar, "manifest.json")[0]
        config = _member(tar, "config.json")
        assert set(manifest["Layers"]) <= set(tar.getnames())
    assert manifest["RepoTags"] == ["hearth.test/x:1"]
    assert config["config"]["Entrypoint"] == ["/a/run"]
    assert config["config"]["User"] == "7"
    assert [f"sha256:{layer.removesuffix('.tar')}" for layer in manifest["Layers"]] == config["rootfs"][
        "diff_ids"
    ]


def test_an_image_holds_the_packages_of_its_extra_only() -> None:
    names = hearth_images.closure("engine")
    assert {"aiohttp", "typer", "multidict"} <= set(names)
    assert not {"bokeh", "pytest", "grpcio", "kubernetes"} & set(names)


def test_every_package_of_an_image_is_pinned_with_hashes() -> None:
    names = hearth_images.closure("engine")
    lines = hearth_images.locked(names)
    assert lines.count("==") >= len(names)
    assert all("--hash=sha256:" in block for block in lines.replace("\\\n", " ").splitlines())


def test_an_unknown_extra_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ClusterError, match=r"extra 'nothing': pyproject\.toml has sim, engine"):
        hearth_images.closure("nothing")


@pytest.mark.parametrize(
    ("file", "text", "mirror"),
    [
        (
            "a.sources",
            "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm\n",
            "http://mirror.test/debian",
        ),
        ("b.list", "# x\ndeb [signed-by=/k] https://mirror.test/d bookworm main\n", "https://mirror.test/d"),
        ("c.sources", "URIs: http://mirror.test/debian-security\n", ""),
    ],
)
def test_debian_comes_from_where_this_machine_s_packages_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str, mirror: str
) -> None:
    (tmp_path / file).write_text(text)
    monkeypatch.setattr(debian, "_SOURCES", tmp_path)
    assert debian.mirror() == mirror
