"""A scripted metrics server: the CPU of every pod of a case, as its script says at the moment.

It stands where metrics-server would, behind the API ``metrics.k8s.io``, and writes its calls to the
scaler's log, so that cases without an external trigger have a beginning too.

    python -m tests.e2e.hpa.resource_metrics <cluster folder> 10.87.0.1 6001 calls.jsonl
"""

import json
import ssl
import sys
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tests.e2e.cluster.api import Api
from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.spec import CONTROL_IP
from tests.e2e.hpa.case import Case, at
from tests.e2e.hpa.cases import CASES
from tests.e2e.hpa.manifests import NAMESPACE, Manifest

GROUP = "/apis/metrics.k8s.io/v1beta1"
PORT = 6001
_NAME = "scripted-metrics"


def manifests() -> list[Manifest]:
    """What makes the API server ask here."""
    meta = {"name": _NAME, "namespace": NAMESPACE}
    port = {"name": "https", "port": PORT}
    api_service = {
        "group": "metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"name": _NAME, "namespace": NAMESPACE, "port": PORT},
    }
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [port]}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": _NAME}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [CONTROL_IP], "conditions": {"ready": True}}],
            "ports": [port],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": api_service,
        },
    ]


class Server(ThreadingHTTPServer):
    """Answers for every case."""

    def __init__(self, cluster: Layout, address: tuple[str, int], log: Path) -> None:
        super().__init__(address, _Handler)
        self._api = Api(cluster)
        self._log = log.open("a", buffering=1)
        self._cases = {case.name: case for case in CASES}
        self._began: dict[str, float] = {}
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cluster.pki / "keda" / "tls.crt", cluster.pki / "keda" / "tls.key")
        self.socket = tls.wrap_socket(self.socket, server_side=True)

    def answer(self, path: str) -> Any:
        """The body for a path: samples, or what the group offers."""
        selector = parse_qs(urlsplit(path).query).get("labelSelector", [""])[0]
        if not selector:
            return {"kind": "APIResourceList", "groupVersion": "metrics.k8s.io/v1beta1", "resources": []}
        name = selector.removeprefix("case=")
        now = time.time()
        began = self._began.setdefault(name, now)
        self._log.write(json.dumps([round(now, 4), name, 0, "usage"]) + "\n")
        samples = self._samples(self._cases[name], now - began)
        return {"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "items": samples}

    def _samples(self, case: Case, at_s: float) -> list[Any]:
        """Of every running pod but those that the script leaves out; Ready ones are left out."""
        query = quote(f"case={case.name}")
        pods = self._api.call("GET", f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={query}")["items"]
        running = sorted((pod for pod in pods if pod["status"]["phase"] == "Running"), key=_ready)
        value = at(case.metrics[0].steps, at_s)
        if value is None:
            return []
        return [_sample(pod, value) for pod in running[: len(running) - at(case.silent, at_s)]]


def _ready(pod: Any) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])


def _sample(pod: Any, cores: float) -> Any:
    usage = {"cpu": f"{round(cores * 1000)}m", "memory": "1Mi"}
    return {
        "metadata": {"name": pod["metadata"]["name"], "namespace": NAMESPACE},
        "timestamp": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window": "1s",
        "containers": [{"name": "main", "usage": usage}],
    }


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        body = json.dumps(self.server.answer(self.path)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return


def main(cluster: str, host: str, port: str, log: str) -> None:
    """Serve until killed."""
    Server(Layout(Path(cluster)), (host, int(port)), Path(log)).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
