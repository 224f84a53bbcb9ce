"""``schedule``: replicas by the time of day, from a table; what cron and KEDA's cron scaler do.

``policy.table`` is "2@0,6@25200,3@64800": 2 replicas from midnight, 6 from 7:00, 3 from 18:00, every day; a
trace begins at midnight. Without a table a run takes the best one for its trace
(``simulations.timetable``), found with hindsight: no other time-of-day table that was tried serves
``policy.goal`` of the requests with less GPU time, so the rival is stronger than any that only knows
yesterday. More replicas are asked for ``policy.lead_s`` early, so that they are ready when their time
begins.
"""

from dataclasses import dataclass

from scaler.decision.model import Snapshot
from simulations.engine.resolve import resolve
from simulations.errors import InputError
from simulations.fleet.coldstart import startup_quantiles
from simulations.policies import signals
from simulations.policies.base import Actuation, Ask, Gateway, Parameters, Policy
from simulations.policies.parameters import knob, read
from simulations.scenario import Scenario

DAY_S = 86_400

Table = tuple[tuple[int, int], ...]
"""(seconds since midnight, replicas from then on), the first at 0, rising."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The table, or how the best one is looked for."""

    table: str = knob("")
    lead_s: float | None = knob(None, least=0.0, most=DAY_S)
    """None: a slow start of this scenario (a sigma above the mean, or the 90th percentile of the phases)."""
    slot_s: int = knob(900, least=60, most=DAY_S)
    """Entries of the table that is looked for begin at multiples of this."""
    goal: float | None = knob(None, above=0.0, most=1.0)
    """Share of requests that the table has to serve within their SLO; None: ``slo.target``."""


class Schedule:
    """Replicas by the time of day."""

    def __init__(self, table: Table, lead_s: float) -> None:
        self.name = "schedule"
        self.actuation = Actuation(direct=True)
        self.tick_s = 15.0
        self._table = table
        self._lead_s = lead_s

    def tick(self, snapshot: Snapshot, _: Gateway) -> Ask:
        """The table's replicas of now and of the starts that lie ahead."""
        replicas = wanted(self._table, snapshot.now_s, self._lead_s)
        bounded = signals.bounded(replicas, signals.one_target(snapshot))
        return Ask(
            replicas=bounded,
            wanted=float(replicas),
            active=replicas > 0,
            reason=f"{replicas} by the table at {snapshot.now_s % DAY_S / 3600:.2f} h",
        )


def wanted(table: Table, now_s: float, lead_s: float) -> int:
    """The most that the table asks for between now and a start from now.

    >>> wanted(((0, 2), (3600, 5)), 3550.0, 100.0)
    5
    """
    end_s = now_s + lead_s
    days = range(int(now_s // DAY_S), int(end_s // DAY_S) + 1)
    ahead = [
        replicas for day in days for start_s, replicas in table if now_s < day * DAY_S + start_s <= end_s
    ]
    of_day_s = now_s % DAY_S
    return max([next(n for start_s, n in reversed(table) if start_s <= of_day_s), *ahead])


def writes(table: Table, lead_s: float, until_us: int) -> list[tuple[int, int]]:
    """(µs, replicas) of every change of :func:`wanted` in [0, ``until_us``], the first at 0."""
    days = range(until_us // (DAY_S * 1_000_000) + 2)
    starts_us = [(day * DAY_S + start_s) * 1_000_000 for day in days for start_s, _ in table]
    lead_us = round(lead_s * 1_000_000)
    moments = sorted({0, *starts_us, *(start_us - lead_us for start_us in starts_us)})
    found: list[tuple[int, int]] = []
    for t_us in moments:
        if 0 <= t_us <= until_us:
            replicas = wanted(table, t_us / 1e6, lead_us / 1e6)
            if not found or found[-1][1] != replicas:
                found.append((t_us, replicas))
    return found


def parse(text: str) -> Table:
    """The table that ``policy.table`` describes.

    Raises :class:`InputError` for anything but rising times of one day, the first of them 0.
    """
    table = tuple(_entry(text, part) for part in text.split(","))
    starts = [start_s for start_s, _ in table]
    if starts[0] != 0 or starts != sorted(set(starts)) or starts[-1] >= DAY_S:
        raise InputError(
            "policy.table",
            f"times {', '.join(map(str, starts))}",
            f"begin at 0 and let them rise to less than {DAY_S}",
        )
    return table


def _entry(text: str, part: str) -> tuple[int, int]:
    replicas, _, start_s = part.strip().partition("@")
    if not (replicas.isdecimal() and start_s.isdecimal()):
        raise InputError("policy.table", f"{part!r} in {text!r}", "write replicas@seconds: 2@0,6@25200")
    return int(start_s), int(replicas)


def as_text(table: Table) -> str:
    """What :func:`parse` reads; entries that change nothing are left out."""
    parts = [
        f"{replicas}@{start_s}"
        for place, (start_s, replicas) in enumerate(table)
        if place == 0 or replicas != table[place - 1][1]
    ]
    return ",".join(parts)


def lead_s(settings: Settings, scenario: Scenario) -> float:
    """How long before its time a replica is asked for."""
    if settings.lead_s is not None:
        return settings.lead_s
    cold, spec = scenario.cold_start, resolve(scenario.engine)
    if cold.seconds is not None:
        return cold.seconds * (1 + cold.jitter)
    weights = "disk" if scenario.cluster.cached_fraction == 1.0 else "none"
    return dict(
        startup_quantiles(
            cold, scenario.cluster.provisioning, spec.weights_bytes, spec.tensor_parallel, weights
        )
    )[0.9]


def build(parameters: Parameters, scenario: Scenario) -> Policy:
    """The law with the given table; without one it keeps ``min_replicas`` (runs look for the best first)."""
    settings = read(Settings, "schedule", parameters)
    table = parse(settings.table) if settings.table else ((0, scenario.cluster.min_replicas),)
    return Schedule(table, lead_s(settings, scenario))
