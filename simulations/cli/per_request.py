"""One CSV row for each request of a run (``--per-request``)."""

import csv
from collections.abc import Iterator
from typing import TextIO

from simulations.accounting import IdleTtft, completed_flags, judged_until_us, verdicts
from simulations.requests import ABSENT, Outcomes, Trace
from simulations.scenario import Slo

COLUMNS = (
    "index",
    "arrival_s",
    "input_tokens",
    "output_tokens",
    "outcome",
    "slo_met",
    "queue_s",
    "ttft_s",
    "itl_s",
    "e2e_s",
    "replica",
    "attempts",
)


def write_per_request(
    stream: TextIO, trace: Trace, outcomes: Outcomes, *, slo: Slo, idle_ttft_s: IdleTtft
) -> None:
    """Write header and rows. Times in seconds to the µs; a cell is empty where a thing never happened.

    ``outcome`` is ``completed``, ``dropped`` or ``unfinished`` at the end of the judged span; ``itl_s`` is
    the request's mean, and only completed requests have it.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(trace, outcomes, slo, idle_ttft_s))


def _rows(trace: Trace, outcomes: Outcomes, slo: Slo, idle_ttft_s: IdleTtft) -> Iterator[tuple[object, ...]]:
    until_us = judged_until_us(trace)
    done = completed_flags(outcomes, until_us)
    judged = verdicts(trace, outcomes, done, slo, idle_ttft_s)
    for index, (ok, (met, _)) in enumerate(zip(done, judged, strict=True)):
        arrival, output = trace.arrival_us[index], trace.output_tokens[index]
        first, last = outcomes.first_token_us[index], outcomes.finished_us[index]
        yield (
            index,
            _seconds(arrival),
            trace.input_tokens[index],
            output,
            _outcome(ok, outcomes.dropped_us[index], until_us),
            int(met),
            _since(outcomes.scheduled_us[index], arrival, until_us),
            _since(first, arrival, until_us),
            f"{(last - first) / (output - 1) / 1e6:.6f}" if ok and output > 1 else "",
            _since(last, arrival, until_us),
            "" if outcomes.replica[index] == ABSENT else outcomes.replica[index],
            outcomes.attempts[index],
        )


def _outcome(ok: int, dropped_us: int, until_us: int) -> str:
    if ok:
        return "completed"
    return "dropped" if 0 <= dropped_us <= until_us else "unfinished"


def _since(stamp_us: int, arrival_us: int, until_us: int) -> str:
    return _seconds(stamp_us - arrival_us) if 0 <= stamp_us <= until_us else ""


def _seconds(us: int) -> str:
    return f"{us // 1_000_000}.{us % 1_000_000:06d}"
