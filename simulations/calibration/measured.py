"""Measured runs: what a real engine did with a trace, and the same trace through the engine model."""

import csv
import gzip
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from simulations.engine.engine import Engine
from simulations.engine.spec import EngineSpec
from simulations.errors import InputError
from simulations.requests import Outcomes

COLUMNS = ("timestamp_s", "input_tokens", "output_tokens", "queue_s", "ttft_s", "e2e_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What happened to each request, in seconds from its queueing."""

    queue_s: Sequence[float]
    ttft_s: Sequence[float]
    e2e_s: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRun:
    """A trace with the times of a real engine, sorted by arrival."""

    name: str
    arrival_us: Sequence[int]
    input_tokens: Sequence[int]
    output_tokens: Sequence[int]
    times: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Means over some requests of a run; ``prefill_s`` is TTFT without queueing, ``tpot_s`` of requests with
    two or
    more output tokens."""

    queue_s: float
    ttft_s: float
    prefill_s: float
    tpot_s: float
    e2e_s: float


def read_measured(path: str | Path) -> MeasuredRun:
    """Read a CSV (or CSV.gz) with :data:`COLUMNS`; :class:`InputError` names file, line, value and fix."""
    path = Path(path)
    rows = _rows(path)
    if not rows:
        raise InputError(str(path), "has no rows", "give a measured run with at least one request")
    rows.sort(key=lambda row: row[0])
    columns = list(zip(*rows, strict=True))
    return MeasuredRun(
        name=path.name.removesuffix(".gz").removesuffix(".csv"),
        arrival_us=[round((time_s - columns[0][0]) * 1_000_000) for time_s in columns[0]],
        input_tokens=[int(tokens) for tokens in columns[1]],
        output_tokens=[int(tokens) for tokens in columns[2]],
        times=Times(queue_s=columns[3], ttft_s=columns[4], e2e_s=columns[5]),
    )


def _rows(path: Path) -> list[tuple[float, ...]]:
    opener: Callable[..., object] = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as stream:  # type: ignore[attr-defined]
            reader = csv.reader(stream)
            header = tuple(next(reader, ()))
            if header != COLUMNS:
                raise InputError(
                    f"{path}:1", f"the header is {','.join(header)!r}", f"give {','.join(COLUMNS)}"
                )
            return [_row(path, line, row) for line, row in enumerate(reader, start=2)]
    except FileNotFoundError:
        raise InputError(str(path), "there is no such file", "give a measured run") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InputError(str(path), f"is not readable ({error})", "give a CSV or CSV.gz file") from None


def _row(path: Path, line: int, row: list[str]) -> tuple[float, ...]:
    where = f"{path}:{line}"
    if len(row) != len(COLUMNS):
        raise InputError(where, f"has {len(row)} fields", f"give {len(COLUMNS)}: {','.join(COLUMNS)}")
    values = []
    for name, text in zip(COLUMNS, row, strict=True):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        least = 1 if name.endswith("tokens") else 0
        if not least <= value < 1e9:
            raise InputError(
                f"{where}: {name}", f"{text[:40]!r} is not a number of at least {least}", "mend it"
            )
        values.append(value)
    queue_s, ttft_s, e2e_s = values[-3:]
    if not queue_s <= ttft_s <= e2e_s:
        problem = f"queue_s {queue_s:g}, ttft_s {ttft_s:g} and e2e_s {e2e_s:g} do not ascend"
        raise InputError(where, problem, "give seconds since the request's arrival")
    return tuple(values)


def replay(spec: EngineSpec, run: MeasuredRun) -> Times:
    """The run's trace through one simulated engine."""
    outcomes = Outcomes(len(run.arrival_us))
    engine = Engine(spec, outcomes, start_us=0, start_id="replay", replica=0)
    for index, arrival_us in enumerate(run.arrival_us):
        engine.advance(arrival_us)
        engine.submit(index, run.input_tokens[index], run.output_tokens[index], (), arrival_us)
    while (next_us := engine.next_us()) is not None:
        engine.advance(next_us)

    def since(column: Sequence[int]) -> list[float]:
        return [(then - arrival) / 1e6 for then, arrival in zip(column, run.arrival_us, strict=True)]

    return Times(
        queue_s=since(outcomes.scheduled_us),
        ttft_s=since(outcomes.first_token_us),
        e2e_s=since(outcomes.finished_us),
    )


def means(run: MeasuredRun, times: Times, chosen: Sequence[int] | None = None) -> Means:
    """Means over the requests ``chosen`` (all without)."""
    picked = range(len(run.arrival_us)) if chosen is None else chosen
    queue_s = fmean(times.queue_s[i] for i in picked)
    ttft_s = fmean(times.ttft_s[i] for i in picked)
    return Means(
        queue_s=queue_s,
        ttft_s=ttft_s,
        prefill_s=ttft_s - queue_s,
        tpot_s=fmean(
            (times.e2e_s[i] - times.ttft_s[i]) / (run.output_tokens[i] - 1)
            for i in picked
            if run.output_tokens[i] > 1
        ),
        e2e_s=fmean(times.e2e_s[i] for i in picked),
    )
