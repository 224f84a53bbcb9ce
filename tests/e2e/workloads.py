"""Manifests that several tests apply."""

from typing import Any

from tests.e2e.cluster.node import PAUSE_IMAGE
from tests.e2e.cluster.vllm_image import MODEL
from tests.vllm.serving import Flags

ENGINE_PORT = 8000
_SHM = {"name": "shm", "mountPath": "/dev/shm"}  # noqa: S108 - a folder in the container


def deployment(name: str, replicas: int, **container: Any) -> dict[str, Any]:
    """Pods of one container; without any settings it just sits there."""
    labels = {"app": name}
    inner = {"name": "main", "image": PAUSE_IMAGE, "imagePullPolicy": "Never", **container}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [inner]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def engine(name: str, image: str, replicas: int, *flags: str) -> list[dict[str, Any]]:
    """A Deployment of ``hearth engine`` and its Service, as people deploy vLLM: one GPU each, spread."""
    args = ["engine", "--served-model-name", name, *flags]
    limits = {"limits": {"nvidia.com/gpu": "1"}}
    made = [_server(name, image, replicas, args, resources=limits), service(name)]
    spread = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": name}}}
    made[0]["spec"]["template"]["spec"]["topologySpreadConstraints"] = [
        {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **spread}
    ]
    return made


def real_vllm(name: str, image: str, *flags: str) -> list[dict[str, Any]]:
    """A Deployment of one real vLLM with the tiny model, and its Service."""
    args = ["serve", MODEL, "--served-model-name", name, *Flags(more=flags).arguments()]
    made = _server(name, image, 1, args, volumeMounts=[_SHM])
    # Its processes share 160 MiB; a container's own /dev/shm has 64.
    made["spec"]["template"]["spec"]["volumes"] = [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
    return [made, service(name)]


def _server(name: str, image: str, replicas: int, args: list[str], **more: Any) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/health", "port": ENGINE_PORT}, "periodSeconds": 1}
    ports = [{"name": "http", "containerPort": ENGINE_PORT}]
    return deployment(name, replicas, image=image, args=args, ports=ports, readinessProbe=probe, **more)


def service(name: str) -> dict[str, Any]:
    """Port 80 to the engines of ``name``."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }
