"""Cost against the share of requests that met the SLO: one dot a configuration, one line a policy."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bokeh.models import FixedTicker, Span
from bokeh.plotting import figure

from simulations.report import charts
from simulations.sweeps.frontier import Point, frontier

LEVELS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
PERFECT = 0.9995
"""Where 100 % is drawn: the scale below has no end."""

PALETTE = (
    "#1c7ed6", "#2f9e44", "#9c36b5", "#0c8599", "#e0a800", "#5c940d", "#e64980", "#495057", "#1864ab",
    "#8d6e00", "#5f3dc4", "#087f5b", "#8a3324", "#66a3ad",
)  # fmt: skip
FIXED = {"hearth": "#d9480f", "oracle": "#000000", "lower-bound": "#868e96"}


def colors(policies: Sequence[str]) -> dict[str, str]:
    """A colour for each policy; ours, the oracle and the bound always have the same one."""
    others = [policy for policy in policies if policy not in FIXED]
    return {**FIXED, **{policy: PALETTE[i % len(PALETTE)] for i, policy in enumerate(others)}}


def draw(points: Mapping[str, Sequence[Point]], target_ratio: float) -> Any:
    """The frontier of every policy. A setting that is dearer *and* worse than another is a hollow dot."""
    plot = figure(
        height=380,
        sizing_mode="stretch_width",
        tools="pan,box_zoom,reset",
        active_drag="box_zoom",
        min_border_left=64,
        x_axis_label="GPU-hours (less is better)",
        y_axis_label="requests that met the SLO",
    )
    charts.quiet(plot)
    ticks = {nines(level): f"{100 * level:g} %" for level in LEVELS} | {nines(1.0): "100 %"}
    plot.yaxis.ticker = FixedTicker(ticks=list(ticks))
    plot.yaxis.major_label_overrides = ticks
    plot.add_layout(
        Span(location=nines(target_ratio), dimension="width", line_color=charts.LIMIT, line_dash="dashed")
    )
    palette = colors(list(points))
    entries = [(policy, _one(plot, policy, palette[policy], mine)) for policy, mine in points.items() if mine]
    charts.legend(plot, entries)
    plot.legend.ncols = 7
    return plot


def nines(ratio: float) -> float:
    """A scale that spreads what matters near 100 %: 0.9 -> 1, 0.99 -> 2, 0.999 -> 3 (and 0.9995 for 1)."""
    return -math.log10(1 - min(ratio, PERFECT))


def _one(plot: Any, policy: str, color: str, points: Sequence[Point]) -> list[Any]:
    best = frontier(points)
    line = plot.line(
        x=[p.gpu_hours for p in best],
        y=[nines(p.attainment_ratio) for p in best],
        line_color=color,
        line_width=2,
    )
    dots = charts.source(
        {
            "x": [p.gpu_hours for p in points],
            "y": [nines(p.attainment_ratio) for p in points],
            "policy": [policy] * len(points),
            "label": [p.label or "as its authors ship it" for p in points],
            "met": [f"{100 * p.attainment_ratio:.2f} %" for p in points],
            "fill": [color if p in best else "#ffffff" for p in points],
        }
    )
    marker = {"oracle": "star", "lower-bound": "diamond"}.get(policy, "circle")
    size = 13 if policy in FIXED else 9
    scatter = plot.scatter(
        x="x",
        y="y",
        source=dots,
        marker=marker,
        size=size,
        fill_color="fill",
        line_color=color,
        line_width=1.5,
    )
    tips = [("policy", "@policy"), ("settings", "@label"), ("met the SLO", "@met"), ("GPU-hours", "@x{0.00}")]
    charts.hover(plot, [scatter], tips)
    return [line, scatter]
