"""One CSV row for each request of a live run; columns under the names of ``hearth simulate --per-request``
mean the same (``simulations/cli/per_request.py``)."""

import csv
from collections.abc import Iterator
from typing import TextIO

from simulations.load.recording import Recording
from simulations.requests import ABSENT

COLUMNS = (
    "index",
    "arrival_s",
    "input_tokens",
    "output_tokens",
    "outcome",
    "ttft_s",
    "itl_s",
    "e2e_s",
    "attempts",
    "sent_s",
    "tokens_in",
    "tokens_out",
    "chunks",
    "gap_max_s",
    "status",
    "failure",
)


def write_rows(stream: TextIO, recording: Recording) -> None:
    """Header, then one row for each request that was sent. Seconds to the µs; empty: it never happened.

    ``arrival_s`` is when the request was due, ``sent_s`` when it was sent; ``itl_s`` is the request's mean,
    ``gap_max_s`` its longest wait between two tokens; ``tokens_in`` and ``tokens_out`` are what the server
    counted, ``input_tokens`` and ``output_tokens`` what the trace asked for.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(recording, index) for index in recording.sent())


def _row(recording: Recording, index: int) -> Iterator[object]:
    trace, outcomes = recording.trace, recording.outcomes
    due, first, last = trace.arrival_us[index], outcomes.first_token_us[index], outcomes.finished_us[index]
    out, gaps = recording.tokens_out[index], recording.gaps_us[index]
    yield from (index, _seconds(due), trace.input_tokens[index], trace.output_tokens[index])
    yield _outcome(last, outcomes.dropped_us[index])
    yield _since(first, due)
    yield f"{(last - first) / (out - 1) / 1e6:.6f}" if last != ABSENT and out > 1 else ""
    yield _since(last, due)
    yield outcomes.attempts[index]
    yield _seconds(recording.sent_us[index])
    for count in (recording.tokens_in[index], out, recording.chunks[index]):
        yield "" if count == ABSENT else count
    yield _seconds(max(gaps)) if gaps else ""
    yield "" if recording.status[index] == ABSENT else recording.status[index]
    yield recording.failures[index] or ""


def _outcome(finished_us: int, dropped_us: int) -> str:
    if finished_us != ABSENT:
        return "completed"
    return "unfinished" if dropped_us == ABSENT else "dropped"


def _since(stamp_us: int, due_us: int) -> str:
    return "" if stamp_us == ABSENT else _seconds(stamp_us - due_us)


def _seconds(us: int) -> str:
    return f"{us // 1_000_000}.{us % 1_000_000:06d}"
