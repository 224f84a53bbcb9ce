"""What stands on a page: everything in it, nothing from elsewhere, all text escaped, small enough to mail."""

import re
from functools import cache

import pytest

from simulations.report import charts, sweep_page, write
from tests.report.builders import a_comparison, a_recommendation, a_story, chapters, rows

MEGABYTES_MAX = 5


def without_bokeh(page: str) -> str:
    """What we wrote: Bokeh's own source names its home page in comments."""
    return page.replace(charts.script(), "")


@cache
def pages() -> dict[str, str]:
    """Made once: Bokeh takes a third of a second for each run."""
    comparisons = a_comparison()
    return {
        "run": write.run(a_story(), "0"),
        "comparison": write.comparison("t", "l", chapters("hearth", "kv"), "0"),
        "sweep": sweep_page.render("azure-conv", comparisons, a_recommendation(comparisons), "0"),
    }


def test_no_page_names_anything_outside_itself() -> None:
    for page in pages().values():
        assert re.findall(r"""(?:src|href)\s*=\s*["']?(?!["']?data:)""", without_bokeh(page)) == []
        assert re.findall(r"https?://|url\(|@import", without_bokeh(page)) == []
        assert "default-src &#x27;none&#x27;" in page


NASTY = '<img src=x onerror="alert(1)"></script><b>&'


def test_names_and_reasons_are_text_wherever_they_come_from() -> None:
    story = a_story(policy="hearth", trace=NASTY, notes=(NASTY,), timeline=rows(600, reason=NASTY))
    page = without_bokeh(write.run(story, NASTY))
    assert "<img" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert page.count("</script>") == page.count("<script")  # no text ends a script early


def test_a_day_with_a_decision_every_15_s_stays_small() -> None:
    day = write.run(a_story(span_s=86_400, timeline=rows(86_400, step_s=5, reason="x" * 300)), "0")
    assert len(day.encode()) < MEGABYTES_MAX * 1e6


def test_a_comparison_of_twelve_policies_on_two_loads_stays_small() -> None:
    names = (
        "hearth",
        "kv",
        "queue",
        "inflight",
        "kpa",
        "apa",
        "wva",
        "llmd-slo",
        "llmd-tokens",
        "dynamo",
        "a",
        "b",
    )
    page = write.comparison("t", "l", chapters(*names, span_s=3600, pages=2), "0")
    assert len(page.encode()) < MEGABYTES_MAX * 1e6


def test_a_run_without_requests_or_timeline_still_makes_a_page() -> None:
    story = a_story(attainment=None, timeline=())
    assert "–" in write.run(story, "0")


def test_the_frontier_scale_spreads_what_lies_near_all() -> None:
    from simulations.report.frontier_chart import nines

    assert nines(0.9) == pytest.approx(1)
    assert nines(0.99) == pytest.approx(2)
    assert nines(1.0) > nines(0.999)


def test_the_sweep_page_says_what_the_recommendation_was_judged_on() -> None:
    comparisons = a_comparison()
    found = a_recommendation(comparisons)
    page = sweep_page.render("azure-conv", comparisons, found, "0")
    for line in found.judged_on:
        assert line in page
    assert "kind: ScaledObject" in page
