"""Manifests that several tests apply."""

from typing import Any

from tests.e2e.cluster.node import PAUSE_IMAGE

ENGINE_PORT = 8000


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
    probe = {"httpGet": {"path": "/health", "port": ENGINE_PORT}, "periodSeconds": 1}
    made = deployment(
        name,
        replicas,
        image=image,
        args=["engine", "--served-model-name", name, *flags],
        ports=[{"name": "http", "containerPort": ENGINE_PORT}],
        readinessProbe=probe,
        resources={"limits": {"nvidia.com/gpu": "1"}},
    )
    spread = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": name}}}
    made["spec"]["template"]["spec"]["topologySpreadConstraints"] = [
        {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **spread}
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }
    return [made, service]
