"""The layouts that are read as they are, and how each cell becomes a number.

- Hearth: ``timestamp_s,input_tokens,output_tokens[,prefix_id,prefix_tokens]``.
- Azure LLM inference traces 2023 and 2024: ``TIMESTAMP,ContextTokens,GeneratedTokens``, dates with up to
  100 ns (2023) or an offset from UTC (2024) (Azure/AzurePublicDataset).
- BurstGPT: ``Timestamp,…,Model,Request tokens,Response tokens,Total tokens,Log Type``, seconds since the
  first day; rows without response tokens are failed requests (HPMLL/BurstGPT).
- Mooncake: JSON lines ``timestamp`` (ms), ``input_length``, ``output_length``, ``hash_ids``: one id for each
  512-token block and all blocks before it (kvcache-ai/Mooncake, FAST25-release/traces).
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from simulations.errors import InputError
from simulations.requests import Trace
from simulations.traces.columns import Columns, Prefix, shown
from simulations.traces.prefixes import nested

MOONCAKE_BLOCK_TOKENS = 512
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - stamps are compared as UTC without a zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One CSV layout: which columns hold what, and how its stamps read."""

    name: str
    time: str
    input_tokens: str
    output_tokens: str
    to_us: Callable[[str], int]
    time_form: str
    original: bool = True
    """Published as it is: stamps count from the first row, and rows without tokens are failures."""

    @property
    def required(self) -> tuple[str, str, str]:
        """The columns that a header must have, in any order."""
        return (self.time, self.input_tokens, self.output_tokens)


def seconds_to_us(text: str) -> int:
    """``12.5`` -> 12,500,000. ValueError or OverflowError for what is no finite number."""
    return round(float(text) * 1e6)


def date_to_us(text: str) -> int:
    """An ISO date and time, with or without zone (then UTC), to µs since 1970; digits beyond µs are cut."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - _EPOCH) // _MICROSECOND


HEARTH = Layout(
    name="hearth",
    time="timestamp_s",
    input_tokens="input_tokens",
    output_tokens="output_tokens",
    to_us=seconds_to_us,
    time_form="seconds, such as 12.5",
    original=False,
)
LAYOUTS = (
    HEARTH,
    Layout(
        name="azure",
        time="TIMESTAMP",
        input_tokens="ContextTokens",
        output_tokens="GeneratedTokens",
        to_us=date_to_us,
        time_form="a date such as 2023-11-16 18:15:46.680590",
    ),
    Layout(
        name="burstgpt",
        time="Timestamp",
        input_tokens="Request tokens",
        output_tokens="Response tokens",
        to_us=seconds_to_us,
        time_form="seconds, such as 5.0",
    ),
)
_PREFIX = ("prefix_id", "prefix_tokens")
_UNUSED = frozenset({"Model", "Total tokens", "Log Type", "Session ID", "Elapsed time"})
"""Columns of the originals that a simulation does not need: ignored without a note."""


def read_csv(lines: Iterable[str], path: str, name: str) -> Trace:
    """Read one CSV trace of any layout. Raises :class:`InputError` with file and line."""
    reader = csv.reader(lines)
    header = [cell.strip() for cell in next(reader, [])]
    layout = _layout(header, path)
    _check_once(header, {*layout.required, *_PREFIX}, path)
    columns = Columns(path)
    for line, us, prompt, output, prefix in _cells(reader, header, layout, path):
        columns.add(line, us, prompt, output, prefix, zero_is_failure=layout.original)
    known = {*layout.required, *_PREFIX} | (_UNUSED if layout.original else set())
    ignored = [cell for cell in header if cell not in known]
    notes = (f"columns that were ignored: {', '.join(ignored)}",) if ignored else ()
    trace = columns.trace(name, from_first=layout.original, notes=notes)
    return trace if trace.prefixes is None else replace(trace, prefixes=nested(trace.prefixes))


def _layout(header: list[str], path: str) -> Layout:
    for layout in LAYOUTS:
        if all(column in header for column in layout.required):
            return layout
    seen = ",".join(header)[:80] or "(an empty line)"
    raise InputError(
        f"{path}, line 1",
        f"the header is {seen!r}",
        f"begin with {','.join(HEARTH.required)} (or give an Azure, BurstGPT or Mooncake original)",
    )


def _check_once(header: list[str], wanted: set[str], path: str) -> None:
    twice = next((column for column in header if column in wanted and header.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{path}, line 1", f"there are two columns {twice}", "keep one of them")


Cells = tuple[int, int, int, int, Prefix]


class _Rows(Protocol):
    """What ``csv.reader`` gives."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...


def _cells(reader: _Rows, header: list[str], layout: Layout, path: str) -> Iterator[Cells]:
    """(line, stamp µs, prompt, output, prefix) of each row."""
    width = len(header)
    time, prompt, output = (header.index(column) for column in layout.required)
    to_us = layout.to_us
    prefix_of = _prefix_reader(header, path)
    for row in reader:
        line = reader.line_num
        if len(row) != width:
            if row:
                raise _wrong_width(row, header, f"{path}, line {line}")
            continue
        try:
            cells = to_us(row[time]), int(row[prompt]), int(row[output])
        except (ValueError, OverflowError):
            cells = _slowly(row, header, layout, f"{path}, line {line}")
        yield line, *cells, prefix_of(row, line, cells[1]) if prefix_of else ()


def _wrong_width(row: list[str], header: list[str], where: str) -> InputError:
    verb = "ends after" if len(row) < len(header) else "has"
    return InputError(
        where,
        f"the row {verb} {len(row)} of {len(header)} columns ({','.join(row)[:60]!r})",
        "complete the row, or fetch the file again if it was cut off",
    )


def _slowly(row: list[str], header: list[str], layout: Layout, where: str) -> tuple[int, int, int]:
    """The three numbers of a row whose quick conversion failed, or the error that names the bad cell."""
    time, prompt, output = (row[header.index(column)] for column in layout.required)
    try:
        us = layout.to_us(time)
    except (ValueError, OverflowError):
        raise InputError(
            where, f"{layout.time} is {shown(repr(time))}", f"write {layout.time_form}"
        ) from None
    return us, _whole(prompt, layout.input_tokens, where), _whole(output, layout.output_tokens, where)


def _whole(text: str, column: str, where: str) -> int:
    """A whole number, also where it was written ``472.0``."""
    try:
        value = float(text)
        if value != int(value):
            raise ValueError(text)
        return int(value)
    except (ValueError, OverflowError):
        raise InputError(
            where, f"{column} is {shown(repr(text))}", "write a whole number of tokens"
        ) from None


def _prefix_reader(header: list[str], path: str) -> Callable[[list[str], int, int], Prefix] | None:
    """Reads the two prefix columns, where there are any. Ids may be any text; they become small numbers."""
    found = [column for column in _PREFIX if column in header]
    if not found:
        return None
    if len(found) < len(_PREFIX):
        missing = next(column for column in _PREFIX if column not in header)
        raise InputError(
            f"{path}, line 1", f"there is {found[0]} but no {missing}", f"add {missing} or drop it"
        )
    name, tokens = (header.index(column) for column in _PREFIX)
    numbers: dict[str, int] = {}

    def prefix_of(row: list[str], line: int, input_tokens: int) -> Prefix:
        if not row[name]:
            return ()
        count = _whole(row[tokens], "prefix_tokens", f"{path}, line {line}")
        if not 0 <= count <= input_tokens:
            raise InputError(
                f"{path}, line {line}",
                f"prefix_tokens is {shown(count)} of {input_tokens} input tokens",
                f"give 0 to {input_tokens}",
            )
        return ((numbers.setdefault(row[name], len(numbers)), count),) if count else ()

    return prefix_of


def read_mooncake(lines: Iterable[str], path: str, name: str) -> Trace:
    """Read Mooncake's JSON lines; the last block of a prompt may be shorter than 512 tokens."""
    columns = Columns(path)
    blocks: dict[int, tuple[int, int]] = {}
    for line, text in enumerate(lines, start=1):
        if text.strip():
            where = f"{path}, line {line}"
            row = _json_row(text, where)
            prompt = _json_int(row, "input_length", where)
            columns.add(
                line,
                _json_int(row, "timestamp", where) * 1000,
                prompt,
                _json_int(row, "output_length", where),
                _chain(row, prompt, blocks, where),
                zero_is_failure=True,
            )
    return columns.trace(name, from_first=True)


def _json_row(text: str, where: str) -> dict[str, object]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition(":")[0].lower()
        raise InputError(where, f"no JSON ({reason})", "fetch the file again if it was cut off") from None
    if not isinstance(row, dict):
        raise InputError(where, f"is {text.strip()[:40]!r}", "write one JSON object a line")
    return row


def _json_int(row: dict[str, object], key: str, where: str) -> int:
    value = row.get(key)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        problem = f"{key} is {shown(repr(value))}" if key in row else f"there is no {key}"
        raise InputError(where, problem, "write a whole number")
    return value


def _chain(row: dict[str, object], prompt: int, blocks: dict[int, tuple[int, int]], where: str) -> Prefix:
    """(block id, tokens) for each block of the prompt; full blocks are shared, to save memory."""
    ids = row.get("hash_ids", [])
    if not isinstance(ids, list) or not all(type(block) is int for block in ids):
        raise InputError(where, f"hash_ids is {str(ids)[:40]!r}", "write a list of whole numbers")
    full, rest = divmod(prompt, MOONCAKE_BLOCK_TOKENS)
    chain = [blocks.setdefault(block, (block, MOONCAKE_BLOCK_TOKENS)) for block in ids[:full]]
    if rest > 0 and len(ids) > full >= 0:
        chain.append((ids[full], rest))
    return tuple(chain)
