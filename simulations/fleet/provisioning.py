"""Nodes that come when pods find no GPU, and go when they stand empty (a cluster autoscaler's part)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from simulations.fleet.nodes import Node, Nodes, record
from simulations.kernel import Kernel, Priority
from simulations.result import NodeRecord
from simulations.rng import stream
from simulations.scenario import Provisioning

_MICROS = 1_000_000


@dataclass(slots=True, kw_only=True, eq=False)
class Provisioner:
    """Requests nodes for unscheduled pods; each is paid from its request to its release."""

    options: Provisioning
    kernel: Kernel
    nodes: Nodes
    seed: int
    on_capacity: Callable[[int], None]
    """A node is up."""
    coming: list[Node] = field(default_factory=list)
    """Requested, not up yet."""
    _next_serial: int = field(init=False)

    def __post_init__(self) -> None:
        self._next_serial = len(self.nodes.up)

    @property
    def may_request(self) -> int:
        """How many more nodes the provider would give."""
        held = sum(node.provisioned for node in self.nodes.up) + len(self.coming)
        return max(0, self.options.max_nodes - held)

    def answer(self, unscheduled: int, t_us: int) -> None:
        """Request as many nodes as ``unscheduled`` pods need beyond those that are coming."""
        per_node = self.nodes.gpus_per_node // self.nodes.gpus_per_replica
        needed = -(-unscheduled // per_node) - len(self.coming)
        for _ in range(min(needed, self.may_request)):
            self._request(t_us)

    def _request(self, t_us: int) -> None:
        node = Node(
            serial=self._next_serial, gpus=self.nodes.gpus_per_node, provisioned=True, requested_us=t_us
        )
        self._next_serial += 1
        self.coming.append(node)
        self.kernel.at(t_us + self._delay_us(node), Priority.CAPACITY, partial(self._up, node))

    def _delay_us(self, node: Node) -> int:
        """Lognormal around the median; the n-th node of a run takes as long whatever law asked for it."""
        luck = stream(self.seed, f"node/{node.serial}")
        return round(self.options.seconds_p50 * luck.lognormvariate(0.0, self.options.sigma) * _MICROS)

    def _up(self, node: Node, t_us: int) -> None:
        self.coming.remove(node)
        self.nodes.up.append(node)
        node.empty_since_us = t_us
        self.on_capacity(t_us)
        self.watch_empty(t_us)

    def watch_empty(self, t_us: int) -> None:
        """Plan the release of provisioned nodes that have just become empty."""
        due_us = t_us + round(self.options.idle_release_s * _MICROS)
        for node in self.nodes.up:
            if node.provisioned and not node.ours and node.empty_since_us == t_us:
                self.kernel.at(due_us, Priority.CAPACITY, partial(self._release, node))

    def _release(self, node: Node, t_us: int) -> None:
        idle_us = round(self.options.idle_release_s * _MICROS)
        if node in self.nodes.up and not node.ours and node.empty_since_us == t_us - idle_us:
            self.nodes.release(node, t_us)

    def records(self) -> tuple[NodeRecord, ...]:
        """Every provisioned node of the run, oldest first."""
        held = [record(node) for node in (*self.nodes.up, *self.coming) if node.provisioned]
        return tuple(sorted((*self.nodes.released, *held), key=lambda r: r.serial))
