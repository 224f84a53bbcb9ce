"""A live run for a person at a terminal: progress while it lasts, then a table that fits 80 columns."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulations import words
from simulations.cli.terminal import err, plain_table
from simulations.load.replay import Live
from simulations.load.summary import Summary
from simulations.result import Distribution
from simulations.scenario import Slo

_REFRESH_S = 0.25


async def show_progress(live: Live, requests: int) -> None:
    """On a terminal, until it is cancelled: sent, in flight, answered, failed."""
    with _progress() as progress:
        task = progress.add_task("", total=requests)
        while True:
            said = f"{live.in_flight} in flight, {live.completed} answered, {live.failed} failed"
            progress.update(task, completed=live.sent, description=said)
            progress.refresh()
            await asyncio.sleep(_REFRESH_S)


@contextmanager
def _progress() -> Iterator[Progress]:
    console = err()
    columns = (
        TextColumn("sent"),
        MofNCompleteColumn(),
        BarColumn(bar_width=16),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    # Redrawn by us, between two turns of the loop: rich's own thread would take the interpreter from it.
    shown = console.is_terminal
    with Progress(
        *columns, console=console, disable=not shown, transient=True, auto_refresh=False
    ) as progress:
        yield progress


def show(console: Console, summary: Summary, slo: Slo) -> None:
    """What the run came to, then its latencies, then what was wrong with it."""
    console.print(f"{summary.trace}, live", style="bold", soft_wrap=True)
    facts = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for name, value in _facts(summary, slo):
        facts.add_row(name, value)
    console.print(facts)
    console.print()
    latencies = plain_table(None, ("seconds", "mean", "p50", "p90", "p99"))
    for name, values in _latencies(summary):
        latencies.add_row(name, *(words.seconds(getattr(values, p)) for p in ("mean", "p50", "p90", "p99")))
    console.print(latencies)
    for line in _remarks(summary):
        console.print(line, style="dim", soft_wrap=True)


def _facts(summary: Summary, slo: Slo) -> list[tuple[str, str]]:
    per_s = max(summary.span_s, 1e-6)
    limits = f"TTFT <= {slo.ttft_ms:g} ms, ITL <= {slo.itl_ms:g} ms"
    return [
        ("sent", f"{summary.sent:,} of {summary.requests:,} requests in {words.span(summary.span_s)}"),
        ("answered", f"{summary.completed:,} ({summary.retried:,} retried, {summary.cut_short:,} cut short)"),
        ("unanswered", f"{summary.dropped:,} failed, {summary.unfinished:,} unfinished"),
        (limits, words.percent(summary.slo_attainment_flat_ttft)),
        ("tokens in, out", f"{summary.tokens_in:,}, {summary.tokens_out:,}"),
        ("tokens out per second", f"{summary.tokens_out / per_s:,.0f}"),
        ("generator", f"{100 * summary.cpu_ratio:.0f} % of a core"),
    ]


def _latencies(summary: Summary) -> list[tuple[str, Distribution]]:
    return [
        ("TTFT", summary.ttft_s),
        ("ITL", summary.itl_s),
        ("single gaps", summary.gap_s),
        ("TPOT", summary.tpot_s),
        ("end to end", summary.e2e_s),
        ("sent too late by", summary.late_s),
        ("event loop lag", summary.loop_lag_s),
    ]


def _remarks(summary: Summary) -> Iterator[str]:
    for failure in summary.failures:
        first = " ".join(failure.first_message.split())[:200]
        yield f"failed: {failure.requests:,} × {failure.name} ({first})"
    if summary.fell_behind:
        yield (
            f"warning: the generator fell behind ({words.milliseconds(summary.late_s.p99)} late at the 99th "
            "percentile), and the latencies hold that; send less, or from a machine with more to spare"
        )
    for note in summary.notes:
        yield f"note: {note}"
