"""The fleet of one run, put together: nodes, pods, router, callers, and the controllers between them."""

from array import array
from functools import partial

from simulations.engine.engine import Engine
from simulations.engine.spec import EngineSpec
from simulations.fleet.client import Callers
from simulations.fleet.coldstart import startup_quantiles
from simulations.fleet.joint import MakeEngine
from simulations.fleet.lifecycle import Lifecycle
from simulations.fleet.nodes import first_nodes
from simulations.fleet.pods import Pod, Revision, record
from simulations.fleet.provisioning import Provisioner
from simulations.fleet.replicaset import plan
from simulations.fleet.revisions import revisions
from simulations.fleet.router import Router
from simulations.fleet.scrape import Scraper
from simulations.kernel import Kernel, Priority
from simulations.requests import ABSENT, Outcomes, Trace
from simulations.result import FleetRecord, SpecChange, StartClass, TimelineRow
from simulations.scenario import Scenario

_WEIGHTS = {StartClass.CACHED: "disk", StartClass.UNCACHED: "none", StartClass.NEW_NODE: "new_node"}


class Cluster:
    """Begins at 0 with ``cluster.min_replicas`` replicas ready. Whoever scales it calls :meth:`scale`.

    Raises :class:`simulations.errors.InputError` where the scenario describes no possible fleet.
    """

    def __init__(
        self,
        scenario: Scenario,
        trace: Trace,
        seed: int,
        *,
        scraped: bool = True,
        make_engine: MakeEngine = Engine,
    ) -> None:
        self.scenario, self.trace = scenario, trace
        self.outcomes = Outcomes(len(trace))
        self.outcomes.attempts = array("q", [1]) * len(trace)  # every request of the trace arrives once
        self._revisions = revisions(scenario)
        self._revision = self._revisions[0][1]
        self.replicas = scenario.cluster.min_replicas
        """``spec.replicas``."""
        self.changes: list[SpecChange] = []
        self._build_requests_side()
        self._build_pods_side(seed, make_engine)
        self._scraper = self._build_scraper(seed) if scraped else None
        self._begin()

    # --- building

    def _build_requests_side(self) -> None:
        options = self.scenario.cluster
        self.router = Router(self.trace, self.outcomes, options.router, _us(options.router_view_s))
        self.callers = Callers(self.scenario.client, self.router, self.outcomes, self._abort)
        send = self.router.send if self.callers.patient else self.callers.send
        self.kernel = Kernel(self.trace.arrival_us, send)
        self.callers.use(self.kernel)

    def _build_pods_side(self, seed: int, make_engine: MakeEngine) -> None:
        scenario = self.scenario
        self.nodes = first_nodes(scenario, self.spec.tensor_parallel)
        self.provisioner = Provisioner(
            options=scenario.cluster.provisioning,
            kernel=self.kernel,
            nodes=self.nodes,
            seed=seed,
            on_capacity=self.reconcile,
        )
        self.lifecycle = Lifecycle(
            kernel=self.kernel,
            nodes=self.nodes,
            outcomes=self.outcomes,
            cold=scenario.cold_start,
            seed=seed,
            make_engine=make_engine,
            on_ready=self._on_ready,
            on_leave=self.router.leave,
            on_lost=self.callers.lost,
            on_change=self.reconcile,
        )
        self.pods: list[Pod] = self.lifecycle.pods
        self.startup_s = {kind: self._startup_s(weights) for kind, weights in _WEIGHTS.items()}

    def _build_scraper(self, seed: int) -> Scraper:
        options = self.scenario.cluster
        return Scraper(
            self.kernel, seed, _us(options.scrape_interval_s), options.scrape_loss, self.router.catch_up
        )

    def _startup_s(self, weights: str) -> tuple[tuple[float, float], ...]:
        scenario, spec = self.scenario, self.spec
        return startup_quantiles(
            scenario.cold_start,
            scenario.cluster.provisioning,
            spec.weights_bytes,
            spec.tensor_parallel,
            weights,
        )

    def _begin(self) -> None:
        for _ in range(self.replicas):
            self.lifecycle.create_ready(self._revision, 0)
        at = self.kernel.at
        for at_us, revision in self._revisions[1:]:
            at(at_us, Priority.CAPACITY, partial(self._change, revision))
        for from_s, to_s, gpus in self.scenario.cluster.foreign_gpus:
            at(_us(from_s), Priority.CAPACITY, partial(self._foreign_arrives, gpus))
            at(_us(to_s), Priority.CAPACITY, partial(self._foreign_leaves, gpus))

    # --- scaling

    @property
    def spec(self) -> EngineSpec:
        """What a pod created now runs with."""
        return self._revision.spec

    def scale(self, replicas: int, t_us: int) -> None:
        """Somebody writes ``spec.replicas``."""
        if replicas == self.replicas:
            return
        self.changes.append(SpecChange(at_us=t_us, before=self.replicas, after=replicas))
        self.replicas = replicas
        self.reconcile(t_us)

    def reconcile(self, t_us: int) -> None:
        """One turn of the Deployment, the scheduler and the node provisioner."""
        while todo := plan(self.pods, self.replicas, self._revision.number, t_us):
            for pod in todo.delete:
                self.lifecycle.terminate(pod, t_us)
            for _ in range(todo.create):
                self.lifecycle.create(self._revision, t_us)
        self.lifecycle.bind_waiting(t_us)
        if self.scenario.cluster.provisioning.max_nodes:
            self.provisioner.answer(len(self.lifecycle.unscheduled()), t_us)
            self.provisioner.watch_empty(t_us)

    def _change(self, revision: Revision, t_us: int) -> None:
        self._revision = revision
        self.reconcile(t_us)

    def _foreign_arrives(self, gpus: int, _t_us: int) -> None:
        self.nodes.foreign_arrives(gpus)

    def _foreign_leaves(self, gpus: int, t_us: int) -> None:
        self.nodes.foreign_leaves(gpus)
        self.reconcile(t_us)

    # --- requests

    def _on_ready(self, pod: Pod, t_us: int) -> None:
        self.router.join(pod, t_us)
        if self._scraper is not None:
            self._scraper.watch(pod, t_us)

    def _abort(self, index: int, t_us: int) -> None:
        """The caller of a dispatched request hangs up."""
        serial = self.outcomes.replica[index]
        for pod in self.pods:
            if pod.serial == serial and pod.engine is not None:
                self.router.catch_up(t_us)
                pod.engine.advance(t_us)
                if self.outcomes.finished_us[index] == ABSENT:
                    pod.engine.abort(index, t_us)
                return

    def settle(self, t_us: int) -> None:
        """Bring every engine up to ``t_us``."""
        self.router.catch_up(t_us)
        for pod in self.pods:
            if pod.engine is not None:
                pod.engine.advance(t_us)

    # --- afterwards

    def record(self, timeline: tuple[TimelineRow, ...] = ()) -> FleetRecord:
        """What accounting needs to know of the fleet, once the run is over."""
        gpus = self.nodes.gpus_per_replica
        everyone = sorted([*self.lifecycle.gone, *self.pods], key=lambda pod: pod.serial)
        return FleetRecord(
            pods=tuple(record(pod, gpus) for pod in everyone),
            nodes=self.provisioner.records(),
            changes=tuple(self.changes),
            timeline=timeline,
            preemptions=self.lifecycle.preemptions(),
        )


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
