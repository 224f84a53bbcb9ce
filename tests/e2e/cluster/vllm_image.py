"""Real vLLM on CPU as a container: the environment of ``tests.vllm`` on the Debian base, and a tiny model."""

from pathlib import Path

from tests.e2e.cluster import debian, folders, images
from tests.e2e.cluster.images import Image
from tests.e2e.cluster.progress import Told
from tests.vllm import install, tiny

_PACKAGES, MODEL = "/opt/vllm", "/opt/models/tiny"
_ENVIRONMENT = (
    f"PYTHONPATH={_PACKAGES}",
    "PYTHONDONTWRITEBYTECODE=1",
    "VLLM_CPU_KVCACHE_SPACE=1",
    "VLLM_NO_USAGE_STATS=1",
    "DO_NOT_TRACK=1",
    "HF_HUB_OFFLINE=1",
    "HOME=/tmp",
)


def vllm_image(tell: Told) -> Image:
    """Its entry point is ``vllm``; ``serve /opt/models/tiny`` serves the tiny model."""
    environment = install.install(tell)
    tell.step("packing vLLM")
    packages = _layer("vllm", environment.name, install.site_packages(environment), _PACKAGES, bytecode=True)
    model = tiny.model()
    weights = _layer("tiny", model.name.rsplit("-", 1)[-1], model, MODEL, bytecode=False)
    return Image(
        name=f"vllm-cpu:{environment.name}",
        layers=(debian.base_layer(tell), packages, weights),
        entrypoint=("/usr/bin/python3", "-m", "vllm.entrypoints.cli.main"),
        environment=_ENVIRONMENT,
        user=images.NOBODY,
        workdir="/tmp",  # noqa: S108 - a folder in the image
    )


def _layer(name: str, key: str, folder: Path, inside: str, *, bytecode: bool) -> Path:
    final = folders.cache() / "images" / f"layer-{name}-{key}.tar"
    return folders.made_once(
        final, lambda half: images.write_layer(half, [(folder, inside)], bytecode=bytecode)
    )
