"""A recording through the model, instant by instant.

The model looks when the real ones looked and sees what they saw: replicas, pods, and the script at the very
moment of their questions. So nothing is left to chance, and every sync must come to the same end, down to the
reasons that the controller gives in its conditions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from simulations.actuation.hpa import Hpa, HpaResult, Verdict
from simulations.actuation.keda import Keda
from simulations.policies.base import Ask
from tests.e2e.hpa.case import Case
from tests.e2e.hpa.recording import Recording, Sync

KEDA_WROTE_WITHIN_MS = 700
"""KEDA reads, asks, and writes after it began a poll."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Reasons as the HPA's status has them."""

    active: str = ""
    limited: str = ""
    able: str = ""
    metric: str = ""
    """The metric that was gone by."""


def differences(case: Case, real: Recording) -> list[str]:
    """Where the model and the real ones part, in words; empty: nowhere."""
    return list(_Replay(case, real).run())


@dataclass(slots=True)
class _Replay:
    case: Case
    real: Recording
    hpa: Hpa = field(init=False)
    keda: Keda = field(init=False)
    conditions: Conditions = Conditions()

    def __post_init__(self) -> None:
        settings = self.case.settings()
        low, high = max(1, self.case.low), self.case.high
        self.hpa = Hpa(settings.hpa, min_replicas=low, max_replicas=high)
        self.keda = Keda(settings.keda, min_replicas=self.case.low)

    def run(self) -> Iterator[str]:
        """Everything that happened, in order."""
        syncs = {sync.from_ms: sync for sync in self.real.syncs}
        turns = [(at_ms, "sync") for at_ms in syncs]
        turns += [(at_ms, "poll") for at_ms in self.real.polls_ms]
        turns += [(at_ms, "push") for at_ms in self.real.pushes_ms]
        bounds = dict(zip(self.real.bounds_ms, (new for _, new in self.case.bounds), strict=True))
        turns += [(at_ms, "bounds") for at_ms in bounds]
        for at_ms, kind in sorted(turns):
            match kind:
                case "sync":
                    yield from self._sync(syncs[at_ms])
                case "poll":
                    yield from self._poll(at_ms)
                case "push":
                    yield from self._push(at_ms)
                case _:
                    self._bound(*bounds[at_ms])

    def _bound(self, low: int, high: int) -> None:
        """No scenario changes bounds, so the model cannot; what it remembers of them is turned here."""
        self.keda._minimum = low
        self.hpa._minimum, self.hpa._maximum = max(1, low), high

    def _ask(self, at_ms: int, ready: int, unready: int) -> Ask:
        return self.case.ask((at_ms - self.real.phase_ms) / 1000, ready=ready, unready=unready)

    def _sync(self, sync: Sync) -> Iterator[str]:
        asked = self.hpa.reads_metrics(sync.spec)
        if asked != bool(sync.reads_ms):
            yield f"{sync.at_ms} ms: the HPA asked for {'no ' if asked else ''}metrics at {sync.spec}"
            return
        metrics = tuple(
            self._ask(read_ms, sync.ready, sync.status - sync.ready).metrics[index]
            for index, read_ms in enumerate(sync.reads_ms)
        )
        served = self.keda.serve(Ask(metrics=metrics), spec_replicas=sync.spec, ready_pods=sync.ready)
        result = self.hpa.sync(sync.at_ms * 1000, sync.spec, sync.status, sync.ready, served)
        self.conditions = conditions(self.conditions, result)
        real = Conditions(active=sync.active, limited=sync.limited, able=sync.able, metric=sync.metric)
        wrote = sync.spec if sync.wrote is None else sync.wrote
        if (result.replicas, self.conditions) != (wrote, real):
            yield f"{sync.at_ms} ms: real {sync.spec}→{wrote} {real}; {result.explain()} {self.conditions}"

    def _poll(self, at_ms: int) -> Iterator[str]:
        spec, ready = self._spec(at_ms), self._ready(at_ms)
        querying = self.hpa.scaling_active is True
        ask = self._ask(at_ms, ready, 0)
        result = self.keda.poll(at_ms * 1000, ask, spec_replicas=spec, ready_pods=ready, hpa_queries=querying)
        yield from self._written(at_ms, spec, result.replicas, result.reason)

    def _push(self, at_ms: int) -> Iterator[str]:
        spec = self._spec(at_ms)
        result = self.keda.push(at_ms * 1000, self._ask(at_ms, 0, 0), spec_replicas=spec)
        yield from self._written(at_ms, spec, result.replicas, result.reason)

    def _written(self, at_ms: int, spec: int, model: int, reason: str) -> Iterator[str]:
        until_ms = at_ms + KEDA_WROTE_WITHIN_MS
        writes = [move for move in self.real.moves if at_ms <= move.at_ms <= until_ms]
        real = next((move.replicas for move in writes if move.who == "keda"), spec)
        overtaken = any(move.who == "hpa" and move.replicas == model for move in writes)
        if real != model and not overtaken:  # both raise a fleet below its minimum; the second is refused
            yield f"{at_ms} ms: real KEDA {spec}→{real}; model {spec}→{model} ({reason})"

    def _spec(self, at_ms: int) -> int:
        before = [move.replicas for move in self.real.moves if move.at_ms < at_ms]
        return before[-1] if before else self.case.start

    def _ready(self, at_ms: int) -> int:
        before = [sync.ready for sync in self.real.syncs if sync.from_ms <= at_ms]
        return before[-1] if before else self.case.start


def conditions(before: Conditions, result: HpaResult) -> Conditions:
    """What the controller would say in the HPA's status after a sync."""
    moved = result.replicas != result.current
    match result.verdict:
        case Verdict.COMPUTED:
            able = "SucceededRescale" if moved else _steady(result)
            return Conditions(active=result.verdict, limited=result.limited, able=able, metric=result.metric)
        case Verdict.ABOVE_MAXIMUM | Verdict.BELOW_MINIMUM:
            return replace(before, able="SucceededRescale")
    return Conditions(active=result.verdict, limited=before.limited, able="SucceededGetScale")


def _steady(result: HpaResult) -> str:
    assert result.desired is not None
    if result.stabilized == result.desired:
        return "ReadyForNewScale"
    return "ScaleUpStabilized" if result.desired >= result.current else "ScaleDownStabilized"
