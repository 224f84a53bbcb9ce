"""What the real ones did with a case, and how that is kept: a line of JSON a case.

Times are milliseconds from the whole second in which the case began: KEDA cuts its memory of activity to
whole seconds, so the fraction has to stay.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

LATE_MOST_MS = 600
"""Cases change something at odd seconds, a second from a sync: what is later than this turns their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """One sync of the HPA controller."""

    from_ms: int
    """When it read the scale."""
    at_ms: int
    """When it had its metrics: the time that counts for windows and periods."""
    spec: int
    status: int
    """As it read them from the scale subresource."""
    ready: int
    """Pods whose Ready condition was true."""
    reads_ms: tuple[int, ...] = ()
    """When the scaler answered for each metric; empty where it asked for none."""
    wrote: int | None = None
    """The replicas that it wrote."""
    active: str = ""
    limited: str = ""
    able: str = ""
    """Reasons of the conditions ScalingActive, ScalingLimited and AbleToScale afterwards."""
    metric: str = ""
    """The metric that it went by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A write of ``spec.replicas``."""

    at_ms: int
    replicas: int
    who: str
    """``hpa``, ``keda`` or ``hand``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One case."""

    case: str
    phase_ms: int
    """When the script began, within the second that times count from."""
    syncs: tuple[Sync, ...]
    polls_ms: tuple[int, ...]
    pushes_ms: tuple[int, ...]
    bounds_ms: tuple[int, ...]
    """When KEDA had given the HPA its new bounds."""
    moves: tuple[Move, ...]
    late_ms: int
    """How far from its time a sync, a poll or an act of the driver's was at most: a busy machine."""

    @property
    def period_ms(self) -> float:
        """Of the syncs: the flag's and the time that a sync takes. One out of turn does not count."""
        turns = in_turn([sync.from_ms for sync in self.syncs])
        return (turns[-1] - turns[0]) / (len(turns) - 1)


def in_turn(times_ms: Sequence[int]) -> list[int]:
    """Of a controller's syncs those that its period brought; a change of the HPA's spec brings one more."""
    usual_ms = median(after - before for before, after in pairwise(times_ms))
    turns = [times_ms[0]]
    for at_ms in times_ms[1:]:
        if at_ms - turns[-1] > usual_ms / 2:
            turns.append(at_ms)
    return turns


def save(recordings: Iterable[Recording], path: Path) -> None:
    """A line a case; values that are their default are left out."""
    lines = [json.dumps(_packed(one), separators=(",", ":")) for one in recordings]
    path.write_text("\n".join(lines) + "\n")


def load(path: Path) -> list[Recording]:
    """What :func:`save` wrote."""
    return [_unpacked(json.loads(line)) for line in path.read_text().splitlines()]


_SYNC = (
    "from_ms",
    "at_ms",
    "spec",
    "status",
    "ready",
    "reads_ms",
    "wrote",
    "active",
    "limited",
    "able",
    "metric",
)


def _packed(one: Recording) -> dict[str, Any]:
    values = asdict(one)
    values["syncs"] = [[sync[name] for name in _SYNC] for sync in values["syncs"]]
    values["moves"] = [[move.at_ms, move.replicas, move.who] for move in one.moves]
    return values


def _unpacked(values: dict[str, Any]) -> Recording:
    syncs = [dict(zip(_SYNC, sync, strict=True)) for sync in values["syncs"]]
    return Recording(
        case=values["case"],
        phase_ms=values["phase_ms"],
        syncs=tuple(Sync(**(sync | {"reads_ms": tuple(sync["reads_ms"])})) for sync in syncs),
        polls_ms=tuple(values["polls_ms"]),
        pushes_ms=tuple(values["pushes_ms"]),
        bounds_ms=tuple(values["bounds_ms"]),
        late_ms=values["late_ms"],
        moves=tuple(Move(at_ms=t, replicas=n, who=who) for t, n, who in values["moves"]),
    )
