"""One run from a trace to a judged result: fleet, law and actuation wired together on one clock."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from simulations.accounting import account, judged_until_us
from simulations.control import Control, Schedule
from simulations.engine.engine import Engine
from simulations.engine.idle import idle_ttft_s
from simulations.engine.spec import EngineSpec
from simulations.fleet.cluster import Cluster
from simulations.fleet.joint import MakeEngine
from simulations.fleet.timeline import PERIOD_US, Timeline
from simulations.kernel import Priority
from simulations.policies.base import Policy
from simulations.policies.mix import of_trace
from simulations.policies.registry import build
from simulations.policies.static import Static
from simulations.requests import Outcomes, Trace
from simulations.result import FleetRecord, Result, RunFacts
from simulations.scenario import Scenario

Progress = Callable[[float], None]
"""Told the share of the judged span that is done, 0-1."""

_PROGRESS_STEPS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that is over and not judged yet."""

    trace: Trace
    scenario: Scenario
    policy: str
    seed: int
    spec: EngineSpec
    """Of the replicas at the start: what an idle engine is measured by."""
    outcomes: Outcomes
    fleet: FleetRecord
    wall_s: float

    def idle_ttft_s(self, input_tokens: int) -> float:
        """Seconds to the first token of a prompt on an idle engine of this run."""
        return idle_ttft_s(self.spec, input_tokens)

    def judge(self) -> Result:
        """Bill and verdict."""
        return account(
            self.trace,
            self.outcomes,
            self.fleet,
            scenario=self.scenario,
            policy=self.policy,
            seed=self.seed,
            idle_ttft_s=self.idle_ttft_s,
            run=RunFacts(wall_s=self.wall_s, peak_rss_bytes=peak_rss_bytes()),
        )


def simulate(
    scenario: Scenario,
    trace: Trace,
    policy_name: str,
    seed: int,
    *,
    on_progress: Progress | None = None,
    schedule: Schedule | None = None,
) -> Result:
    """Run ``trace`` under a policy and judge it. Equal arguments give equal results, to the byte.

    ``policy_name``: a name that the registry knows, or ``static:N``. With a ``schedule`` it only labels the
    result. Raises :class:`simulations.errors.InputError` for a policy, parameter or fleet that cannot be.
    """
    return play(scenario, trace, policy_name, seed, on_progress=on_progress, schedule=schedule).judge()


def play(
    scenario: Scenario,
    trace: Trace,
    policy_name: str,
    seed: int,
    *,
    on_progress: Progress | None = None,
    schedule: Schedule | None = None,
    timeline: bool = True,
    make_engine: MakeEngine = Engine,
) -> Run:
    """As :func:`simulate`, without the verdict. ``timeline=False``: for searches through many schedules."""
    begun_s = time.perf_counter()
    if policy_name == "schedule" and schedule is None:
        from simulations.timetable import settle  # it plays runs itself

        scenario, schedule = settle(scenario, trace, seed)
    policy = build(policy_name, scenario.policy, scenario, of_trace(trace)) if schedule is None else None
    if isinstance(policy, Static):
        schedule = [(0, max(policy.replicas, scenario.cluster.min_replicas))]
        policy = None
    cluster = Cluster(scenario, trace, seed, scraped=policy is not None, make_engine=make_engine)
    spec = cluster.spec
    history = Timeline(cluster)
    _wire(cluster, policy, schedule, history)
    if timeline:
        cluster.kernel.every(PERIOD_US, Priority.RECORD, history.write)
    until_us = judged_until_us(trace)
    if on_progress is not None:
        _report(cluster, until_us, on_progress)
    cluster.kernel.run(until_us)
    cluster.settle(until_us)
    return Run(
        trace=trace,
        scenario=scenario,
        policy=policy_name,
        seed=seed,
        spec=spec,
        outcomes=cluster.outcomes,
        fleet=cluster.record(tuple(history.rows)),
        wall_s=time.perf_counter() - begun_s,
    )


def _wire(cluster: Cluster, policy: Policy | None, schedule: Schedule | None, history: Timeline) -> None:
    """Who scales the fleet: a law through its actuation, or a schedule by itself."""
    if policy is not None:
        Control(cluster, policy, history)
    for at_us, replicas in schedule or ():
        cluster.kernel.at(at_us, Priority.SYNC, partial(_write, cluster, history, replicas))


def _write(cluster: Cluster, history: Timeline, replicas: int, t_us: int) -> None:
    """One entry of a schedule comes true."""
    history.wanted, history.reason = float(replicas), f"scheduled: {replicas}"
    cluster.scale(replicas, t_us)


def _report(cluster: Cluster, until_us: int, on_progress: Progress) -> None:
    period_us = max(1, until_us // _PROGRESS_STEPS)
    cluster.kernel.every(period_us, Priority.RECORD, lambda t_us: on_progress(t_us / until_us))


def peak_rss_bytes() -> int:
    """Of this process so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
