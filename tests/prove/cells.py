"""One proof cell: a run that anybody can repeat to the byte, and the one line that is kept of it."""

import json
from dataclasses import dataclass

from simulations import prepare
from simulations.policies.registry import SEARCHES
from simulations.run import simulate
from simulations.scenario_file import load_scenario
from simulations.searches import search

KEPT = (
    "requests",
    "slo_attainment",
    "slo_attainment_flat_ttft",
    "gpu_hours",
    "mean_replicas",
    "peak_replicas",
    "starts",
    "dropped",
    "unfinished",
    "preemptions",
)
"""Figures of a result that a table may need; a full result is one ``hearth simulate`` away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run. ``settings`` are ``--set`` arguments over the default scenario."""

    load: str
    """What this cell shares with those that it is compared with: trace, fleet, cold start."""
    trace: str
    policy: str
    seed: int
    settings: tuple[str, ...]
    label: str = ""
    """The setting of the policy that is tried, for people."""
    level_ratio: float | None = None
    """For ``oracle`` and ``lower-bound``: the attainment to reach."""

    @property
    def key(self) -> str:
        """Names the cell in the results for ever."""
        level = "" if self.level_ratio is None else f"@{self.level_ratio:g}"
        return " ".join((self.load, f"{self.policy}{level}", self.label or "-", f"seed={self.seed}"))

    def command(self) -> str:
        """The command that prints this cell's full result."""
        words = ["hearth simulate", f"--trace {self.trace}", f"--policy {self.policy}", f"--seed {self.seed}"]
        return " ".join(words + [f"--set {setting}" for setting in self.settings])


def line(cell: Cell) -> str:
    """Run the cell: one line of JSON, equal for equal code and data."""
    scenario = load_scenario(None, list(cell.settings))
    trace = prepare.trace(cell.trace, scenario, cell.seed)
    if cell.policy in SEARCHES:
        level = scenario.slo.target if cell.level_ratio is None else cell.level_ratio
        found = search(cell.policy, scenario, trace, cell.seed, level).as_json()
    else:
        found = simulate(scenario, trace, cell.policy, cell.seed).as_json()
    kept = {name: found[name] for name in KEPT if name in found}
    ttft = found.get("ttft_s")
    kept["ttft_p99_s"] = ttft["p99"] if isinstance(ttft, dict) else None
    return json.dumps({"key": cell.key, **kept}, allow_nan=False)
