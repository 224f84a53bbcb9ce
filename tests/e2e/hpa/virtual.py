"""A case through the model alone, in virtual time, and the two timelines side by side.

Here the model has clocks of its own: poll and sync begin when the real HPA began, and go on evenly. The
sequence of replicas must be the same, and each change within one sync period. The real period is a little
longer than its flag says, because a sync takes time too: the model gets the one that was measured.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import replace

from simulations.actuation.loop import Actuator
from tests.e2e.hpa.case import SURGE, Case
from tests.e2e.hpa.recording import Move, Recording

_ARROW = re.compile(r"(KEDA|HPA) (\d+)→(\d+)")
"""In a step's reason: at one instant both controllers may write, one after the other."""
TICK_MS = 50
"""How often the script is looked at, as a policy would be."""


def timeline(case: Case, real: Recording) -> list[Move]:
    """The model's changes of ``spec.replicas``."""
    start_ms = real.syncs[0].from_ms
    made = case.settings()
    settings = replace(made, hpa=replace(made.hpa, sync_us=round(real.period_ms * 1000)))
    actuator = Actuator(settings, case.low, case.high, start_us=start_ms * 1000)
    spec, moves = case.start, []
    pods = _Pods(case, real.phase_ms)
    hands, bounds = list(case.hands), list(case.bounds)
    for now_ms in range(start_ms, real.phase_ms + case.seconds * 1000, TICK_MS):
        at_s = (now_ms - real.phase_ms) / 1000
        while hands and hands[0][0] <= at_s:
            spec = hands.pop(0)[1]
            moves.append(Move(at_ms=now_ms, replicas=spec, who="hand"))
        while bounds and bounds[0][0] <= at_s:
            _bound(actuator, *bounds.pop(0)[1])
        status = spec + SURGE * sum(rollout <= at_s for rollout in case.rollouts)
        ready = pods.ready(now_ms, spec)
        ask = case.ask(at_s, ready=ready, unready=max(0, spec - ready))
        step = actuator.step(now_ms * 1000, ask, spec, status, ready)
        for controller, old, new in _ARROW.findall(step.reason):
            if old != new:
                moves.append(Move(at_ms=now_ms, replicas=int(new), who=controller.lower()))
        spec = spec if step.replicas is None else step.replicas
    return moves


def _bound(actuator: Actuator, low: int, high: int) -> None:
    """No scenario changes bounds, so the model cannot; what it remembers of them is turned here."""
    actuator._keda._minimum = low
    actuator._hpa._minimum, actuator._hpa._maximum = max(1, low), high


class _Pods:
    """Pods as the fake kubelet has them, by when each turns Ready; ReplicaSets remove un-Ready ones first."""

    def __init__(self, case: Case, phase_ms: int) -> None:
        never = case.ready_after_s is None
        self._lead_ms = math.inf if case.ready_after_s is None else case.ready_after_s * 1000
        self._drain_ms = case.drain_s * 1000
        self._unready = [(phase_ms + at_s * 1000, count) for at_s, count in case.unready]
        self._ready_ms = [math.inf if never else 0.0] * case.start
        self._until_ms: list[float] = []
        """Of those that drain."""

    def ready(self, now_ms: int, spec: int) -> int:
        """How many are Ready, once their number has followed ``spec``."""
        while self._unready and self._unready[0][0] <= now_ms:
            count = self._unready.pop(0)[1]
            self._ready_ms = [math.inf] * count + self._ready_ms[count:]
        self._ready_ms.sort()
        for ready_ms in self._ready_ms[spec:]:
            if ready_ms <= now_ms:
                self._until_ms.append(now_ms + self._drain_ms)
        self._ready_ms = self._ready_ms[:spec]
        self._ready_ms += [now_ms + self._lead_ms] * (spec - len(self._ready_ms))
        return sum(since <= now_ms for since in self._ready_ms) + sum(end > now_ms for end in self._until_ms)


def apart(case: Case, real: Recording) -> list[str]:
    """Where the two timelines part, in words; empty: nowhere."""
    model = timeline(case, real)
    if [m.replicas for m in model] != [m.replicas for m in real.moves]:
        return [f"real {_told(real.moves)}; model {_told(model)}"]
    most_ms = real.period_ms * (2 if case.race else 1)
    return [
        f"real {_told([a])}; model {_told([b])}"
        for a, b in zip(real.moves, model, strict=True)
        if abs(_decided_ms(a, real) - b.at_ms) > most_ms
    ]


def _decided_ms(move: Move, real: Recording) -> int:
    """When the controller looked that then wrote; KEDA and people are taken at their word."""
    looks = [sync.from_ms for sync in real.syncs if move.who == "hpa" and sync.from_ms <= move.at_ms]
    return looks[-1] if looks else move.at_ms


def _told(moves: Iterable[Move]) -> str:
    return ", ".join(f"{move.replicas} at {move.at_ms} ms ({move.who})" for move in moves) or "no move"
