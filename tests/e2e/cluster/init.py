"""Process 1 of a cluster: brings up what ``spec.json`` asks for, then supervises it.

It runs in network, mount and process namespaces of its own (:mod:`tests.e2e.cluster.keeper` makes them), so
ending it ends every process, mount and interface of the cluster.

    python -m tests.e2e.cluster.init <cluster folder>
"""

import functools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.e2e.cluster import control_plane, dns, keda, network, node_keeper
from tests.e2e.cluster.api import Api
from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.spec import Spec, read_spec
from tests.e2e.cluster.supervise import Process, Supervisor

API_WITHIN_S, READY_WITHIN_S = 60.0, 120.0


class Boot:
    """One start. Each step says what it waits for and how long that took."""

    def __init__(self, at: Layout) -> None:
        self.at = at
        self.spec: Spec = read_spec(at.spec)
        self.supervisor = Supervisor(at.logs)
        self.api = Api(at)
        self._begun = time.monotonic()

    def run(self) -> None:
        """Bring everything up."""
        network.control_plane_side()
        start = self.supervisor.start
        start(control_plane.etcd(self.at))
        start(control_plane.api_server(self.spec, self.at))
        for link in self.spec.links:
            start(node_keeper.process(self.at, link))
        self._wait("the API server is ready", self.api.ready, API_WITHIN_S)
        start(control_plane.controllers(self.spec, self.at))
        start(control_plane.scheduler(self.spec, self.at))
        if self.spec.fake_nodes:
            self._fake_kubelet()
        if self.spec.links:
            self._nodes()
        if self.spec.keda != "no":
            self._keda()
        if self.spec.fake_nodes:
            self._wait_for_node(f"node{self.spec.fake_nodes}")
        self._wait("the default service account is there", self._service_account, READY_WITHIN_S)

    def _fake_kubelet(self) -> None:
        flags = (f"--nodes={self.spec.fake_nodes}", f"--gpus={self.spec.gpus}")
        module = "tests.e2e.cluster.fake_kubelet"
        argv = (sys.executable, "-m", module, str(self.at.kubeconfig()), *flags)
        self.supervisor.start(Process(name="fake-kubelet", argv=argv))

    def _nodes(self) -> None:
        self.apply(list(yaml.safe_load_all(dns.MANIFESTS)))
        for link in self.spec.links:
            self._wait_for_node(link.name)
            gpus = {"nvidia.com/gpu": str(self.spec.gpus)}
            patch = {"status": {"capacity": gpus, "allocatable": gpus}}
            path = f"/api/v1/nodes/{link.name}/status"
            self.api.call("PATCH", path, patch, "application/strategic-merge-patch+json")
        self._available("kube-system", "coredns", "DNS answers")

    def _wait_for_node(self, name: str) -> None:
        ready = functools.partial(self.api.condition, f"/api/v1/nodes/{name}", "Ready")
        self._wait(f"{name} is Ready", ready, READY_WITHIN_S)

    def _keda(self) -> None:
        objects = keda.read(self.at.root / "keda.yaml")
        if self.spec.keda == "pods":
            self.apply(keda.as_pods(objects))
            for name in ("keda-operator", "keda-metrics-apiserver", "keda-admission"):
                self._available(keda.NAMESPACE, name, f"{name} is available")
        else:
            self.apply(keda.as_processes(objects, (self.at.pki / "ca.crt").read_bytes()))
            known = functools.partial(self.api.serves, "/apis/keda.sh/v1alpha1", "scaledobjects")
            self._wait("KEDA's resources are served", known, READY_WITHIN_S)
            for process in keda.processes(self.spec, self.at):
                self.supervisor.start(process)
        served = f"/apis/apiregistration.k8s.io/v1/apiservices/{keda.API_SERVICE}"
        self._wait("KEDA serves metrics", lambda: self.api.condition(served, "Available"), READY_WITHIN_S)

    def apply(self, objects: list[dict[str, object]]) -> None:
        """Server-side, as everybody should."""
        self._say(f"applying {len(objects)} objects")
        subprocess.run(
            [*self.at.kubectl(), "apply", "--server-side", "--force-conflicts", "-f", "-"],
            input=yaml.safe_dump_all(objects).encode(),
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def _service_account(self) -> bool:
        """Pods are refused until the controllers have made it."""
        try:
            self.api.call("GET", "/api/v1/namespaces/default/serviceaccounts/default")
        except OSError:
            return False
        return True

    def _available(self, namespace: str, name: str, what: str) -> None:
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
        self._wait(what, lambda: self.api.condition(path, "Available"), READY_WITHIN_S)

    def _wait(self, what: str, ready: Callable[[], bool], within_s: float) -> None:
        self.supervisor.wait_until(what, ready, within_s)
        self._say(what)

    def _say(self, what: str) -> None:
        with self.at.steps.open("a") as file:
            file.write(f"{what} ({time.monotonic() - self._begun:.1f} s)\n")


def main(folder: str) -> None:
    """Start, say so, supervise; on failure leave one line that says why."""
    at = Layout(Path(folder))
    boot = Boot(at)
    try:
        boot.run()
    except (ClusterError, subprocess.CalledProcessError, OSError) as error:
        if not at.failure.exists():  # a node may have said it better
            said = (
                error if isinstance(error, ClusterError) else ClusterError(str(error), at.logs / "init.log")
            )
            at.failure.write_text(str(said))
        raise
    at.ready.touch()
    boot.supervisor.serve(at.control)


if __name__ == "__main__":
    main(*sys.argv[1:])
