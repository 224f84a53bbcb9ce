"""Driving cases until nothing came late: a busy machine delays real controllers, and is nobody's fault."""

from collections.abc import Sequence
from pathlib import Path

from tests.e2e.cluster.progress import Told
from tests.e2e.hpa import drive, reading
from tests.e2e.hpa.case import FAST, TRUE, Case, Clocks
from tests.e2e.hpa.recording import LATE_MOST_MS, Recording

TURNS = 6


def driven(cases: Sequence[Case], folder: Path, tell: Told, *, cluster: str) -> list[Recording]:
    """Every case, those that came late again, at most :data:`TURNS` times; each turn leaves its logs.

    What is late to the end is in the answer too: see :attr:`Recording.late_ms`.
    """
    made: dict[str, Recording] = {}
    for turn in range(1, TURNS + 1):
        left = [case for case in cases if case.name not in made or made[case.name].late_ms > LATE_MOST_MS]
        for clocks in (FAST, TRUE):
            of_these = [case for case in left if case.clocks == clocks]
            if of_these:
                made |= _turn(of_these, clocks, folder / f"turn{turn}-{clocks.sync_s}s", tell, cluster)
    return [made[case.name] for case in cases]


def _turn(cases: Sequence[Case], clocks: Clocks, folder: Path, tell: Told, name: str) -> dict[str, Recording]:
    """In a cluster of their own."""
    folder.mkdir(parents=True)
    with drive.ready(name, clocks, folder, tell) as cluster:
        drive.drive(cluster, cases, folder, tell)
    return {one.case: one for one in reading.recordings(folder, cases)}
