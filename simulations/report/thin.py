"""Fewer points than a screen has pixels: what a chart of a day needs, without hiding its worst moments."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from simulations.result import TimelineRow


def changes(rows: Sequence[TimelineRow]) -> tuple[TimelineRow, ...]:
    """The rows at which a replica count changes, and the last one: a step line through them is exact."""
    kept = [row for before, row in zip([None, *rows], rows, strict=False) if _counts(before) != _counts(row)]
    if rows and kept[-1] is not rows[-1]:
        kept.append(rows[-1])
    return tuple(kept)


def _counts(row: TimelineRow | None) -> tuple[int, int, int] | None:
    return (row.spec, row.ready, row.pending) if row else None


def worst(rows: Sequence[TimelineRow], limit: int) -> tuple[TimelineRow, ...]:
    """At most ``limit`` rows: of each stretch the one with the longest queue, then the fullest KV cache.

    Whole rows are kept, not mixtures, so that what stands at one moment was true at one moment.
    """
    if len(rows) <= limit:
        return tuple(rows)
    return tuple(max(group, key=_strain) for group in _stretches(rows, limit))


def asked(rows: Sequence[TimelineRow], limit: int) -> tuple[TimelineRow, ...]:
    """At most ``limit`` rows for the law's answers: of each stretch the one with the highest ask."""
    if len(rows) <= limit:
        return tuple(rows)
    return tuple(max(group, key=lambda row: row.wanted or 0.0) for group in _stretches(rows, limit))


def thinned(rows: Sequence[TimelineRow], limit: int) -> tuple[TimelineRow, ...]:
    """At most ``limit`` rows: the last one of each stretch of time."""
    if len(rows) <= limit:
        return tuple(rows)
    return tuple(group[-1] for group in _stretches(rows, limit))


def _strain(row: TimelineRow) -> tuple[int, float]:
    return row.waiting, row.kv or 0.0


def _stretches(rows: Sequence[TimelineRow], limit: int) -> Iterator[list[TimelineRow]]:
    start_us = rows[0].t_us
    width_us = (rows[-1].t_us - start_us) // limit + 1
    for _, group in groupby(rows, key=lambda row: (row.t_us - start_us) // width_us):
        yield list(group)


def moved(rows: Iterable[TimelineRow]) -> Iterator[tuple[TimelineRow, int]]:
    """The rows at which ``spec.replicas`` moved, with the number it moved from."""
    before: int | None = None
    for row in rows:
        if before is not None and row.spec != before:
            yield row, before
        before = row.spec
