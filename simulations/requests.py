"""Requests and what became of them, shared by trace readers, engines, fleet and accounting."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

ABSENT = -1
"""In a column of :class:`Outcomes`: it never happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A request trace in columns (memory: 8 bytes a number; 373k requests are 9 MB).

    ``arrival_us`` is sorted. ``prefixes[i]`` is the chain of (prefix id, tokens) blocks that request ``i``
    begins with, longest-lived first; an empty tuple where the trace has none; None where no request has any.
    """

    name: str
    arrival_us: Sequence[int]
    input_tokens: Sequence[int]
    output_tokens: Sequence[int]
    prefixes: Sequence[tuple[tuple[int, int], ...]] | None = None
    notes: tuple[str, ...] = ()
    """What reading or transforming it did that a reader of results should know (clamped, dropped …)."""

    def __len__(self) -> int:
        return len(self.arrival_us)


def _absent(n: int) -> "array[int]":
    return array("q", [ABSENT]) * n


@dataclass(slots=True)
class Outcomes:
    """What became of each request, in columns; times are absolute µs of the simulation, ABSENT if never."""

    size: int
    scheduled_us: "array[int]" = field(init=False)
    """First scheduled by an engine."""
    first_token_us: "array[int]" = field(init=False)
    finished_us: "array[int]" = field(init=False)
    dropped_us: "array[int]" = field(init=False)
    """Given up: too long for the context, client timed out for good."""
    replica: "array[int]" = field(init=False)
    """Serial number of the pod that served it."""
    attempts: "array[int]" = field(init=False)

    def __post_init__(self) -> None:
        self.scheduled_us = _absent(self.size)
        self.first_token_us = _absent(self.size)
        self.finished_us = _absent(self.size)
        self.dropped_us = _absent(self.size)
        self.replica = _absent(self.size)
        self.attempts = array("q", [0]) * self.size
