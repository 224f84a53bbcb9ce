"""All recordings against the model: how many agree, and where the others part."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.hpa.case import Case
from tests.e2e.hpa.cases import CASES
from tests.e2e.hpa.recording import Recording
from tests.e2e.hpa.replay import differences
from tests.e2e.hpa.virtual import apart

RECORDED = Path(__file__).parents[2] / "actuation" / "recorded" / "cases.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One case."""

    case: Case
    real: Recording
    replayed: tuple[str, ...]
    """Where the model parts at the very instants of the real ones."""
    timed: tuple[str, ...]
    """Where it parts on clocks of its own."""

    @property
    def agrees(self) -> bool:
        """In both ways."""
        return not self.replayed and not self.timed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All of them."""

    verdicts: tuple[Verdict, ...]

    @property
    def differing(self) -> list[Verdict]:
        """Those that do not agree."""
        return [one for one in self.verdicts if not one.agrees]

    def lines(self) -> Iterator[str]:
        """The differences, and figures."""
        for one in self.differing:
            yield one.case.says
            yield from (f"    at the same instants: {text}" for text in one.replayed)
            yield from (f"    on its own clocks: {text}" for text in one.timed)
        syncs = sum(len(one.real.syncs) for one in self.verdicts)
        moves = sum(len(one.real.moves) for one in self.verdicts)
        late_ms = max(one.real.late_ms for one in self.verdicts)
        yield f"{len(self.verdicts)} cases, {syncs} syncs, {moves} moves; nothing later than {late_ms} ms"
        races = sum(bool(one.case.race) for one in self.verdicts)
        agree, differ = len(self.verdicts) - len(self.differing), len(self.differing)
        yield f"{agree} agree ({races} of them races), {differ} differ"


def compare(recordings: Iterable[Recording]) -> Outcome:
    """Of every recording."""
    by_name = {case.name: case for case in CASES}
    verdicts = [_verdict(by_name[real.case], real) for real in recordings]
    return Outcome(verdicts=tuple(verdicts))


def _verdict(case: Case, real: Recording) -> Verdict:
    replayed, timed = differences(case, real), apart(case, real)
    return Verdict(case=case, real=real, replayed=tuple(replayed), timed=tuple(timed))
