"""Runs a node: makes its namespaces inside the cluster's, plugs its network in, and ends with it.

To the supervisor a node is this one process. Killing it is a power cut: the kernel ends all that the node
ran. Starting it again is a boot, with the disk as it was.

    python -m tests.e2e.cluster.node_keeper <cluster folder> <node name>
"""

import subprocess
import sys
from pathlib import Path

from tests.e2e.cluster import keeper, network, node, waiting
from tests.e2e.cluster.layout import Layout
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.spec import NodeNet, read_spec
from tests.e2e.cluster.supervise import Process

BOOT_WITHIN_S = DEATH_WITHIN_S = 60.0
_LOOK_S = 0.02


def process(at: Layout, link: NodeNet) -> Process:
    """For the cluster's supervisor."""
    argv = (sys.executable, "-m", "tests.e2e.cluster.node_keeper", str(at.root), link.name)
    return Process(name=link.name, argv=argv)


def main(folder: str, name: str) -> int:
    """Boot the node and wait for its end; returns its exit status."""
    at = Layout(Path(folder))
    link = next(link for link in read_spec(at.spec).links if link.name == name)
    for path in ("containerd", "cni", *(f"files{path}" for path in node.OWN)):
        (at.node(name) / path).mkdir(parents=True, exist_ok=True)
    (at.logs / name).mkdir(exist_ok=True)
    _await_end_of(at.node(name) / "life")
    child = subprocess.Popen(keeper.in_namespaces("tests.e2e.cluster.node_init", folder, name))
    waiting.until(lambda: child.poll() is not None or _life(child.pid) != "", BOOT_WITHIN_S, _LOOK_S)
    if child.returncode is None:
        (at.node(name) / "life").write_text(_life(child.pid))
        network.join(link, child.pid)
    return child.wait()


def _await_end_of(life: Path) -> None:
    """Until nothing runs of the life before a power cut: the kernel takes its time over big processes.

    They would hold containerd's databases, and the old network's end would take the new link along.
    """
    before = life.read_text() if life.exists() else ""
    if not waiting.until(lambda: not _anybody_in(before), DEATH_WITHIN_S, _LOOK_S):
        raise ClusterError("the life before the power cut does not end")


def _life(pid: int) -> str:
    """The process namespace of the children of ``pid``, as ``pid:[number]``; empty before it has any.

    Its network is the node's by then: unshare(1) leaves for all its namespaces at once, and then has a child.
    """
    try:
        return str(Path(f"/proc/{pid}/ns/pid_for_children").readlink()) if _moved(pid) else ""
    except FileNotFoundError:  # a process namespace without its first process
        return ""


def _anybody_in(namespace: str) -> bool:
    return any(_in(process, namespace) for process in Path("/proc").glob("[0-9]*"))


def _in(process: Path, namespace: str) -> bool:
    try:
        return str((process / "ns" / "pid").readlink()) == namespace
    except OSError:  # it ended while we looked
        return False


def _moved(pid: int) -> bool:
    """Whether it has left this network namespace for one of its own."""
    return Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
