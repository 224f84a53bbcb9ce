"""``oracle`` and ``lower-bound``: names that stand beside policies but are searches over all schedules."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from simulations.errors import InputError
from simulations.lower_bound import LowerBound, lower_bound
from simulations.oracle.find import oracle
from simulations.oracle.schedules import Steps
from simulations.oracle.search import OnPlay
from simulations.policies.parameters import knob, read
from simulations.requests import Trace
from simulations.result import Json, Result, rounded
from simulations.run import Run
from simulations.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A lower bound in the shape of a result: what was not simulated is null."""

    trace: str
    seed: int
    scenario: Scenario
    requests: int
    bound: LowerBound

    def as_json(self) -> Json:
        """The keys of design 5.6 that a bound can have."""
        found = self.bound
        return {
            "policy": "lower-bound",
            "trace": self.trace,
            "seed": self.seed,
            "scenario": self.scenario.model_dump(mode="json"),
            "requests": self.requests,
            "slo_attainment": rounded(found.attainment_ratio),
            "reachable": found.reachable,
            "ttft_s": {"p99": None},
            "gpu_hours": rounded(found.gpu_hours),
            "mean_replicas": rounded(found.mean_replicas),
            "starts": 0,
            "cost": rounded(found.gpu_hours * self.scenario.price_per_gpu_hour),
        }

    def to_json(self) -> str:
        """One document."""
        return json.dumps(self.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleSettings:
    """``--set policy.…`` of the oracle."""

    target: float | None = knob(None, above=0.0, most=1.0)
    """Share of requests to serve in time; None: ``slo.target``. A sweep sets its own levels instead."""
    plays: int | None = knob(None, least=4, whole=True)
    """Runs of the plant; None: by the length of the trace (``simulations.oracle.find.budget``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundSettings:
    """``--set policy.…`` of the lower bound."""

    target: float | None = knob(None, above=0.0, most=1.0)
    """As the oracle's."""


def check(policy: str, scenario: Scenario) -> None:
    """Refuse wrong parameters of a search before any work: :class:`InputError`."""
    read(OracleSettings if policy == "oracle" else BoundSettings, policy, scenario.policy)


def find(
    policy: str,
    scenario: Scenario,
    trace: Trace,
    seed: int,
    level_ratio: float | None = None,
    *,
    seeds: Sequence[Steps] = (),
    on_play: OnPlay | None = None,
) -> Run | Bound:
    """Search for ``level_ratio`` (0-1) of all requests in time; None: ``policy.target``, else ``slo.target``.

    ``seeds``: schedules of laws that the oracle may learn from. :class:`InputError` for other names.
    """
    if policy == "lower-bound":
        settings = read(BoundSettings, policy, scenario.policy)
        bound = lower_bound(scenario, trace, seed, _level(level_ratio, settings.target, scenario))
        return Bound(trace=trace.name, seed=seed, scenario=scenario, requests=len(trace), bound=bound)
    if policy == "oracle":
        wanted = read(OracleSettings, policy, scenario.policy)
        level_ratio = _level(level_ratio, wanted.target, scenario)
        return oracle(scenario, trace, seed, level_ratio, seeds=seeds, plays=wanted.plays, on_play=on_play)
    raise InputError("policy", f"{policy} is no search", "use oracle or lower-bound")


def _level(given: float | None, target: float | None, scenario: Scenario) -> float:
    return next(level for level in (given, target, scenario.slo.target) if level is not None)


def search(
    policy: str,
    scenario: Scenario,
    trace: Trace,
    seed: int,
    level_ratio: float | None = None,
    *,
    seeds: Sequence[Steps] = (),
) -> Result | Bound:
    """As :func:`find`, judged."""
    found = find(policy, scenario, trace, seed, level_ratio, seeds=seeds)
    return found.judge() if isinstance(found, Run) else found
