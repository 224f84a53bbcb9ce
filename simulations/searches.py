"""``oracle`` and ``lower-bound``: names that stand beside policies but are searches over all schedules."""

import json
from dataclasses import dataclass

from simulations.errors import InputError
from simulations.lower_bound import LowerBound, lower_bound
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


def find(policy: str, scenario: Scenario, trace: Trace, seed: int, level_ratio: float) -> Run | Bound:
    """Search for ``level_ratio`` (0-1) of all requests in time; :class:`InputError` for other names."""
    if policy == "lower-bound":
        return Bound(
            trace=trace.name,
            seed=seed,
            scenario=scenario,
            requests=len(trace),
            bound=lower_bound(scenario, trace, seed, level_ratio),
        )
    raise InputError("policy", f"{policy} is no search", "use lower-bound")


def search(policy: str, scenario: Scenario, trace: Trace, seed: int, level_ratio: float) -> Result | Bound:
    """As :func:`find`, judged."""
    found = find(policy, scenario, trace, seed, level_ratio)
    return found.judge() if isinstance(found, Run) else found
