"""A node: the configuration of its containerd, its kubelet and its kube-proxy, as pure functions."""

import json
from pathlib import Path

from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.spec import DNS_IP, PODS, NodeNet, Spec
from tests.e2e.cluster.supervise import Process

OWN = ("/var/lib/kubelet", "/var/lib/hearth", "/var/log/pods", "/var/log/containers", "/var/lib/cni", "/opt")
"""Folders in which each node has files of its own; everything else is the machine's."""
KERNEL = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}
"""What the kubelet finds in ``/proc/sys``: what it would write there, for the whole machine, if it were not.

The values are those of ``k8s.io/kubernetes/pkg/util/sysctl`` (``setupKernelTunables`` in the kubelet's
container manager); a kubelet that cannot write one does not start.
"""
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
KUBELET_HEALTH = "http://127.0.0.1:10248/healthz"
PAUSE_IMAGE = "hearth.test/pause:1"


def containerd_toml(root: Path) -> str:
    """Of Debian's containerd 1.6. Without CAP_SYS_RESOURCE runc may not lower an OOM score."""
    return f"""
version = 2
root = "{root / "containerd"}"
state = "/run/containerd"
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  enable_unprivileged_ports = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{root / "cni"}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""


def cni_json(link: NodeNet) -> str:
    """Pods on a bridge of the node, one subnet a node."""
    ranges = [[{"subnet": link.pods}]]
    ipam = {
        "type": "host-local",
        "ranges": ranges,
        "dataDir": "/run/cni-ipam",
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": ipam}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, portmap]})


def kubelet_json(spec: Spec, at: Layout, link: NodeNet) -> str:
    """The kubelet's configuration file: cgroupfs, no swap check, nothing collected that a test might need."""
    evict = {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"}
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{at.pki}/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{at.pki}/{link.name}.crt",
            "tlsPrivateKeyFile": f"{at.pki}/{link.name}.key",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{spec.cgroup(link.name)}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "enforceNodeAllocatable": [],
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "clusterDNS": [DNS_IP],
            "clusterDomain": "cluster.local",
            "resolvConf": "",
            "oomScoreAdj": 0,
            "evictionHard": evict,
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "nodeStatusUpdateFrequency": "2s",
            "fileCheckFrequency": "0s",
            "syncFrequency": "10s",
        }
    )


def processes(spec: Spec, at: Layout, link: NodeNet) -> list[Process]:
    """containerd first: the kubelet wants its socket."""
    own = at.node(link.name)
    kubelet = (
        at.program("kubelet"),
        f"--config={own / 'kubelet.json'}",
        f"--kubeconfig={at.kubeconfig(link.name)}",
        f"--hostname-override={link.name}",
        f"--node-ip={link.ip}",
        *spec.flags.get("kubelet", ()),
    )
    proxy = (
        at.program("kube-proxy"),
        f"--kubeconfig={at.kubeconfig('kube-proxy')}",
        "--proxy-mode=nftables",
        f"--hostname-override={link.name}",
        f"--cluster-cidr={PODS}",
        # No right to change these in the machine's kernel, and no need to.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
        "--oom-score-adj=0",
    )
    return [
        Process(name="containerd", argv=("containerd", "--config", str(own / "containerd.toml"))),
        Process(name="kubelet", argv=kubelet),
        Process(name="kube-proxy", argv=proxy),
    ]
