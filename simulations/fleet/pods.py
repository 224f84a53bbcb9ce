"""One pod: unscheduled, starting, ready, terminating, gone; and what is kept of it afterwards."""

import random
from dataclasses import dataclass

from scaler.decision.model import PodPhase, Samples
from simulations.engine.spec import EngineSpec
from simulations.fleet.coldstart import Typical
from simulations.fleet.joint import Engine
from simulations.fleet.nodes import Node
from simulations.result import PodRecord, StartClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One version of the pod template."""

    number: int
    config_id: str
    spec: EngineSpec
    typical: Typical


@dataclass(slots=True, kw_only=True, eq=False)
class Pod:
    """A pod from creation on. Only :mod:`simulations.fleet.lifecycle` changes its phase."""

    serial: int
    revision: Revision
    max_prompt_tokens: int
    """Longer prompts are refused."""
    created_us: int
    since_us: int
    rng: random.Random
    """Its own luck: the n-th pod of a run meets the same whatever law created it."""
    uid: int
    phase: PodPhase = PodPhase.UNSCHEDULED
    reason: str = ""
    node: Node | None = None
    node_class: str = ""
    start_class: StartClass | None = None
    bound_us: int | None = None
    ready_us: int | None = None
    deleted_us: int | None = None
    kill_us: int = 0
    """While it terminates: when its grace ends."""
    failures: int = 0
    engine: Engine | None = None
    samples: Samples | None = None
    """The newest scrape that succeeded."""
    scraped_us: int = 0
    last: Samples | None = None
    """What its engine had counted when it was deleted."""

    @property
    def name(self) -> str:
        """As the Kubernetes API would show it."""
        return f"engine-{self.serial}"

    @property
    def active(self) -> bool:
        """Counted by its ReplicaSet: neither terminating nor gone."""
        return self.phase is not PodPhase.TERMINATING

    def enter(self, phase: PodPhase, t_us: int) -> None:
        """Begin ``phase``."""
        self.phase, self.since_us = phase, t_us


def record(pod: Pod, gpus: int) -> PodRecord:
    """What accounting needs to know about it."""
    return PodRecord(
        serial=pod.serial,
        gpus=gpus,
        created_us=pod.created_us,
        node=None if pod.node is None else pod.node.serial,
        start_class=pod.start_class,
        bound_us=pod.bound_us,
        ready_us=pod.ready_us,
        deleted_us=pod.deleted_us,
    )
