"""The pages themselves: of one run, and of several policies on the same trace."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulations import words
from simulations.report import charts, frontier_chart, overlay, page, tables, timeline
from simulations.report.story import Story
from simulations.result import Result
from simulations.sweeps.frontier import Point

POINTS_BUDGET = 3600
"""Points of a series over all stories of a page: keeps the file of a 12-policy comparison under 5 MB."""

TIMELINE_CAPTION = (
    "All charts share the time axis: drag in one to zoom into all; the round arrow at its top right resets. "
    "Time is h:mm since the first request. Long runs are thinned so that the worst moment of each stretch is "
    "kept. Red dashed lines are the SLO."
)

FRONTIER_CAPTION = "Up and to the left is better. Red line: the aim. The scale widens near 100 %."


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A run with its charts: half a second of work, so that sweeps let their workers do it."""

    story: Story
    drawing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Several policies on one trace under the same conditions."""

    title: str
    panels: tuple[Panel, ...]


def panel(story: Story, stories_on_page: int) -> Panel:
    """Draw a run for a page that has so many of them."""
    return Panel(story=story, drawing=charts.item(timeline.draw(story, _rows_limit(stories_on_page))))


def _rows_limit(stories_on_page: int) -> int:
    return max(120, min(timeline.ROWS_LIMIT, POINTS_BUDGET // max(1, stories_on_page)))


def run(story: Story, version: str) -> str:
    """The report of one run."""
    result = story.result
    sections = [
        page.Section(title="In short", html=tables.summary(result)),
        page.Section(title="Over time", caption=TIMELINE_CAPTION, chart=charts.item(timeline.draw(story))),
        page.Section(
            title="Latencies",
            caption="Of the requests that got so far, from their arrival at the router.",
            html=tables.latencies(result),
        ),
        settings(result),
    ]
    return page.render(f"{result.policy} on {result.trace}", verdict(result), sections, footer(version))


def comparison(title: str, lead: str, chapters: Sequence[Chapter], version: str) -> str:
    """The report of several policies on one or more traces."""
    count = sum(len(chapter.panels) for chapter in chapters)
    sections = [_chapter(chapter, _rows_limit(count), first=i == 0) for i, chapter in enumerate(chapters)]
    settings_of = [settings(chapters[0].panels[0].story.result)] if count else []
    return page.render(title, lead, [*sections, *settings_of], footer(version))


def _chapter(chapter: Chapter, rows_limit: int, *, first: bool) -> page.Section:
    stories = [panel.story for panel in chapter.panels]
    results = [story.result for story in stories]
    target = results[0].scenario.slo.target
    return page.Section(
        title=chapter.title,
        caption=verdicts(results),
        html=tables.comparison(results),
        parts=(
            page.Section(
                title="Cost against SLO",
                caption=FRONTIER_CAPTION,
                chart=charts.item(frontier_chart.draw(_points(results), target)),
            ),
            page.Section(
                title="Ready replicas and arrivals",
                caption="How each policy's fleet followed the load; a click on a name hides or shows it.",
                chart=charts.item(overlay.draw(stories, rows_limit)),
            ),
            *(_over_time(panel, folded=not (first and i == 0)) for i, panel in enumerate(chapter.panels)),
        ),
    )


def _over_time(panel: Panel, *, folded: bool) -> page.Section:
    result = panel.story.result
    return page.Section(
        title=f"{result.policy} over time",
        caption=f"{verdict(result)} {TIMELINE_CAPTION}",
        chart=panel.drawing,
        folded=folded,
    )


def _points(results: Sequence[Result]) -> dict[str, list[Point]]:
    points: dict[str, list[Point]] = {}
    for result in results:
        if result.slo_attainment is not None:
            points.setdefault(family(result.policy), []).append(
                Point(label=result.policy, gpu_hours=result.gpu_hours, attainment_ratio=result.slo_attainment)
            )
    return points


def family(policy: str) -> str:
    """``static:4`` -> ``static``: the law without the number that stands in its name."""
    return policy.split(":", 1)[0]


def verdict(result: Result) -> str:
    """One run in one sentence."""
    aim = f"aim {100 * result.scenario.slo.target:g} %"
    met = "met" if tables.meets(result) else "missed"
    return (
        f"{words.percent(result.slo_attainment)} of {result.requests:,} requests met the SLO ({aim}: {met}) "
        f"with {result.gpu_hours:.2f} GPU-hours, {result.mean_replicas:.2f} replicas on average."
    )


def verdicts(results: Sequence[Result]) -> str:
    """Several runs in two sentences: who met the aim at what cost, and how to read the table."""
    good = sorted((r for r in results if tables.meets(r)), key=lambda r: r.gpu_hours)
    aim = f"{100 * results[0].scenario.slo.target:g} %"
    if not good:
        return f"No policy reached the aim of {aim} here."
    names = ", ".join(f"{r.policy} ({r.gpu_hours:.2f} GPU-hours)" for r in good)
    return f"Green rows met the aim of {aim}, cheapest first: {names}."


def settings(result: Result) -> page.Section:
    """The whole scenario, folded, so that a page says what it was made from."""
    scenario = result.scenario.model_dump(mode="json", exclude_defaults=False)
    rows = [(key, value) for section, given in scenario.items() for key, value in _flat(section, given)]
    notes = [(f"trace note {i + 1}", note) for i, note in enumerate(result.notes)]
    return page.Section(
        title="Settings of the simulation",
        caption="Every setting with the value that it had here; any of them can be given to --set.",
        html=tables.table(("setting", "value"), [*notes, *rows]),
        folded=True,
    )


def _flat(name: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [pair for key, inner in value.items() for pair in _flat(f"{name}.{key}", inner)]
    return [(name, "default" if value is None else str(value))]


def footer(version: str) -> str:
    """Who made the page."""
    return f"Made by hearth {version}. Simulated; `make bench` shows the engine model beside measured runs."
