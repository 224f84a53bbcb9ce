"""An oracle that a law beats is no oracle: who beats it, and what it needs to be told to catch up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulations.oracle.schedules import Steps, normal
from simulations.requests import Trace
from simulations.run import play
from simulations.scenario import Scenario

TOLERANCE = 0.01
"""An oracle that some policy beats by more than 1 % at equal attainment is a bug (design 5.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to: a law's, or an oracle's."""

    label: str
    gpu_hours: float
    attainment_ratio: float
    """Share of requests that met the SLO; of an oracle, what it was held to where that is less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beaten:
    """A law that met an oracle's target for less."""

    oracle: Outcome
    law: Outcome

    @property
    def saved_ratio(self) -> float:
        """Share of the oracle's GPU-hours that the law did without."""
        return 1 - self.law.gpu_hours / self.oracle.gpu_hours


def check_dominates(oracles: Iterable[Outcome], laws: Sequence[Outcome]) -> tuple[Beaten, ...]:
    """Every oracle that a law beats by more than :data:`TOLERANCE`, with the law that beats it most.

    Oracles and laws ran the same trace with the same fleet, starts and seed. A law counts against an oracle
    if it attains at least as much as the oracle was held to.
    """
    found = []
    for oracle in oracles:
        as_good = [law for law in laws if law.attainment_ratio >= oracle.attainment_ratio]
        best = min(as_good, key=lambda law: law.gpu_hours, default=None)
        if best is not None and best.gpu_hours < oracle.gpu_hours * (1 - TOLERANCE):
            found.append(Beaten(oracle=oracle, law=best))
    return tuple(found)


def realised(scenario: Scenario, trace: Trace, policy: str, seed: int) -> Steps:
    """The schedule that ``policy`` comes to: a seed for the search, which then cannot end dearer."""
    run = play(scenario, trace, policy, seed, timeline=False)
    begin = (0, scenario.cluster.min_replicas)
    return normal([begin, *((change.at_us, change.after) for change in run.fleet.changes)])
