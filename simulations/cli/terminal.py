"""Results for a person at a terminal: tables that fit 80 columns. Results on stdout, the rest on stderr."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from simulations import words
from simulations.report.tables import fleet, meets
from simulations.result import Distribution, Result
from simulations.searches import Bound
from simulations.sweeps.analysis import Comparison, Standing
from simulations.sweeps.frontier import reaches
from simulations.sweeps.recommend import Recommendation


def out() -> Console:
    """Results. Width and colour follow the terminal (or ``COLUMNS``); no markup in what users named."""
    return Console(highlight=False, markup=False)


def err() -> Console:
    """Progress and remarks."""
    return Console(stderr=True, highlight=False, markup=False)


def plain_table(title: str | None, columns: Sequence[str]) -> Table:
    """Words left, figures right, no lines."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    table.add_column(columns[0], no_wrap=True)
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def show_run(console: Console, result: Result) -> None:
    """One run: what it came to, then its latencies."""
    console.print(f"{result.policy} on {result.trace}, seed {result.seed}", style="bold", soft_wrap=True)
    facts = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for name, value in _facts(result):
        facts.add_row(name, value)
    console.print(facts)
    console.print()
    latencies = plain_table(None, ("seconds", "mean", "p50", "p90", "p99"))
    for name, values in _latencies(result):
        latencies.add_row(name, *(words.seconds(getattr(values, p)) for p in ("mean", "p50", "p90", "p99")))
    console.print(latencies)
    for note in result.notes:
        console.print(f"note: {note}", style="dim")


def _facts(result: Result) -> list[tuple[str, str]]:
    slo = result.scenario.slo
    aim = f"aim {100 * slo.target:g} %, {'met' if meets(result) else 'missed'}"
    starts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in result.cold_starts if count)
    span = words.span(result.timeline[-1].t_us / 1e6) if result.timeline else words.NOTHING
    return [
        ("trace", f"{result.requests:,} requests, {span} simulated"),
        ("met the SLO", f"{words.percent(result.slo_attainment)} of {result.requests:,} ({aim})"),
        (f"with TTFT <= {slo.ttft_ms:g} ms for all", words.percent(result.slo_attainment_flat_ttft)),
        ("unanswered", f"{result.dropped:,} dropped, {result.unfinished:,} unfinished"),
        ("GPU-hours", f"{result.gpu_hours:.2f} (cost {result.cost:.2f})"),
        ("replicas", f"{result.mean_replicas:.2f} on average, {result.peak_replicas} at most"),
        ("scale-ups, scale-downs", f"{result.scale_ups}, {result.scale_downs}"),
        ("cold starts", f"{result.starts}" + (f" ({starts})" if starts else "")),
        ("preemptions", f"{result.preemptions:,}"),
        ("tokens in, out", f"{result.tokens_in:,}, {result.tokens_out:,}"),
    ]


def _latencies(result: Result) -> list[tuple[str, Distribution]]:
    return [
        ("wait in queue", result.queue_s),
        ("TTFT", result.ttft_s),
        ("ITL", result.itl_s),
        ("TPOT", result.tpot_s),
        ("end to end", result.e2e_s),
    ]


def show_policies(console: Console, title: str, results: Sequence[Result]) -> None:
    """Several policies on one trace, one row each."""
    columns = ("policy", "SLO met", "GPU-h", "replicas", "peak", "starts", "TTFT p50", "TTFT p99", "ITL p99")
    table = plain_table(title, columns)
    for r in results:
        table.add_row(
            *fleet(r),
            words.seconds(r.ttft_s.p50),
            words.seconds(r.ttft_s.p99),
            words.seconds(r.itl_s.p99),
            style="bold" if meets(r) else None,
        )
    console.print(table)


def show_comparison(console: Console, comparison: Comparison) -> None:
    """One condition of a sweep: operating points, then GPU-hours at equal attainment."""
    points = plain_table(
        f"{comparison.condition}: cheapest setting that reaches {100 * comparison.target_ratio:g} %",
        ("policy", "setting", "SLO met", "GPU-h", "Δ SLO", "Δ GPU-h"),
    )
    for standing in comparison.standings:
        points.add_row(*_operating_point(standing), style=_weight(standing, comparison.target_ratio))
    console.print(points)
    console.print("Δ: against hearth, paired by seed; ±: 95 % confidence", style="dim")
    console.print()
    console.print(_at_equal_attainment(comparison))


def _at_equal_attainment(comparison: Comparison) -> Table:
    levels = [one.level_ratio for one in comparison.standings[0].at_levels]
    middle = len(levels) // 2
    ours = any(standing.at_levels[middle].versus_ours for standing in comparison.standings)
    oracle = any(standing.at_levels[middle].versus_oracle for standing in comparison.standings)
    bound = any(standing.at_levels[middle].versus_bound for standing in comparison.standings)
    last = ["Δ"] * ours + ["÷ oracle"] * oracle + ["÷ bound"] * bound
    remark = f" ({', '.join(last)}: at {100 * levels[middle]:g} %)" if last else ""
    costs = plain_table(
        f"GPU-hours at equal attainment{remark}",
        ("policy", *(f"at {100 * level:g} %" for level in levels), *last),
    )
    for standing in comparison.standings:
        at = standing.at_levels[middle]
        costs.add_row(
            standing.family,
            *(words.cost(one.cost) for one in standing.at_levels),
            *[words.interval(at.versus_ours, 100, "%")] * ours,
            *[words.ratio(at.versus_oracle)] * oracle,
            *[words.ratio(at.versus_bound)] * bound,
        )
    return costs


def _operating_point(standing: Standing) -> tuple[str, ...]:
    chosen = standing.chosen
    return (
        standing.family,
        chosen.label or "default",
        words.percent(chosen.attainment_ratio),
        f"{chosen.gpu_hours:.2f}",
        words.interval(standing.attainment_versus_ours, 100, "pt"),
        words.interval(standing.gpu_hours_versus_ours, 100, "%"),
    )


def _weight(standing: Standing, target_ratio: float) -> str | None:
    return "bold" if reaches(standing.chosen.attainment_ratio, target_ratio) else None


def show_recommendation(console: Console, recommendation: Recommendation, written: Path) -> None:
    """Which ScaledObject, and what it was judged on."""
    verdict = "" if recommendation.reached else " (no setting reached the target; this one comes closest)"
    console.print(f"Recommended: hearth, {recommendation.label or 'default settings'}{verdict}", style="bold")
    for line in recommendation.judged_on:
        console.print(f"  {line}")
    console.print(f"ScaledObject: {written}")


def show_bound(console: Console, found: Bound) -> None:
    """What no schedule undercuts."""
    bound = found.bound
    console.print(
        f"No schedule serves {words.percent(bound.attainment_ratio)} of {found.requests:,} requests of "
        f"{found.trace} in time with fewer than {bound.gpu_hours:.2f} GPU-hours "
        f"({bound.mean_replicas:.2f} replicas on average)."
    )
    if not bound.reachable:
        console.print("More requests than may be missed can never be served: the target is out of reach.")
