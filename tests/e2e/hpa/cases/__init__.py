"""The table of cases, by what they are about."""

from collections.abc import Iterable

from tests.e2e.hpa.case import Case
from tests.e2e.hpa.cases import behavior, cpu, fleet, metrics, true_period, zero

CASES: tuple[Case, ...] = (
    *metrics.CASES,
    *behavior.CASES,
    *fleet.CASES,
    *cpu.CASES,
    *zero.CASES,
    *true_period.CASES,
)


def named(names: Iterable[str]) -> list[Case]:
    """The cases of these names, in the table's order; all, without names. :class:`ValueError` on others."""
    wanted = set(names)
    unknown = wanted - {case.name for case in CASES}
    if unknown:
        raise ValueError(f"no case {', '.join(sorted(unknown))}")
    return [case for case in CASES if not wanted or case.name in wanted]
