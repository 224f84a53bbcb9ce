"""KEDA from the manifests in its own module: as pods, or as processes beside a bare control plane.

As processes its programs are the same and so are CRDs, RBAC, Services and webhooks; the Deployments are left
out, and EndpointSlices point the Services at the control plane's address. So KEDA is there in seconds, with
no node and no container.
"""

import base64
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.cluster import folders, go
from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.programs import KEDA, KEDA_OPERATOR
from tests.e2e.cluster.spec import CONTROL_IP, Spec
from tests.e2e.cluster.supervise import Process

_MODULE = "github.com/kedacore/keda/v2"
NAMESPACE = "keda"
API_SERVICE = "v1beta1.external.metrics.k8s.io"
IMAGES = {
    "keda-operator": "hearth.test/keda",
    "keda-metrics-apiserver": "hearth.test/keda-adapter",
    "keda-admission-webhooks": "hearth.test/keda-admission-webhooks",
}
"""Container -> the image that is built here from the same module."""
Manifest = dict[str, Any]

_PORTS = {
    "keda-operator": {"metricsservice": 9666, "metrics": 18080},
    "keda-metrics-apiserver": {"https": 16443, "metrics": 18081},
    "keda-admission-webhooks": {"https": 19443, "metrics": 18082},
}
"""Service -> port name -> where the process listens. Beside the API server's 6443."""
_PROBES = {"operator": 18090, "webhooks": 18091}


def manifests(kubectl: Path) -> Path:
    """The folder with ``keda.yaml``: the module's kustomize tree, rendered once a version."""
    final = folders.cache() / "programs" / f"keda-manifests-{KEDA.removeprefix('v')}"
    return folders.made_once(final, lambda half: _render(kubectl, half))


def _render(kubectl: Path, half: Path) -> None:
    half.mkdir(parents=True)
    log = half.with_suffix(".log")
    # Downloads it again where Go's cache was cleaned since the build.
    module = json.loads(_output(log, go.command(), "mod", "download", "-json", _MODULE))["Dir"]
    (half / "keda.yaml").write_text(_output(log, str(kubectl), "kustomize", f"{module}/config/default"))
    log.unlink()


def _output(log: Path, *argv: str) -> str:
    with log.open("w") as file:
        done = subprocess.run(
            argv, cwd=KEDA_OPERATOR.folder, stdout=subprocess.PIPE, stderr=file, text=True, check=False
        )
    if done.returncode != 0:
        raise ClusterError("KEDA's manifests cannot be rendered", log)
    return done.stdout


def read(rendered: Path) -> list[Manifest]:
    """Every object of the rendered tree."""
    return list(yaml.safe_load_all(rendered.read_text()))


def as_pods(objects: Iterable[Manifest]) -> list[Manifest]:
    """With the images built here, and probes that look every second."""
    out = []
    for thing in objects:
        if thing["kind"] == "Deployment":
            for container in thing["spec"]["template"]["spec"]["containers"]:
                container["image"] = f"{IMAGES[container['name']]}:{KEDA.removeprefix('v')}"
                container["imagePullPolicy"] = "Never"
                container["readinessProbe"] |= {"initialDelaySeconds": 1, "periodSeconds": 1}
        out.append(thing)
    return out


def as_processes(objects: Iterable[Manifest], ca: bytes) -> list[Manifest]:
    """No Deployments, Services that lead to the processes, and ``ca`` where KEDA would patch it."""
    bundle = base64.b64encode(ca).decode()
    out: list[Manifest] = []
    for thing in objects:
        if thing["kind"] == "Deployment":
            continue
        if thing["kind"] == "Service":
            del thing["spec"]["selector"]
            out.append(_endpoints(thing["metadata"]["name"]))
        if thing["kind"] == "APIService":
            thing["spec"]["caBundle"] = bundle
        for webhook in thing.get("webhooks", ()):
            webhook["clientConfig"]["caBundle"] = bundle
        out.append(thing)
    return sorted(out, key=lambda thing: str(thing["kind"]) != "Namespace")


def _endpoints(service: str) -> Manifest:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": service,
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [CONTROL_IP], "conditions": {"ready": True}}],
        "ports": [{"name": name, "port": port} for name, port in _PORTS[service].items()],
    }


def processes(spec: Spec, at: Layout) -> list[Process]:
    """Operator, metrics adapter and admission webhooks; certificates are ours instead of self-made ones."""
    certificates = at.pki / "keda"
    environment = {
        "KUBECONFIG": str(at.kubeconfig()),
        "POD_NAMESPACE": NAMESPACE,
        "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
        "WATCH_NAMESPACE": "",
        "KEDA_SCALEDOBJECT_CTRL_MAX_RECONCILES": "5",
    }
    operator, adapter, webhooks = _PORTS.values()
    lines = {
        "keda": (
            "--zap-log-level=info",
            "--zap-encoder=console",
            f"--cert-dir={certificates}",
            f"--metrics-bind-address={CONTROL_IP}:{operator['metrics']}",
            f"--metrics-service-bind-address={CONTROL_IP}:{operator['metricsservice']}",
            f"--health-probe-bind-address={CONTROL_IP}:{_PROBES['operator']}",
        ),
        "keda-adapter": (
            f"--secure-port={adapter['https']}",
            f"--bind-address={CONTROL_IP}",
            f"--port={adapter['metrics']}",
            f"--metrics-service-address={CONTROL_IP}:{operator['metricsservice']}",
            f"--client-ca-file={certificates}/ca.crt",
            f"--tls-cert-file={certificates}/tls.crt",
            f"--tls-private-key-file={certificates}/tls.key",
            f"--cert-dir={certificates}",
            *(
                f"--{what}-kubeconfig={at.kubeconfig()}"
                for what in ("lister", "authentication", "authorization")
            ),
        ),
        "keda-admission-webhooks": (
            f"--cert-dir={certificates}",
            f"--port={webhooks['https']}",
            f"--metrics-bind-address={CONTROL_IP}:{webhooks['metrics']}",
            f"--health-probe-bind-address={CONTROL_IP}:{_PROBES['webhooks']}",
        ),
    }
    return [
        Process(
            name=name, argv=(at.program(name), *flags, *spec.flags.get(name, ())), environment=environment
        )
        for name, flags in lines.items()
    ]
