"""What a cluster is to be, and where its addresses are: plain values, which its processes read as JSON."""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.e2e.cluster.machine import ClusterError

CONTROL_IP = "10.87.0.1"
API_PORT = 6443
API_URL = f"https://{CONTROL_IP}:{API_PORT}"
SERVICES = "10.97.0.0/16"
API_SERVICE_IP, DNS_IP = "10.97.0.1", "10.97.0.10"
PODS = "10.88.0.0/16"
# Fixed addresses are safe: every cluster has a network namespace of its own.

NODES_MOST = 250
Keda = Literal["no", "processes", "pods"]


@dataclass(frozen=True, slots=True)
class NodeNet:
    """The addresses of node ``number`` (from 1): a link to the control plane, and a subnet for its pods."""

    number: int

    @property
    def name(self) -> str:
        """The node's name, and its link's."""
        return f"node{self.number}"

    @property
    def gateway(self) -> str:
        """The control plane's end of the link."""
        return f"10.87.{self.number}.1"

    @property
    def ip(self) -> str:
        """The node's end of the link."""
        return f"10.87.{self.number}.2"

    @property
    def pods(self) -> str:
        """Its pods' subnet."""
        return f"10.88.{self.number}.0/24"


def can_be_name(name: str) -> bool:
    """Whether a cluster may be called so."""
    return re.fullmatch(r"[a-z][a-z0-9-]{0,19}", name) is not None


def checked_name(name: str) -> str:
    """``name``, which becomes that of a folder and of cgroups; :class:`ClusterError` if it cannot."""
    if not can_be_name(name):
        raise ClusterError(f"cluster name {name!r}: use a-z, 0-9 and -, at most 20 characters")
    return name


def cgroup_prefix(cluster: str) -> str:
    """What the names of a cluster's cgroups begin with; no other cluster's do."""
    return f"hearth.{cluster}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A cluster."""

    name: str
    nodes: int = 0
    """Real ones, with kubelet and containerd; 0: a bare control plane."""
    fake_nodes: int = 0
    """Nodes of the fake kubelet, whose pods turn Ready without containers."""
    gpus: int = 8
    """``nvidia.com/gpu`` of every node."""
    keda: Keda = "no"
    """``processes``: beside the control plane, in seconds; ``pods``: as its own manifests install it."""
    hpa_sync_s: float = 15.0
    flags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """More flags by program name."""
    store: str = ""
    """The containerd root that the nodes' images come from."""

    def __post_init__(self) -> None:
        checked_name(self.name)
        for what, count in (("nodes", self.nodes), ("fake_nodes", self.fake_nodes)):
            if not 0 <= count <= NODES_MOST:
                raise ClusterError(f"{what} {count}: use 0 to {NODES_MOST}")
        if self.gpus < 0 or self.hpa_sync_s <= 0:
            raise ClusterError(f"gpus {self.gpus}, hpa_sync_s {self.hpa_sync_s}: use 0 or more, more than 0")
        if self.nodes and self.fake_nodes:
            raise ClusterError("nodes and fake_nodes: use one of them, a pod could land on either")
        if self.keda == "pods" and not self.nodes:
            raise ClusterError("keda pods: needs nodes; use keda processes on a bare control plane")

    @property
    def links(self) -> list[NodeNet]:
        """Of the real nodes."""
        return [NodeNet(number) for number in range(1, self.nodes + 1)]

    def cgroup(self, node: str) -> str:
        """Of a node's pods, below each hierarchy's root."""
        return cgroup_prefix(self.name) + node

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1))


def read_spec(path: Path) -> Spec:
    """What :meth:`Spec.write` wrote."""
    values: dict[str, Any] = json.loads(path.read_text())
    values["flags"] = {name: tuple(flags) for name, flags in values["flags"].items()}
    return Spec(**values)
