"""Process 1 of a node: its own network, its own files, then containerd, kubelet and kube-proxy.

It runs in network, mount and process namespaces inside the cluster's, made by its node keeper.

    python -m tests.e2e.cluster.node_init <cluster folder> <node name>
"""

import subprocess
import sys
from pathlib import Path

from tests.e2e.cluster import cgroups, network, node
from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.spec import read_spec
from tests.e2e.cluster.supervise import Supervisor

WITHIN_S = 30.0


def _mounts(files: Path) -> None:
    """Own files over the machine's, shared onwards so that the kubelet's mounts reach its containers."""
    subprocess.run(["mount", "--make-rshared", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    Path("/run/netns").mkdir()
    for path in node.OWN:
        Path(path).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--bind", f"{files}{path}", path], check=True)


def main(folder: str, name: str) -> None:
    """Become the node."""
    at = Layout(Path(folder))
    spec = read_spec(at.spec)
    link = next(link for link in spec.links if link.name == name)
    own = at.node(name)
    supervisor = Supervisor(at.logs / name)
    supervisor.wait_until("the network is plugged in", lambda: network.has(network.UPLINK), WITHIN_S)
    network.node_side(link)
    _mounts(own / "files")
    cgroups.make(spec.cgroup(name))
    (own / "containerd.toml").write_text(node.containerd_toml(own))
    (own / "cni" / "10-pods.conflist").write_text(node.cni_json(link))
    (own / "kubelet.json").write_text(node.kubelet_json(spec, at, link))
    containerd, *rest = node.processes(spec, at, link)
    supervisor.start(containerd)
    supervisor.wait_until("containerd answers", Path(node.CONTAINERD_SOCKET).exists, WITHIN_S)
    for process in rest:
        supervisor.start(process)
    control = own / "control.sock"
    control.unlink(missing_ok=True)  # of a life before a power cut
    supervisor.serve(control)


if __name__ == "__main__":
    main(*sys.argv[1:])
