"""The pages in a real browser: they draw, they complain about nothing, and they cannot reach the network.

The page's own Content-Security-Policy forbids every connection: an attempt would be an error on the console.
"""

import re
from pathlib import Path

import pytest

from simulations.report import sweep_page, write
from tests.report.builders import a_comparison, a_recommendation, a_story, chapters, rows
from tests.report.chromium import Look, look

pytestmark = pytest.mark.browser


def drawn(seen: Look) -> int:
    return len(re.findall(r'class="chart"[^>]*data-drawn="yes"', seen.dom))


def problems(seen: Look) -> list[str]:
    """Everything on the console but Bokeh's two lines of small talk."""
    return [line for line in seen.console if "log level" not in line and "document idle" not in line]


NASTY = "<img src=x onerror=document.title='pwned'><b>rate 3 of 4</b>"


def test_the_page_of_a_run_draws_its_charts_and_is_silent(tmp_path: Path) -> None:
    seen = look(write.run(a_story(timeline=rows(3600, reason=NASTY)), "0"), tmp_path)
    assert problems(seen) == []
    assert drawn(seen) == 1
    assert seen.canvases >= 8  # at least one for each chart over time
    assert f"why {NASTY}" in seen.tooltip  # the reason under the pointer, as text
    assert "<title>hearth on" in seen.dom


def test_a_comparison_draws_what_is_open_and_leaves_folded_charts_for_later(tmp_path: Path) -> None:
    seen = look(write.comparison("t", "l", chapters("hearth", "kv", "static:4"), "0"), tmp_path)
    assert problems(seen) == []
    assert drawn(seen) == 3  # frontier, fleets, and the first policy over time
    assert len(re.findall(r'data-item="item-\d+"', seen.dom)) == 2


def test_the_page_of_a_sweep_draws_its_frontier_and_is_silent(tmp_path: Path) -> None:
    comparisons = a_comparison()
    page = sweep_page.render("azure-conv", comparisons, a_recommendation(comparisons), "0")
    seen = look(page, tmp_path)
    assert problems(seen) == []
    assert drawn(seen) == len(comparisons)


def test_the_policy_of_the_page_holds_back_a_request(tmp_path: Path) -> None:
    page = write.run(a_story(), "0").replace("<footer>", '<img src="http://127.0.0.1:9/x.png"><footer>')
    assert any("Content Security Policy" in line for line in problems(look(page, tmp_path)))
