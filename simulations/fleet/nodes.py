"""Nodes and their GPUs: who holds them, what lies on their disks, and nodes that come and go on demand."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulations.errors import InputError
from simulations.kernel import FAR_US
from simulations.result import NodeRecord
from simulations.scenario import Scenario


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """One node. ``weights_us``, ``image_us``: from when on it holds them; FAR_US: nobody fetches them."""

    serial: int
    gpus: int
    provisioned: bool = False
    requested_us: int = 0
    weights_us: int = FAR_US
    image_us: int = FAR_US
    ours: int = 0
    """GPUs that pods of this model hold."""
    foreign: int = 0
    """GPUs that other tenants hold."""
    empty_since_us: int = 0

    @property
    def free(self) -> int:
        """GPUs that nobody holds."""
        return self.gpus - self.ours - self.foreign

    def warm(self, t_us: int) -> bool:
        """Whether the weights lie on its disk."""
        return self.weights_us <= t_us


@dataclass(slots=True, kw_only=True, eq=False)
class Nodes:
    """All nodes that are up, and the bookkeeping of GPUs: nobody else changes ``ours`` and ``foreign``."""

    up: list[Node]
    gpus_per_node: int
    gpus_per_replica: int
    released: list[NodeRecord] = field(default_factory=list)
    owed: int = 0
    """GPUs that other tenants want and have not got: they take what becomes free before we do."""

    def place(self, t_us: int) -> Node | None:
        """The node for one more pod: with weights, the fullest (so that others can empty), the oldest."""
        fits = [node for node in self.up if node.free >= self.gpus_per_replica]
        if not fits:
            return None
        return min(fits, key=lambda node: (not node.warm(t_us), node.free, node.serial))

    def take(self, node: Node) -> None:
        """A pod of ours is bound to ``node``."""
        assert node.free >= self.gpus_per_replica, f"node {node.serial} has {node.free} GPUs free"
        node.ours += self.gpus_per_replica

    def give_back(self, node: Node, t_us: int) -> None:
        """A pod of ours has left ``node``."""
        node.ours -= self.gpus_per_replica
        assert node.ours >= 0, f"node {node.serial} got more GPUs back than were taken"
        node.empty_since_us = t_us
        self._pay_foreign()

    def foreign_arrives(self, gpus: int) -> None:
        """Another tenant wants ``gpus`` of the fleet's own nodes; what is not free now is owed."""
        self.owed += gpus
        self._pay_foreign()

    def foreign_leaves(self, gpus: int) -> None:
        """It gives them back: first what it never got."""
        unpaid = min(self.owed, gpus)
        self.owed -= unpaid
        gpus -= unpaid
        for node in self.up:
            returned = min(gpus, node.foreign)
            node.foreign -= returned
            gpus -= returned

    def _pay_foreign(self) -> None:
        """From the emptiest node on, the newest first: away from where :meth:`place` packs our pods."""
        own = [node for node in self.up if not node.provisioned]
        for node in sorted(own, key=lambda n: (-n.free, -n.serial)):
            paid = min(self.owed, node.free)
            node.foreign += paid
            self.owed -= paid

    def slots(self, nodes: Iterable[Node]) -> int:
        """How many more replicas ``nodes`` could take."""
        return sum(node.free // self.gpus_per_replica for node in nodes)

    def release(self, node: Node, t_us: int) -> None:
        """An empty provisioned node is given back."""
        assert node.provisioned, f"node {node.serial} belongs to the fleet"
        assert node.ours == 0, f"node {node.serial} is in use"
        self.up.remove(node)
        self.released.append(record(node, t_us))


def record(node: Node, released_us: int | None = None) -> NodeRecord:
    """What accounting needs to know about a provisioned node."""
    return NodeRecord(
        serial=node.serial, gpus=node.gpus, requested_us=node.requested_us, released_us=released_us
    )


def first_nodes(scenario: Scenario, gpus_per_replica: int) -> Nodes:
    """The fleet's own nodes at the start; the first ones hold image and weights."""
    cluster = scenario.cluster
    _check(scenario, gpus_per_replica)
    count = cluster.nodes or _needed(scenario, gpus_per_replica)
    with_weights = round(cluster.cached_fraction * count)
    with_image = round(cluster.image_cached_fraction * count)
    up = [
        Node(
            serial=serial,
            gpus=cluster.gpus_per_node,
            weights_us=0 if serial < with_weights else FAR_US,
            image_us=0 if serial < with_image else FAR_US,
        )
        for serial in range(count)
    ]
    return Nodes(up=up, gpus_per_node=cluster.gpus_per_node, gpus_per_replica=gpus_per_replica)


def _needed(scenario: Scenario, gpus_per_replica: int) -> int:
    """Nodes for ``max_replicas``, and for one more where a rolling update surges."""
    replicas = scenario.cluster.max_replicas + bool(scenario.changes)
    return -(-replicas // (scenario.cluster.gpus_per_node // gpus_per_replica))


def _check(scenario: Scenario, gpus_per_replica: int) -> None:
    cluster = scenario.cluster
    if gpus_per_replica > cluster.gpus_per_node:
        raise InputError(
            "cluster.gpus_per_node",
            f"{cluster.gpus_per_node} GPUs cannot hold a replica of {gpus_per_replica}",
            f"raise it to {gpus_per_replica}, or lower engine.tensor_parallel",
        )
    if cluster.nodes is not None:
        room = cluster.nodes * (cluster.gpus_per_node // gpus_per_replica)
        if room < cluster.min_replicas:
            raise InputError(
                "cluster.nodes",
                f"{cluster.nodes} nodes have room for {room} replicas, not for {cluster.min_replicas}",
                f"lower cluster.min_replicas to {room}, or add nodes",
            )
