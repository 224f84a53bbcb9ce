"""Checks one request after the other and keeps it in columns."""

from array import array

from simulations.errors import InputError
from simulations.requests import Trace

MAX_TOKENS = 10_000_000
"""More tokens than this in one request are a mistake: no context is that long."""
MAX_SPAN_S = 400 * 86_400
"""Longest trace: BurstGPT's whole recording is 335 days; milliseconds taken for seconds would be longer."""
_MAX_STAMP_US = 2**62
"""What a column holds, with room to spare; the year 9999 is a sixteenth of it."""
MILLISECOND_LIKE_S = 100_000_000_000
"""A date beyond this (the year 5138) was written in milliseconds."""
EPOCH_LIKE_S = 100_000_000
"""A first stamp beyond three years is a date, not an offset."""

Prefix = tuple[tuple[int, int], ...]


def shown(value: object) -> str:
    """``value`` for an error line, cut at 40 characters."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


class Columns:
    """Collects the rows of one file; every method may raise an :class:`InputError` that names the line."""

    __slots__ = (
        "_first_us",
        "_has_prefix",
        "_inputs",
        "_last_us",
        "_outputs",
        "_path",
        "_prefixes",
        "_stamps",
        "_unserved",
    )

    def __init__(self, path: str) -> None:
        self._path = path
        self._stamps, self._inputs, self._outputs = array("q"), array("q"), array("q")
        self._prefixes: list[Prefix] = []
        self._has_prefix = False
        self._first_us = self._last_us = 0
        self._unserved = 0

    def add(
        self,
        line: int,
        stamp_us: int,
        input_tokens: int,
        output_tokens: int,
        prefix: Prefix = (),
        *,
        zero_is_failure: bool = False,
    ) -> None:
        """Take one request. ``zero_is_failure``: a row without prompt or output is left out and counted."""
        if not self._stamps and not self._unserved:
            self._first_us = self._last_us = stamp_us
        if stamp_us < self._last_us:
            raise self._unsorted(line, stamp_us)
        if not -_MAX_STAMP_US < stamp_us < _MAX_STAMP_US:
            raise self._bad_stamp(line, stamp_us)
        self._last_us = stamp_us
        if not 1 <= input_tokens <= MAX_TOKENS or not 1 <= output_tokens <= MAX_TOKENS:
            if not (
                zero_is_failure and input_tokens >= 0 <= output_tokens and 0 in (input_tokens, output_tokens)
            ):
                raise self._bad_tokens(line, input_tokens, output_tokens)
            self._unserved += 1
            return
        self._stamps.append(stamp_us)
        self._inputs.append(input_tokens)
        self._outputs.append(output_tokens)
        self._prefixes.append(prefix)
        if prefix:
            self._has_prefix = True

    def trace(self, name: str, *, from_first: bool, notes: tuple[str, ...] = ()) -> Trace:
        """The trace. ``from_first``: stamps count from the first row; otherwise they are offsets already."""
        self._check_whole(from_first=from_first)
        if not from_first and self._first_us >= EPOCH_LIKE_S * 1_000_000:
            from_first = True
            notes = (*notes, f"stamps are dates: {self._stamps[0] / 1e6:.6f} s became 0")
            if self._first_us >= MILLISECOND_LIKE_S * 1_000_000:
                raise InputError(
                    self._path,
                    f"begins {self._first_us / 1e6:g} s after 1970",
                    "divide by 1000 if it is in ms",
                )
        if self._unserved:
            notes = (*notes, f"rows without prompt or output (failures) that were left out: {self._unserved}")
        first_us = self._stamps[0]
        return Trace(
            name=name,
            arrival_us=array("q", [us - first_us for us in self._stamps]) if from_first else self._stamps,
            input_tokens=self._inputs,
            output_tokens=self._outputs,
            prefixes=self._prefixes if self._has_prefix else None,
            notes=notes,
        )

    def _check_whole(self, *, from_first: bool) -> None:
        if not self._stamps:
            raise InputError(self._path, "holds no request", "give a trace with at least one row")
        if self._first_us < 0 and not from_first:
            raise InputError(
                f"{self._path}, line 2",
                f"the first stamp is {self._first_us / 1e6:g} s, before 0",
                "let timestamp_s begin at 0 or later",
            )
        span_s = (self._last_us - self._first_us) / 1e6
        if span_s > MAX_SPAN_S:
            raise InputError(
                self._path,
                f"spans {span_s / 86_400:,.0f} days",
                "timestamp_s counts seconds: divide milliseconds by 1000",
            )

    def _unsorted(self, line: int, stamp_us: int) -> InputError:
        return InputError(
            f"{self._path}, line {line}",
            f"its stamp lies {(self._last_us - stamp_us) / 1e6:g} s before the row above",
            "sort the rows by time",
        )

    def _bad_stamp(self, line: int, stamp_us: int) -> InputError:
        return InputError(
            f"{self._path}, line {line}", f"its stamp is {stamp_us / 1e6:g} s", "give seconds from the start"
        )

    def _bad_tokens(self, line: int, input_tokens: int, output_tokens: int) -> InputError:
        name, value = ("input", input_tokens)
        if 1 <= input_tokens <= MAX_TOKENS:
            name, value = ("output", output_tokens)
        return InputError(
            f"{self._path}, line {line}",
            f"{shown(value)} {name} tokens",
            f"give 1 to {MAX_TOKENS:,} or remove the row",
        )
