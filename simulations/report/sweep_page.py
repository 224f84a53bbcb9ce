"""The page of a sweep: what is recommended, and for each condition the frontier and the tables behind it."""

from collections.abc import Sequence
from html import escape

from simulations import words
from simulations.report import charts, frontier_chart, page, tables
from simulations.report.write import FRONTIER_CAPTION, footer
from simulations.sweeps.analysis import Comparison, Standing, candidate_points
from simulations.sweeps.frontier import reaches
from simulations.sweeps.recommend import Recommendation

OPERATING_CAPTION = (
    "Each policy at its cheapest setting that reaches the aim (green), or at the one that comes closest. "
    "Differences are means over seeds with 95 % confidence intervals, paired by seed."
)
LEVELS_CAPTION = (
    "What each policy pays for the same share of requests within the SLO, read from its frontier. '<=': even "
    "its cheapest setting is above the level; a dash: no setting reaches it."
)


def render(
    trace: str, comparisons: Sequence[Comparison], recommendation: Recommendation | None, version: str
) -> str:
    """The whole document."""
    first = [_recommended(recommendation)] if recommendation else []
    sections = [_condition(comparison) for comparison in comparisons]
    return page.render(f"Sweep over {trace}", _lead(comparisons), [*first, *sections], footer(version))


def _lead(comparisons: Sequence[Comparison]) -> str:
    runs = sum(len(c.scores) for one in comparisons for s in one.standings for c in s.candidates)
    policies = len({s.family for one in comparisons for s in one.standings})
    conditions = "1 condition" if len(comparisons) == 1 else f"{len(comparisons)} conditions"
    return f"{runs:,} runs: {policies} policies, their settings and seeds, under {conditions}."


def _recommended(recommendation: Recommendation) -> page.Section:
    judged = "".join(f"<li>{escape(line)}</li>" for line in recommendation.judged_on)
    manifest = f"<pre>{escape(recommendation.manifest)}</pre>"
    caption = (
        "The cheapest setting tried that reached the aim under every condition of this sweep:"
        if recommendation.reached
        else "No setting reached the aim under every condition; this one comes closest:"
    )
    return page.Section(
        title=f"Recommended: hearth, {recommendation.label or 'default settings'}",
        caption=caption,
        html=f"<ul>{judged}</ul>",
        parts=(page.Section(title="The ScaledObject", html=manifest, folded=True),),
    )


def _condition(comparison: Comparison) -> page.Section:
    points = {standing.family: candidate_points(standing.candidates) for standing in comparison.standings}
    return page.Section(
        title=comparison.condition[:1].upper() + comparison.condition[1:],
        parts=(
            page.Section(
                title="Cost against SLO",
                caption=f"{FRONTIER_CAPTION} Hollow: dearer and no better than another of its policy.",
                chart=charts.item(frontier_chart.draw(points, comparison.target_ratio)),
            ),
            page.Section(title="What the aim costs", caption=OPERATING_CAPTION, html=_operating(comparison)),
            page.Section(title="At equal attainment", caption=LEVELS_CAPTION, html=_levels(comparison)),
            page.Section(title="Every setting", html=_every(comparison), folded=True),
        ),
    )


def _operating(comparison: Comparison) -> str:
    head = (
        "policy",
        "setting",
        "met the SLO",
        "worst seed",
        "GPU-hours",
        "SLO vs hearth",
        "GPU-hours vs hearth",
    )
    standings = comparison.standings
    good = [i for i, s in enumerate(standings) if reaches(s.chosen.attainment_ratio, comparison.target_ratio)]
    return tables.table(head, [_operating_row(s) for s in standings], best=good)


def _operating_row(standing: Standing) -> tuple[str, ...]:
    chosen = standing.chosen
    return (
        standing.family,
        chosen.label or "default",
        words.percent(chosen.attainment_ratio),
        words.percent(chosen.attainment_worst),
        f"{chosen.gpu_hours:.2f}",
        words.interval(standing.attainment_versus_ours, 100, "points"),
        words.interval(standing.gpu_hours_versus_ours, 100, "%"),
    )


def _levels(comparison: Comparison) -> str:
    every = [at for standing in comparison.standings for at in standing.at_levels]
    oracle = any(at.versus_oracle is not None for at in every)
    bound = any(at.versus_bound is not None for at in every)
    head = ["policy"]
    for at in comparison.standings[0].at_levels:
        head += [f"at {100 * at.level_ratio:g} %", "vs hearth"]
        head += ["÷ oracle"] * oracle + ["÷ bound"] * bound
    rows = [_levels_row(standing, oracle=oracle, bound=bound) for standing in comparison.standings]
    return tables.table(head, rows)


def _levels_row(standing: Standing, *, oracle: bool, bound: bool) -> list[str]:
    row = [standing.family]
    for at in standing.at_levels:
        row += [words.cost(at.cost), words.interval(at.versus_ours, 100, "%")]
        row += [words.ratio(at.versus_oracle)] * oracle + [words.ratio(at.versus_bound)] * bound
    return row


def _every(comparison: Comparison) -> str:
    head = (
        "policy",
        "setting",
        "met the SLO",
        "worst seed",
        "GPU-hours",
        "mean replicas",
        "TTFT p99",
        "cost",
    )
    rows = [
        (
            c.family,
            c.label or "default",
            words.percent(c.attainment_ratio),
            words.percent(c.attainment_worst),
            f"{c.gpu_hours:.2f}",
            f"{c.mean_replicas:.2f}",
            words.seconds(c.ttft_p99_s),
            f"{c.cost:.2f}",
        )
        for standing in comparison.standings
        for c in standing.candidates
    ]
    return tables.table(head, rows)
