"""The one door to Bokeh: figures in our style, and their JSON for the page.

Bokeh builds its models at run time and has no usable types, so what comes from it is ``Any``, here and in
the modules that draw, and nowhere else.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bokeh.embed import json_item
from bokeh.models import (
    AdaptiveTicker,
    BasicTicker,
    ColumnDataSource,
    CrosshairTool,
    CustomJSTickFormatter,
    HoverTool,
    Legend,
    LegendItem,
    Range1d,
)
from bokeh.plotting import figure
from bokeh.resources import Resources
from bokeh.themes import Theme

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
READY, PENDING, SPEC, WANTED = "#9cc5e8", "#f2a65a", "#16324f", "#d9480f"
P50, P90, P99 = "#74a9cf", "#2b7bba", "#08306b"
LIMIT = "#c92a2a"
KINDS = {"cached": "#5aa469", "uncached": "#f2a65a", "new_node": "#a35638", "unbound": "#b0b7bf"}
"""Colours of cold starts, and of pods that found no node."""

HOURS_TICKS = """
const s = Math.round(tick), h = Math.floor(s / 3600), m = Math.floor(s % 3600 / 60), r = s % 60
const two = n => String(n).padStart(2, "0")
return r == 0 ? `${h}:${two(m)}` : `${h}:${two(m)}:${two(r)}`
"""

_FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif"
THEME = Theme(
    json={
        "attrs": {
            "Plot": {
                "background_fill_color": "#ffffff",
                "border_fill_color": "#ffffff",
                "outline_line_color": None,
            },
            "Axis": {
                "axis_line_color": "#cbd2d9",
                "major_tick_line_color": "#cbd2d9",
                "minor_tick_line_color": None,
                "major_label_text_color": MUTED,
                "major_label_text_font": _FONT,
                "axis_label_text_color": MUTED,
                "axis_label_text_font": _FONT,
                "axis_label_text_font_style": "normal",
                "axis_label_text_font_size": "12px",
            },
            "Grid": {"grid_line_color": GRID},
            "Title": {"text_color": INK, "text_font": _FONT, "text_font_size": "14px"},
            "Legend": {
                "label_text_font": _FONT,
                "label_text_font_size": "12px",
                "label_text_color": INK,
                "border_line_color": None,
                "background_fill_alpha": 0,
                "padding": 2,
                "margin": 0,
                "spacing": 14,
                "glyph_height": 14,
                "click_policy": "hide",
            },
        }
    }
)


def script() -> str:
    """Bokeh's own JavaScript, whole, as its Python package ships it: the page needs no network."""
    resources = Resources(mode="inline", components=["bokeh"], minified=True)
    return "\n".join(resources.js_raw)


def item(model: Any) -> str:
    """A drawing as JSON that may stand inside a ``<script>`` element."""
    return json.dumps(json_item(model, theme=THEME), allow_nan=False).replace("</", "<\\/")


def whole_numbers(plot: Any) -> None:
    """No half replicas on the axis, and zero at its foot."""
    plot.y_range.start = 0
    plot.yaxis.ticker = BasicTicker(min_interval=1, num_minor_ticks=0)


def time_range(end_s: float) -> Any:
    """One horizontal range for all charts of a run: dragging in one moves them all."""
    return Range1d(start=0, end=end_s, bounds=(0, end_s), min_interval=10)


def over_time(title: str, height: int, x_range: Any, *, unit: str, log: bool = False) -> Any:
    """An empty chart over simulated time."""
    plot = figure(
        title=title,
        height=height,
        x_range=x_range,
        y_axis_type="log" if log else "linear",
        sizing_mode="stretch_width",
        tools="xpan,xbox_zoom,reset",
        active_drag="xbox_zoom",
        toolbar_location="above",
        min_border_left=64,
    )
    quiet(plot)
    plot.xaxis.ticker = AdaptiveTicker(base=60, mantissas=[1, 2, 5, 10, 15, 20, 30], desired_num_ticks=8)
    plot.xaxis.formatter = CustomJSTickFormatter(code=HOURS_TICKS)
    plot.yaxis.axis_label = unit
    return plot


def quiet(plot: Any) -> None:
    """No logo, tools only while the pointer is there, lines across but not down."""
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.xgrid.grid_line_color = None


def share_crosshair(plots: Sequence[Any]) -> None:
    """One vertical hair line through all charts, where the pointer is."""
    from bokeh.models import Span

    hair = Span(dimension="height", line_color=MUTED, line_dash="dotted", line_width=1)
    for plot in plots:
        plot.add_tools(CrosshairTool(overlay=hair))


def source(columns: Mapping[str, Sequence[Any]]) -> Any:
    """Columns for a glyph. None becomes NaN on the way, which draws as a gap."""
    return ColumnDataSource(data={name: list(values) for name, values in columns.items()})


def hover(
    plot: Any, renderers: Sequence[Any], tooltips: Sequence[tuple[str, str]], *, along: bool = False
) -> None:
    """Say what is under the pointer. ``along``: the nearest moment in time, not the exact point.

    Values are filled in by Bokeh, which escapes them (tests/report holds it to that).
    """
    lines = "".join(
        f'<div><span style="color: {MUTED}">{escape(name)}</span> {value}</div>' for name, value in tooltips
    )
    plot.add_tools(
        HoverTool(
            renderers=list(renderers),
            tooltips=f'<div style="max-width: 26em; overflow-wrap: break-word">{lines}</div>',
            mode="vline" if along else "mouse",
            point_policy="snap_to_data",
            attachment="horizontal",
        )
    )


def rate_bars(plot: Any, starts_s: Sequence[float], rates: Sequence[float], width_s: float) -> None:
    """Requests a second, one bar a stretch of time."""
    bars = source(
        {
            "left": starts_s,
            "right": [start + width_s for start in starts_s],
            "clock": [clock(start) for start in starts_s],
            "rate": rates,
            "zero": [0] * len(rates),
        }
    )
    quads = plot.quad(
        left="left",
        right="right",
        bottom="zero",
        top="rate",
        source=bars,
        fill_color="#8fa3b8",
        line_color=None,
    )
    hover(plot, [quads], [("from", "@clock"), ("arrivals", "@rate{0.00}/s")])


def legend(plot: Any, entries: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """A legend in one row above the chart; a click hides a series."""
    items = [LegendItem(label=label, renderers=list(renderers)) for label, renderers in entries]
    plot.add_layout(Legend(items=items, orientation="horizontal"), "above")


def clock(seconds: float) -> str:
    """``h:mm:ss`` of simulated time, as the axes write it."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
