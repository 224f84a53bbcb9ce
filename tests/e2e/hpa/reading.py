"""From the audit log and the scaler's own log to recordings.

Nobody says "KEDA polls": its polls are those calls for a metric's specification that no sync accounts for,
one polling interval apart.
"""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.hpa import audit
from tests.e2e.hpa.audit import Event
from tests.e2e.hpa.case import Case
from tests.e2e.hpa.recording import Move, Recording, Sync, in_turn

_EARLY_S, _LATE_S = 0.02, 1.0
"""How far from its time a poll may be seen; one that is not seen fell together with a sync."""


@dataclass(slots=True)
class _Calls:
    """Times of the scaler's calls, of one case."""

    began_s: float
    specs_s: list[float] = field(default_factory=list)
    """Of trigger 0."""
    metrics_s: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By trigger."""
    pushes_s: list[float] = field(default_factory=list)
    act_late_s: float = 0.0
    """Of the driver's own acts."""


@dataclass(slots=True)
class _Turn:
    """What one sync consisted of."""

    look: Event
    reasons: dict[str, str]
    ready: int
    metrics: list[Event] = field(default_factory=list)
    wrote: int | None = None
    chosen: str = ""


def recordings(folder: Path, cases: Sequence[Case]) -> list[Recording]:
    """Of every case of a finished drive."""
    events: dict[str, list[Event]] = defaultdict(list)
    for event in audit.read(folder / "audit.jsonl", (case.name for case in cases)):
        events[event.case].append(event)
    calls = _calls(folder / "calls.jsonl")
    _add_acts(folder / "acts.jsonl", calls)
    return [_recording(case, events[case.name], calls[case.name]) for case in cases]


def _add_acts(path: Path, calls: Mapping[str, _Calls]) -> None:
    for line in path.read_text().splitlines() if path.exists() else ():
        name, at_s, done_s = json.loads(line)
        of = calls[name]
        of.act_late_s = max(of.act_late_s, done_s - of.began_s - at_s)


def _calls(path: Path) -> dict[str, _Calls]:
    found: dict[str, _Calls] = {}
    for line in path.read_text().splitlines():
        at_s, name, trigger, call = json.loads(line)
        of = found.setdefault(name, _Calls(at_s))
        if call == "spec" and trigger == 0:
            of.specs_s.append(at_s)
        elif call == "metrics":
            of.metrics_s[trigger].append(at_s)
        elif call == "push":
            of.pushes_s.append(at_s)
    return found


def _recording(case: Case, events: Sequence[Event], calls: _Calls) -> Recording:
    second = int(calls.began_s)
    until_s = calls.began_s + case.seconds

    def ms(at_s: float) -> int:
        return round((at_s - second) * 1000)

    syncs = tuple(_sync(turn, calls, ms) for turn in _turns(events) if turn.look.to_s <= until_s)
    polls_ms = [ms(at_s) for at_s in _polls(case, events, calls) if at_s <= until_s]
    return Recording(
        case=case.name,
        phase_ms=ms(calls.began_s),
        syncs=syncs,
        polls_ms=tuple(polls_ms),
        pushes_ms=tuple(ms(at_s) for at_s in calls.pushes_s if at_s <= until_s),
        bounds_ms=tuple(ms(at_s) for at_s in _bounds(case, events, calls.began_s)),
        moves=tuple(
            Move(at_ms=ms(e.to_s), replicas=e.spec, who=e.who)
            for e in events
            if e.what == "scale" and e.fine and calls.began_s <= e.to_s <= until_s
        ),
        late_ms=round(max(1000 * calls.act_late_s, *_late(case, ms(calls.began_s), syncs, polls_ms))),
    )


def _bounds(case: Case, events: Sequence[Event], began_s: float) -> Iterator[float]:
    """When KEDA had passed on each change of bounds."""
    for at_s, _ in case.bounds:
        yield next(e.to_s for e in events if e.what == "bounds" and e.to_s > began_s + at_s)


def _sync(turn: _Turn, calls: _Calls, ms: Callable[[float], int]) -> Sync:
    return Sync(
        from_ms=ms(turn.look.to_s),
        at_ms=ms(max([turn.look.to_s, *(event.to_s for event in turn.metrics)])),
        spec=turn.look.spec,
        status=turn.look.status,
        ready=turn.ready,
        reads_ms=tuple(ms(at_s) for at_s in _reads(turn, calls)),
        wrote=turn.wrote,
        active=turn.reasons.get("ScalingActive", ""),
        limited=turn.reasons.get("ScalingLimited", ""),
        able=turn.reasons.get("AbleToScale", ""),
        metric=turn.chosen,
    )


def _late(case: Case, began_ms: int, syncs: Sequence[Sync], polls_ms: Sequence[int]) -> Iterator[float]:
    """Milliseconds from an even beat that begins with the case."""
    turns = in_turn([sync.from_ms for sync in syncs])
    beats = [(turns, (turns[-1] - turns[0]) / (len(turns) - 1)), (polls_ms, case.polling_s * 1000)]
    for times_ms, period_ms in beats:
        for number, at_ms in enumerate(times_ms):
            yield abs(at_ms - times_ms[0] - number * period_ms)
        yield from [at_ms - began_ms for at_ms in times_ms[:1]]


def _turns(events: Iterable[Event]) -> list[_Turn]:
    """Syncs in order. A conflict makes the controller read the scale again within one."""
    turns: list[_Turn] = []
    ready: set[str] = set()
    conflict = False
    for event in events:
        if event.what == "scale" and event.who == "hpa":
            conflict = not event.fine
        match event.what, event.who:
            case "ready", _:
                ready.add(event.pod)
            case (("unready" | "gone"), _):
                ready.discard(event.pod)
            case "look", "hpa" if conflict:
                conflict = False
            case "look", "hpa":
                turns.append(_next(turns, event, len(ready)))
            case "metric", "hpa" if turns:
                turns[-1].metrics.append(event)
                turns[-1].ready = len(ready)
            case "scale", "hpa" if event.fine:
                turns[-1].wrote = event.spec
            case "status", "hpa" if turns:
                turns[-1].reasons, turns[-1].chosen = event.conditions, event.chosen
    return turns


def _next(turns: Sequence[_Turn], look: Event, ready: int) -> _Turn:
    """What the last one left in the status holds until it is written again."""
    if not turns:
        return _Turn(look, {}, ready)
    return _Turn(look, turns[-1].reasons, ready, chosen=turns[-1].chosen)


def _reads(turn: _Turn, calls: _Calls) -> list[float]:
    """When the scaler answered for each metric; where it was tried twice, the second time."""
    times = []
    for event in turn.metrics:
        asked = calls.metrics_s[event.metric]
        last = bisect_right(asked, event.to_s) - 1
        times.append(asked[last] if last >= 0 and asked[last] >= event.from_s else event.to_s)
    return times


def _polls(case: Case, events: Sequence[Event], calls: _Calls) -> list[float]:
    """One polling interval after the other, from the one that first said whether the target is active."""
    if not calls.specs_s:
        return []  # a resource metric: nobody sees KEDA poll, and it changes nothing
    left = list(calls.specs_s)
    for window in events:
        of_a_sync = [
            at_s for at_s in left if window.what == "metric" and window.from_s <= at_s <= window.to_s
        ]
        if of_a_sync:
            left.remove(of_a_sync[0])
    said_s = next(event.from_s for event in events if event.what == "polled")
    polls = [max(at_s for at_s in calls.specs_s if at_s <= said_s)]
    end_s = calls.began_s + case.seconds
    while polls[-1] + case.polling_s < end_s:
        due_s = polls[-1] + case.polling_s
        seen = [at_s for at_s in left if due_s - _EARLY_S <= at_s <= due_s + _LATE_S]
        polls.append(seen[0] if seen else due_s)
    return polls
