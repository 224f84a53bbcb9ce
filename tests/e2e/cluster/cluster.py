"""A running cluster as tests see it: its API, its network, its nodes' files, and its programs to break.

with running(Spec(name="t", fake_nodes=3)) as cluster:
    cluster.apply(manifests)
    cluster.core.list_namespaced_pod("default")
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from tests.e2e.cluster import claim, life, waiting
from tests.e2e.cluster.forward import Forward
from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.pki import token_of
from tests.e2e.cluster.progress import Silent, Told
from tests.e2e.cluster.spec import API_PORT, CONTROL_IP, Spec, read_spec
from tests.e2e.cluster.supervise import ask

_LOOK_S, _TERM_WITHIN_S = 0.1, 10.0


class Cluster:
    """Of one cluster that is up. Close it (or use :func:`running`) to end what it opened."""

    def __init__(self, at: Layout) -> None:
        if claim.pids(at) is None:
            raise ClusterError(f"cluster {at.root.name} is not running; make cluster-up starts it")
        self.at = at
        self.spec = read_spec(at.spec)
        self._forwards: list[Forward] = []

    def close(self) -> None:
        """End the forwards; the cluster itself goes on."""
        while self._forwards:
            self._forwards.pop().close()

    # --- the API

    @cached_property
    def api(self) -> Any:
        """A ``kubernetes.client.ApiClient`` as admin."""
        settings = client.Configuration()
        settings.host = f"https://127.0.0.1:{self.forward(CONTROL_IP, API_PORT)}"
        settings.ssl_ca_cert = str(self.at.pki / "ca.crt")
        settings.api_key["authorization"] = f"Bearer {token_of(self.at.kubeconfig())}"
        return client.ApiClient(settings)

    @cached_property
    def core(self) -> Any:
        """CoreV1Api."""
        return client.CoreV1Api(self.api)

    @cached_property
    def apps(self) -> Any:
        """AppsV1Api."""
        return client.AppsV1Api(self.api)

    @cached_property
    def custom(self) -> Any:
        """CustomObjectsApi."""
        return client.CustomObjectsApi(self.api)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """What kubectl prints; :class:`ClusterError` with its complaint where it fails."""
        argv = [*life.enter_argv(self.at), *self.at.kubectl(), *words]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, objects: Iterable[dict[str, Any]]) -> None:
        """Server-side apply."""
        text = yaml.safe_dump_all(list(objects))
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    # --- the network

    def forward(self, host: str, port: int) -> int:
        """A port on this machine's loopback that leads to ``host:port`` inside the cluster."""
        running = claim.pids(self.at)
        if running is None:
            raise ClusterError(f"cluster {self.spec.name} is not running")
        forward = Forward(running.inside, host, port)
        self._forwards.append(forward)
        return forward.port

    @contextmanager
    def process(self, *argv: str, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
        """A program of the test's own in the cluster's network, where pods reach it at ``CONTROL_IP``.

        It ends with the block, or with the cluster if the test run is killed.
        """
        with log.open("wb") as file:
            child = subprocess.Popen([*life.enter_argv(self.at), *argv], stdout=file, stderr=file)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(_TERM_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    # --- its parts

    def files(self, node: str, path: str) -> Path:
        """What ``node`` has at ``path``, seen from here."""
        return self.at.files(node, path)

    def programs(self) -> dict[str, str]:
        """Program -> what it does; a node's as ``node1/kubelet``."""
        return dict(life.programs_of(self.at))

    def kill(self, program: str, kind: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a program; a node's own name is a power cut."""
        self._order(program, do="signal", signal=int(kind))

    def start(self, program: str) -> None:
        """Start again what was killed."""
        self._order(program, do="start")

    def _order(self, program: str, **order: object) -> None:
        node, slash, name = program.rpartition("/")
        control = self.at.node(node) / "control.sock" if slash else self.at.control
        try:
            ask(control, name=name, **order)
        except OSError as error:
            raise ClusterError(
                f"{node or 'process 1'} does not answer ({error}); see cluster-status"
            ) from None

    # --- waiting

    @staticmethod
    def wait_for(what: str, ready: Callable[[], bool], within_s: float = 60.0) -> float:
        """Look until ``ready()`` is true; seconds that took. :class:`ClusterError` when it does not come."""
        begun = time.monotonic()
        if not waiting.until(ready, within_s, _LOOK_S):
            raise ClusterError(f"{what}: not after {within_s:.0f} s")
        return time.monotonic() - begun

    wait = wait_for

    def pods(self, selector: str, namespace: str = "default") -> Sequence[Any]:
        """Pods by label selector."""
        found: Sequence[Any] = self.core.list_namespaced_pod(namespace, label_selector=selector).items
        return found

    def wait_ready(
        self, selector: str, count: int, *, namespace: str = "default", within_s: float = 60.0
    ) -> float:
        """Until exactly ``count`` pods of the selector are Ready and none other is there."""

        def settled() -> bool:
            pods = self.pods(selector, namespace)
            if any(_crash_loops(pod) for pod in pods):
                raise ClusterError(f"a pod of {selector} crashes again and again")
            return len(pods) == count and all(_ready(pod) for pod in pods)

        try:
            return self.wait(f"{count} pods of {selector} Ready", settled, within_s)
        except ClusterError as error:
            raise ClusterError(f"{error}\n{self._troubles(selector, namespace)}") from None

    def _troubles(self, selector: str, namespace: str) -> str:
        """What an on-call would look at first."""
        words = (f"--selector={selector}", f"--namespace={namespace}")
        events = self.kubectl("get", "events", f"--namespace={namespace}", "--sort-by=.lastTimestamp")
        logs = self.kubectl("logs", *words, "--tail=20", "--all-containers", "--ignore-errors")
        return "\n".join([self.kubectl("get", "pods", *words, "--output=wide"), events[-2000:], logs])


def _ready(pod: Any) -> bool:
    conditions = pod.status.conditions or ()
    return any(c.type == "Ready" and c.status == "True" for c in conditions)


def _crash_loops(pod: Any) -> bool:
    states = [status.state.waiting for status in pod.status.container_statuses or ()]
    return any(waiting and waiting.reason == "CrashLoopBackOff" for waiting in states)


@contextmanager
def running(spec: Spec, tell: Told | None = None) -> Iterator[Cluster]:
    """A cluster for the length of a block; it ends with this process at the latest, however that ends."""
    cluster = Cluster(life.up(spec, tell or Silent(), owner=os.getpid()))
    try:
        yield cluster
    finally:
        cluster.close()
        life.down(spec.name)
