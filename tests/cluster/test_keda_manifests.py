"""KEDA's own manifests, as pods and as processes."""

import base64
from typing import Any

import pytest

from tests.e2e.cluster import keda
from tests.e2e.cluster.keda import Manifest
from tests.e2e.cluster.spec import CONTROL_IP


def _container(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": f"upstream/{name}",
        "imagePullPolicy": "Always",
        "readinessProbe": {"x": 1},
    }


@pytest.fixture
def objects() -> list[Manifest]:
    """The kinds that matter, cut down."""
    template = {"template": {"spec": {"containers": [_container("keda-operator")]}}}
    ports = [{"name": "metricsservice", "port": 9666, "targetPort": 9666}]
    return [
        {
            "kind": "Service",
            "metadata": {"name": "keda-operator"},
            "spec": {"selector": {"app": "x"}, "ports": ports},
        },
        {"kind": "Deployment", "metadata": {"name": "keda-operator"}, "spec": template},
        {"kind": "Namespace", "metadata": {"name": "keda"}},
        {"kind": "APIService", "metadata": {"name": keda.API_SERVICE}, "spec": {}},
        {"kind": "ValidatingWebhookConfiguration", "webhooks": [{"clientConfig": {"service": {}}}]},
    ]


def test_pods_run_the_images_built_here_and_pull_nothing(objects: list[Manifest]) -> None:
    made = next(thing for thing in keda.as_pods(objects) if thing["kind"] == "Deployment")
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "hearth.test/keda:2.21.0"
    assert container["imagePullPolicy"] == "Never"


def test_processes_come_without_deployments_and_their_namespace_first(objects: list[Manifest]) -> None:
    kinds = [thing["kind"] for thing in keda.as_processes(objects, b"ca")]
    assert kinds[0] == "Namespace"
    assert "Deployment" not in kinds


def test_a_service_leads_to_the_process(objects: list[Manifest]) -> None:
    made = keda.as_processes(objects, b"ca")
    service = next(thing for thing in made if thing["kind"] == "Service")
    slices = next(thing for thing in made if thing["kind"] == "EndpointSlice")
    assert "selector" not in service["spec"]
    assert slices["endpoints"][0]["addresses"] == [CONTROL_IP]
    assert {"name": "metricsservice", "port": 9666} in slices["ports"]


def test_whoever_calls_keda_trusts_the_cluster_s_authority(objects: list[Manifest]) -> None:
    made = {thing["kind"]: thing for thing in keda.as_processes(objects, b"ca")}
    bundle = base64.b64encode(b"ca").decode()
    assert made["APIService"]["spec"]["caBundle"] == bundle
    assert made["ValidatingWebhookConfiguration"]["webhooks"][0]["clientConfig"]["caBundle"] == bundle
