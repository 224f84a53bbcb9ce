"""The control loop of one run: a policy at its own period, KEDA and the HPA at theirs."""

from collections.abc import Sequence

from simulations.actuation.loop import Actuator
from simulations.actuation.settings import resolve
from simulations.fleet.cluster import Cluster
from simulations.fleet.gateway import GatewayView
from simulations.fleet.pods import Pod
from simulations.fleet.snapshot import snapshot
from simulations.fleet.timeline import Timeline
from simulations.kernel import Priority
from simulations.policies.base import Ask, Policy

Schedule = Sequence[tuple[int, int]]
"""(µs, replicas): what to write to ``spec.replicas``, and when."""


class Control:
    """Lets ``policy`` scale ``cluster``."""

    def __init__(self, cluster: Cluster, policy: Policy, timeline: Timeline) -> None:
        bounds = cluster.scenario.cluster
        self._cluster = cluster
        self._policy = policy
        self._timeline = timeline
        self._gateway = GatewayView(cluster)
        self._ask = Ask()
        settings = resolve(policy.actuation, cluster.scenario)
        self._actuator = Actuator(settings, bounds.min_replicas, bounds.max_replicas)
        cluster.kernel.every(round(policy.tick_s * 1_000_000), Priority.TICK, self._tick)
        self._plan_next()

    def _tick(self, t_us: int) -> None:
        """The law looks and speaks; whoever is due acts on it at once."""
        self._ask = self._policy.tick(snapshot(self._cluster, t_us), self._gateway.at(t_us))
        self._timeline.wanted, self._timeline.reason = self._ask.wanted, self._ask.reason
        self._act(t_us)

    def _act(self, t_us: int) -> None:
        cluster = self._cluster
        step = self._actuator.step(
            t_us,
            self._ask,
            spec=cluster.replicas,
            status=sum(pod.active for pod in cluster.pods),
            ready=sum(_is_ready(pod) for pod in cluster.pods),
        )
        if step.replicas is not None:
            self._timeline.reason = f"{self._ask.reason}; {step.reason}" if self._ask.reason else step.reason
            cluster.scale(step.replicas, t_us)

    def _plan_next(self) -> None:
        next_us = self._actuator.next_us()
        if next_us is not None:
            self._cluster.kernel.at(next_us, Priority.SYNC, self._look)

    def _look(self, t_us: int) -> None:
        """KEDA or the HPA is due, unless the tick of this instant has served it already."""
        next_us = self._actuator.next_us()
        if next_us is not None and next_us <= t_us:
            self._act(t_us)
        self._plan_next()


def _is_ready(pod: Pod) -> bool:
    """Its Ready condition is true: a draining replica still answers its probe."""
    return pod.engine is not None
