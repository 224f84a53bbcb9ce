"""Process 1 of a node: its own network, its own files, then containerd, kubelet and kube-proxy.

It runs in network, mount and process namespaces inside the cluster's, made by its node keeper.

    python -m tests.e2e.cluster.node_init <cluster folder> <node name>
"""

import subprocess
import sys
import urllib.request
from http import HTTPStatus
from pathlib import Path

from tests.e2e.cluster import cgroups, network, node
from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.spec import Spec, read_spec
from tests.e2e.cluster.supervise import Supervisor

WITHIN_S = 60.0


def _mounts(at: Layout, files: Path) -> None:
    """Own files over the machine's, shared onwards so that the kubelet's mounts reach its containers."""
    _mount("--make-rshared", "/")
    _mount("-t", "tmpfs", "tmpfs", "/run")
    Path("/run/netns").mkdir()
    _own_var(at)
    for path in node.OWN:
        Path(path).mkdir(parents=True, exist_ok=True)
        _mount("--bind", f"{files}{path}", path)
    for number, (name, value) in enumerate(node.KERNEL.items()):
        seen = Path(f"/run/kernel-{number}")
        seen.write_text(f"{value}\n")
        _mount("--bind", str(seen), f"/proc/sys/{name}")


def _own_var(at: Layout) -> None:
    """``/var`` as it is, but what is made in it (the folders to mount on) is gone with the node."""
    cluster, over = Path("/run/cluster"), Path("/run/var")
    for folder in (cluster, over / "new", over / "work"):
        folder.mkdir(parents=True)
    _mount("--bind", str(at.root), str(cluster))
    layers = f"lowerdir=/var,upperdir={over}/new,workdir={over}/work"
    _mount("-t", "overlay", "-o", layers, "overlay", "/var")
    _mount("--bind", str(cluster), str(at.root))  # it may lie below /var


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def main(folder: str, name: str) -> None:
    """Become the node; on failure leave one line that says why."""
    at = Layout(Path(folder))
    try:
        supervisor = _boot(at, read_spec(at.spec), name)
    except ClusterError as error:
        at.failure.write_text(f"{name}: {error}")
        raise
    control = at.node(name) / "control.sock"
    control.unlink(missing_ok=True)  # of a life before a power cut
    supervisor.serve(control)


def _boot(at: Layout, spec: Spec, name: str) -> Supervisor:
    link = next(link for link in spec.links if link.name == name)
    own, supervisor = at.node(name), Supervisor(at.logs / name)
    supervisor.wait_until("the network is plugged in", lambda: network.has(network.UPLINK), WITHIN_S)
    network.node_side(link)
    _mounts(at, own / "files")
    cgroups.make(spec.cgroup(name))
    (own / "containerd.toml").write_text(node.containerd_toml(own))
    (own / "cni" / "10-pods.conflist").write_text(node.cni_json(link))
    (own / "kubelet.json").write_text(node.kubelet_json(spec, at, link))
    log = at.logs / name / "containerd.log"
    seen = log.stat().st_size if log.exists() else 0
    containerd, *rest = node.processes(spec, at, link)
    supervisor.start(containerd)
    supervisor.wait_until("containerd serves", lambda: _serves(log, seen), WITHIN_S)
    for process in rest:
        supervisor.start(process)
    supervisor.wait_until("the kubelet is healthy", _healthy, WITHIN_S)
    return supervisor


def _serves(log: Path, seen: int) -> bool:
    """Its socket is there long before it answers a kubelet, who asks once and gives up."""
    return b"Start streaming server" in log.read_bytes()[seen:]


def _healthy() -> bool:
    try:
        with urllib.request.urlopen(node.KUBELET_HEALTH, timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


if __name__ == "__main__":
    main(*sys.argv[1:])
