"""The cluster's network: addresses on interfaces inside its own network namespace, and no way out of it.

The control plane's address lives on ``lo``. A node is a network namespace of its own, joined by a veth pair
that carries all of its traffic; the control plane's namespace forwards between nodes.
"""

import socket
import subprocess
from pathlib import Path

from tests.e2e.cluster.spec import CONTROL_IP, NodeNet

UPLINK = "eth0"


def ip(*arguments: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *arguments], check=True)


def has(interface: str) -> bool:
    """Whether this namespace has the interface."""
    return interface in {name for _, name in socket.if_nameindex()}


def forward_packets() -> None:
    """Be a router between the interfaces of this namespace."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def control_plane_side() -> None:
    """Run in the cluster's namespace: its address, and nowhere else to go."""
    ip("link", "set", "lo", "up")
    ip("address", "add", f"{CONTROL_IP}/32", "dev", "lo")
    ip("route", "add", "unreachable", "default")
    forward_packets()


def join(link: NodeNet, node_pid: int) -> None:
    """Run in the cluster's namespace: plug node ``link`` in, whose namespace ``node_pid`` is in.

    The link of a life before a power cut may still be there: the kernel ends namespaces in its own time.
    """
    if has(link.name):
        subprocess.run(["ip", "link", "delete", link.name], stderr=subprocess.DEVNULL, check=False)
    ip("link", "add", link.name, "type", "veth", "peer", "name", UPLINK, "netns", str(node_pid))
    ip("address", "add", f"{link.gateway}/24", "dev", link.name)
    ip("link", "set", link.name, "up")
    ip("route", "add", link.pods, "via", link.ip)


def node_side(link: NodeNet) -> None:
    """Run in the node's namespace, once it is plugged in."""
    ip("link", "set", "lo", "up")
    ip("address", "add", f"{link.ip}/24", "dev", UPLINK)
    ip("link", "set", UPLINK, "up")
    ip("route", "add", "default", "via", link.gateway)
    forward_packets()
