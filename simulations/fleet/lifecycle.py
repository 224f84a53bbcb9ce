"""From a created pod to a deleted one: binding, attempts to start, serving, draining.

GPUs are held from binding to deletion. A terminating replica gets no new requests, is deleted when it is
empty, and is killed after 300 s (design 5.6): what it had not finished by then is lost.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from scaler.decision.model import PodPhase, Samples
from simulations.fleet.coldstart import Attempt, backoff_us, draw
from simulations.fleet.joint import MakeEngine
from simulations.fleet.nodes import Node, Nodes
from simulations.fleet.pods import Pod, Revision
from simulations.kernel import FAR_US, Kernel, Priority
from simulations.requests import Outcomes
from simulations.result import StartClass
from simulations.rng import stream
from simulations.scenario import ColdStart

DRAIN_US = 300_000_000
DRAIN_LOOK_US = 100_000
"""How often at most a draining engine is looked at: its GPUs come back at most 0.1 s after its last token."""
UNSCHEDULABLE, CRASHED = "Unschedulable", "CrashLoopBackOff"

NODE_CLASS = {
    StartClass.INITIAL: "gpu/disk",
    StartClass.CACHED: "gpu/disk",
    StartClass.UNCACHED: "gpu/none",
    StartClass.NEW_NODE: "gpu/new_node",
}
"""Keys into ``Snapshot.supply``: pool / where the weights were when the pod was bound."""


@dataclass(slots=True, kw_only=True, eq=False)
class Lifecycle:
    """Moves pods through their phases, and tells whoever asked to be told."""

    kernel: Kernel
    nodes: Nodes
    outcomes: Outcomes
    cold: ColdStart
    seed: int
    make_engine: MakeEngine
    on_ready: Callable[[Pod, int], None]
    """It may be sent requests."""
    on_leave: Callable[[Pod, int], None]
    """It was serving and is to get no more requests."""
    on_lost: Callable[[list[int], int], None]
    """Requests that a killed replica had not finished."""
    on_change: Callable[[int], None]
    """A pod became ready or was deleted of its own accord: controllers may want to answer."""
    pods: list[Pod] = field(default_factory=list)
    """All that exist, terminating ones too, oldest first."""
    gone: list[Pod] = field(default_factory=list)

    # --- birth

    def create(self, revision: Revision, t_us: int) -> Pod:
        """A new pod, bound at once where a GPU is free."""
        pod = self._new(revision, t_us)
        self._bind(pod, t_us)
        return pod

    def create_ready(self, revision: Revision, t_us: int) -> Pod:
        """A replica that served before the run began: warm, and its node holds image and weights."""
        pod = self._new(revision, t_us)
        node = self.nodes.place(t_us)
        assert node is not None, "the first nodes were checked to have room"
        node.image_us = node.weights_us = t_us
        self._take(pod, node, StartClass.INITIAL, t_us)
        self._serve(pod, t_us, cold_requests=0)
        return pod

    def _new(self, revision: Revision, t_us: int) -> Pod:
        serial = len(self.pods) + len(self.gone)
        rng = stream(self.seed, f"pod/{serial}")
        pod = Pod(
            serial=serial,
            revision=revision,
            max_prompt_tokens=revision.spec.max_model_len - 1,
            created_us=t_us,
            since_us=t_us,
            rng=rng,
            uid=rng.getrandbits(64),
            reason=UNSCHEDULABLE,
        )
        self.pods.append(pod)
        return pod

    # --- binding

    def bind_waiting(self, t_us: int) -> None:
        """GPUs may have come free: bind unscheduled pods, the oldest first."""
        for pod in self.unscheduled():
            if not self._bind(pod, t_us):
                return

    def unscheduled(self) -> list[Pod]:
        """Pods without a node, oldest first."""
        return [pod for pod in self.pods if pod.phase is PodPhase.UNSCHEDULED]

    def _bind(self, pod: Pod, t_us: int) -> bool:
        node = self.nodes.place(t_us)
        if node is None:
            return False
        self._take(pod, node, _start_class(node, t_us), t_us)
        pod.enter(PodPhase.STARTING, t_us)
        self._attempt(pod, node, t_us, restart=False)
        return True

    def _take(self, pod: Pod, node: Node, start_class: StartClass, t_us: int) -> None:
        self.nodes.take(node)
        pod.node, pod.bound_us, pod.reason = node, t_us, ""
        pod.start_class, pod.node_class = start_class, NODE_CLASS[start_class]

    # --- starting

    def _attempt(self, pod: Pod, node: Node, t_us: int, *, restart: bool) -> None:
        attempt = draw(pod.revision.typical, self.cold, node, t_us, pod.rng, restart=restart)
        _leave_on(node, attempt)
        outcome = self._failed if attempt.failed else self._started
        self.kernel.at(attempt.end_us, Priority.POD, partial(outcome, pod, node))

    def _failed(self, pod: Pod, node: Node, t_us: int) -> None:
        if pod.phase is not PodPhase.STARTING:
            return
        pod.failures += 1
        pod.reason = CRASHED
        again_us = t_us + backoff_us(pod.failures)
        self.kernel.at(again_us, Priority.POD, partial(self._restart, pod, node))

    def _restart(self, pod: Pod, node: Node, t_us: int) -> None:
        if pod.phase is PodPhase.STARTING:
            pod.reason = ""
            self._attempt(pod, node, t_us, restart=True)

    def _started(self, pod: Pod, _node: Node, t_us: int) -> None:
        if pod.phase is PodPhase.STARTING:
            self._serve(pod, t_us, cold_requests=self.cold.slow_requests)
            self.on_change(t_us)

    def _serve(self, pod: Pod, t_us: int, *, cold_requests: int) -> None:
        pod.enter(PodPhase.READY, t_us)
        pod.ready_us = t_us
        pod.engine = self.make_engine(
            pod.revision.spec,
            self.outcomes,
            start_us=t_us,
            start_id=f"{pod.name}/{pod.failures}",
            replica=pod.serial,
            cold_requests=cold_requests,
            cold_extra_us=round(self.cold.slow_request_ms * 1000),
        )
        self.on_ready(pod, t_us)

    # --- the end

    def terminate(self, pod: Pod, t_us: int) -> None:
        """Delete ``pod``: at once unless it serves, else when it has drained."""
        serving = pod.phase is PodPhase.READY
        pod.enter(PodPhase.TERMINATING, t_us)
        pod.kill_us = t_us + DRAIN_US
        if not serving:
            self._delete(pod, t_us)
            return
        self.on_leave(pod, t_us)
        if not self._drained(pod, t_us):
            self._look_again(pod, t_us)

    def _drained(self, pod: Pod, t_us: int) -> bool:
        """Delete a draining replica that is empty, or whose grace is over."""
        engine = pod.engine
        assert engine is not None
        engine.advance(t_us)
        if engine.next_us() is not None and t_us < pod.kill_us:
            return False
        lost = engine.unfinished()
        self._delete(pod, t_us)
        if lost:
            self.on_lost(lost, t_us)
        return True

    def _look_again(self, pod: Pod, t_us: int) -> None:
        assert pod.engine is not None
        next_us = pod.engine.next_us() or 0
        when_us = min(max(next_us, t_us + DRAIN_LOOK_US), pod.kill_us)
        self.kernel.at(when_us, Priority.POD, partial(self._look, pod))

    def _look(self, pod: Pod, t_us: int) -> None:
        if self._drained(pod, t_us):
            self.on_change(t_us)
        else:
            self._look_again(pod, t_us)

    def _delete(self, pod: Pod, t_us: int) -> None:
        if pod.engine is not None:
            pod.last, pod.engine = pod.engine.samples(), None
        pod.deleted_us = t_us
        self.pods.remove(pod)
        self.gone.append(pod)
        if pod.node is not None:
            self.nodes.give_back(pod.node, t_us)

    def preemptions(self) -> int:
        """Of all engines that ever were."""
        return round(sum(samples.preemptions_total or 0 for samples in self._finals()))

    def _finals(self) -> Iterator[Samples]:
        for pod in (*self.gone, *self.pods):
            if pod.engine is not None:
                yield pod.engine.samples()
            elif pod.last is not None:
                yield pod.last


def _start_class(node: Node, t_us: int) -> StartClass:
    if node.warm(t_us):
        return StartClass.CACHED
    return StartClass.NEW_NODE if node.provisioned else StartClass.UNCACHED


def _leave_on(node: Node, attempt: Attempt) -> None:
    """Image and weights stay on the node; a fetch that the attempt did not live to see does not."""
    lasted_us = attempt.end_us if attempt.failed else FAR_US
    if attempt.image_us <= lasted_us:
        node.image_us = min(node.image_us, attempt.image_us)
    if attempt.weights_us <= lasted_us:
        node.weights_us = min(node.weights_us, attempt.weights_us)
