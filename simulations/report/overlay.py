"""Several policies' fleets over the same load, in one chart."""

from collections.abc import Sequence
from typing import Any

from bokeh.layouts import column

from simulations.report import charts, frontier_chart, thin
from simulations.report.story import Story

FIRST_SHOWN = 4
"""Lines shown from the start; the others are one click away."""


def draw(stories: Sequence[Story], limit: int) -> Any:
    """Ready replicas of every policy above the arrivals that all of them saw."""
    end_s = max(
        (story.result.timeline[-1].t_us / 1e6 for story in stories if story.result.timeline), default=1.0
    )
    x_range = charts.time_range(end_s)
    plots = [_replicas(stories, x_range, limit), _arrivals(stories[0], x_range)]
    charts.share_crosshair(plots)
    return column(*plots, sizing_mode="stretch_width")


def _replicas(stories: Sequence[Story], x_range: Any, limit: int) -> Any:
    plot = charts.over_time("Ready replicas", 300, x_range, unit="replicas")
    charts.whole_numbers(plot)
    palette = frontier_chart.colors([story.result.policy for story in stories])
    entries = []
    for i, story in enumerate(stories):
        policy = story.result.policy
        rows = thin.thinned(thin.changes(story.result.timeline), limit)
        counts = charts.source(
            {
                "t": [row.t_us / 1e6 for row in rows],
                "clock": [charts.clock(row.t_us / 1e6) for row in rows],
                "ready": [row.ready for row in rows],
                "policy": [policy] * len(rows),
            }
        )
        line = plot.step(
            x="t", y="ready", source=counts, mode="after", line_color=palette[policy], line_width=1.8
        )
        line.visible = i < FIRST_SHOWN
        charts.hover(plot, [line], [("policy", "@policy"), ("at", "@clock"), ("ready", "@ready")])
        entries.append((policy, [line]))
    charts.legend(plot, entries)
    plot.legend.ncols = 7
    return plot


def _arrivals(story: Story, x_range: Any) -> Any:
    plot = charts.over_time("Arrivals", 120, x_range, unit="requests/s")
    plot.y_range.start = 0
    charts.rate_bars(
        plot, [b.t_s for b in story.bins], [b.arrived / story.bin_s for b in story.bins], story.bin_s
    )
    return plot
