"""One run over time: replicas, cold starts, load, queue, KV cache, SLO, latencies, all on one time axis."""

from collections.abc import Callable, Sequence
from typing import Any

from bokeh.layouts import column
from bokeh.models import FixedTicker, NumeralTickFormatter, Range1d, Span

from simulations.report import charts, thin
from simulations.report.story import Bin, Percentiles, Start, Story

ROWS_LIMIT = 720
"""Points of one series: about one for each two pixels of a wide screen."""
STARTS_LIMIT = 1500
REASON_LENGTH = 240
LATENCY_TICKS_MS = [m * 10.0**k for k in range(-1, 7) for m in (1, 2, 5)]


def draw(story: Story, rows_limit: int = ROWS_LIMIT) -> Any:
    """All charts of one run, one below the other."""
    rows = story.result.timeline
    x_range = charts.time_range(rows[-1].t_us / 1e6 if rows else 1.0)
    plots = [
        _replicas(story, x_range, rows_limit),
        *([_cold_starts(story.starts, x_range)] if story.starts else []),
        _attainment(story, x_range),
        _arrivals(story, x_range),
        _queue(story, x_range, rows_limit),
        _kv(story, x_range, rows_limit),
        _latency(
            story, x_range, "Time to first token", lambda b: b.ttft_s, story.result.scenario.slo.ttft_ms
        ),
        _latency(story, x_range, "Time between tokens", lambda b: b.itl_s, story.result.scenario.slo.itl_ms),
    ]
    charts.share_crosshair(plots)
    return column(*plots, sizing_mode="stretch_width")


def _replicas(story: Story, x_range: Any, limit: int) -> Any:
    plot = charts.over_time("Replicas", 260, x_range, unit="replicas")
    charts.whole_numbers(plot)
    steps = thin.changes(story.result.timeline)
    counts = charts.source(
        {
            "t": [row.t_us / 1e6 for row in steps],
            "ready": [row.ready for row in steps],
            "total": [row.ready + row.pending for row in steps],
            "spec": [row.spec for row in steps],
            "zero": [0] * len(steps),
        }
    )
    areas = {"x": "t", "source": counts, "step_mode": "after"}
    ready = plot.varea_step(y1="zero", y2="ready", fill_color=charts.READY, fill_alpha=0.75, **areas)
    pending = plot.varea_step(y1="ready", y2="total", fill_color=charts.PENDING, fill_alpha=0.7, **areas)
    spec = plot.step(x="t", y="spec", source=counts, mode="after", line_color=charts.SPEC, line_width=2)
    wanted = _wanted(plot, story, limit)
    marks = _decisions(plot, story, limit)
    charts.legend(
        plot,
        [
            ("ready", [ready]),
            ("starting", [pending]),
            ("told to Kubernetes (spec)", [spec]),
            ("wanted by the policy", [wanted]),
            ("decision (point at one)", [marks]),
        ],
    )
    return plot


def _wanted(plot: Any, story: Story, limit: int) -> Any:
    rows = thin.asked(story.result.timeline, limit)
    asks = charts.source(
        {
            "t": [row.t_us / 1e6 for row in rows],
            "clock": [charts.clock(row.t_us / 1e6) for row in rows],
            "wanted": [_or_gap(row.wanted) for row in rows],
            "spec": [row.spec for row in rows],
            "ready": [row.ready for row in rows],
            "pending": [row.pending for row in rows],
            "reason": [_short(row.reason) for row in rows],
        }
    )
    line = plot.line(
        x="t", y="wanted", source=asks, line_color=charts.WANTED, line_width=1.5, line_dash=[4, 3]
    )
    charts.hover(
        plot,
        [line],
        [
            ("at", "@clock"),
            ("wanted", "@wanted{0.0}"),
            ("spec, ready, starting", "@spec, @ready, @pending"),
            ("why", "@reason"),
        ],
        along=True,
    )
    return line


def _decisions(plot: Any, story: Story, limit: int) -> Any:
    moves = list(thin.moved(story.result.timeline))
    moves = moves[:: max(1, -(-len(moves) // limit))]
    marks = charts.source(
        {
            "t": [row.t_us / 1e6 for row, _ in moves],
            "clock": [charts.clock(row.t_us / 1e6) for row, _ in moves],
            "spec": [row.spec for row, _ in moves],
            "move": [f"{before} → {row.spec}" for row, before in moves],
            "marker": ["triangle" if row.spec > before else "inverted_triangle" for row, before in moves],
            "reason": [_short(row.reason) for row, _ in moves],
        }
    )
    points = plot.scatter(
        x="t", y="spec", marker="marker", size=9, source=marks, fill_color="#ffffff", line_color=charts.SPEC
    )
    charts.hover(plot, [points], [("at", "@clock"), ("replicas", "@move"), ("why", "@reason")])
    return points


def _cold_starts(starts: Sequence[Start], x_range: Any) -> Any:
    shown = sorted(starts, key=lambda s: s.created_s - s.ended_s)[:STARTS_LIMIT]
    shown.sort(key=lambda s: s.created_s)
    lanes = _lanes(shown)
    count = max(lanes) + 1
    title = "Cold starts: from creation to ready"
    plot = charts.over_time(title, 90 + min(170, 12 * count), x_range, unit="at once")
    plot.y_range = Range1d(0, max(3, count))
    plot.yaxis.ticker = FixedTicker(ticks=sorted({0, max(3, count)}))
    entries = []
    for kind, color in charts.KINDS.items():
        mine = [(start, lane) for start, lane in zip(shown, lanes, strict=True) if start.kind == kind]
        if mine:
            entries.append((_kind_label(kind), [_bars(plot, mine, color)]))
    charts.legend(plot, entries)
    return plot


def _bars(plot: Any, mine: Sequence[tuple[Start, int]], color: str) -> Any:
    bars = charts.source(
        {
            "left": [start.created_s for start, _ in mine],
            "right": [start.ended_s for start, _ in mine],
            "bottom": [lane + 0.12 for _, lane in mine],
            "top": [lane + 0.88 for _, lane in mine],
            "clock": [charts.clock(start.created_s) for start, _ in mine],
            "took": [_took(start) for start, _ in mine],
            "pod": [start.serial for start, _ in mine],
            "alpha": [0.9 if start.ready else 0.4 for start, _ in mine],
        }
    )
    quads = plot.quad(
        left="left", right="right", bottom="bottom", top="top", source=bars,
        fill_color=color, fill_alpha="alpha", line_color=None,
    )  # fmt: skip
    charts.hover(plot, [quads], [("pod", "@pod"), ("created", "@clock"), ("start", "@took")])
    return quads


def _took(start: Start) -> str:
    seconds = f"{start.ended_s - start.created_s:.0f} s"
    return f"ready after {seconds}" if start.ready else f"never ready ({seconds})"


def _kind_label(kind: str) -> str:
    return {
        "cached": "weights on the node",
        "uncached": "weights fetched first",
        "new_node": "on a node that was added",
        "unbound": "found no GPU",
    }[kind]


def _lanes(starts: Sequence[Start]) -> list[int]:
    """A lane for each start, the lowest that is free: as many lanes as starts at once."""
    free_from: list[float] = []
    lanes = []
    for start in starts:
        lane = next((i for i, free_s in enumerate(free_from) if free_s <= start.created_s), len(free_from))
        free_from[lane : lane + 1] = [start.ended_s]
        lanes.append(lane)
    return lanes


def _attainment(story: Story, x_range: Any) -> Any:
    target = story.result.scenario.slo.target
    plot = charts.over_time("Requests that met the SLO, by time of arrival", 150, x_range, unit="share")
    plot.y_range = Range1d(0, 1.04)
    plot.yaxis.formatter = NumeralTickFormatter(format="0 %")
    bins = [b for b in story.bins if b.arrived]
    shares = [b.met / b.arrived for b in bins]
    columns = charts.source(
        {
            **_edges(bins, story.bin_s),
            "share": shares,
            "zero": [0] * len(bins),
            "color": [charts.KINDS["cached"] if share >= target else charts.LIMIT for share in shares],
            "count": [f"{b.met} of {b.arrived}" for b in bins],
        }
    )
    bars = plot.quad(
        left="left", right="right", bottom="zero", top="share", source=columns,
        fill_color="color", fill_alpha=0.7, line_color=None,
    )  # fmt: skip
    plot.add_layout(
        Span(location=target, dimension="width", line_color=charts.INK, line_dash="dashed", line_width=1)
    )
    charts.hover(plot, [bars], [("from", "@clock"), ("met", "@share{0.0 %} (@count)")])
    return plot


def _arrivals(story: Story, x_range: Any) -> Any:
    plot = charts.over_time("Arrivals", 130, x_range, unit="requests/s")
    plot.y_range.start = 0
    charts.rate_bars(
        plot, [b.t_s for b in story.bins], [b.arrived / story.bin_s for b in story.bins], story.bin_s
    )
    return plot


def _queue(story: Story, x_range: Any, limit: int) -> Any:
    plot = charts.over_time("Requests in the fleet", 160, x_range, unit="requests")
    plot.y_range.start = 0
    rows = thin.worst(story.result.timeline, limit)
    counts = charts.source(
        {
            "t": [row.t_us / 1e6 for row in rows],
            "clock": [charts.clock(row.t_us / 1e6) for row in rows],
            "waiting": [row.waiting for row in rows],
            "running": [row.running for row in rows],
            "zero": [0] * len(rows),
        }
    )
    running = plot.line(x="t", y="running", source=counts, line_color=charts.P90, line_width=1.5)
    area = plot.varea(x="t", y1="zero", y2="waiting", source=counts, fill_color=charts.LIMIT, fill_alpha=0.3)
    waiting = plot.line(x="t", y="waiting", source=counts, line_color=charts.LIMIT, line_width=1.5)
    charts.hover(
        plot, [running], [("at", "@clock"), ("running", "@running"), ("waiting", "@waiting")], along=True
    )
    charts.legend(plot, [("being served", [running]), ("waiting", [waiting, area])])
    return plot


def _kv(story: Story, x_range: Any, limit: int) -> Any:
    plot = charts.over_time("KV cache in use, mean of ready replicas", 130, x_range, unit="share")
    plot.y_range = Range1d(0, 1.04)
    plot.yaxis.formatter = NumeralTickFormatter(format="0 %")
    rows = thin.worst(story.result.timeline, limit)
    usage = charts.source(
        {
            "t": [row.t_us / 1e6 for row in rows],
            "clock": [charts.clock(row.t_us / 1e6) for row in rows],
            "kv": [_or_gap(row.kv) for row in rows],
        }
    )
    line = plot.line(x="t", y="kv", source=usage, line_color="#6a51a3", line_width=1.5)
    charts.hover(plot, [line], [("at", "@clock"), ("in use", "@kv{0 %}")], along=True)
    return plot


def _latency(
    story: Story, x_range: Any, title: str, of: Callable[[Bin], Percentiles | None], limit_ms: float
) -> Any:
    plot = charts.over_time(f"{title}, by time of arrival", 190, x_range, unit="ms", log=True)
    plot.yaxis.ticker = FixedTicker(ticks=LATENCY_TICKS_MS)
    plot.yaxis.formatter = NumeralTickFormatter(format="0,0.[0]")
    bins = [(b, percentiles) for b in story.bins if (percentiles := of(b))]
    values = charts.source(
        {
            "t": [b.t_s + story.bin_s / 2 for b, _ in bins],
            "clock": [charts.clock(b.t_s) for b, _ in bins],
            **{name: [1000 * getattr(p, name) for _, p in bins] for name in ("p50", "p90", "p99")},
        }
    )
    lines = [
        plot.line(x="t", y=name, source=values, line_color=color, line_width=1.6)
        for name, color in (("p50", charts.P50), ("p90", charts.P90), ("p99", charts.P99))
    ]
    ends = [0, x_range.end]
    plot.line(x=ends, y=[limit_ms, limit_ms], line_color=charts.LIMIT, line_dash="dashed")  # inside the range
    tips = [("from", "@clock"), *((name, f"@{name}{{0,0.0}} ms") for name in ("p50", "p90", "p99"))]
    charts.hover(plot, lines[2:], tips, along=True)
    charts.legend(plot, [("half are faster", lines[:1]), ("9 of 10", lines[1:2]), ("99 of 100", lines[2:])])
    return plot


def _edges(bins: Sequence[Bin], bin_s: int) -> dict[str, list[Any]]:
    return {
        "left": [b.t_s for b in bins],
        "right": [b.t_s + bin_s for b in bins],
        "clock": [charts.clock(b.t_s) for b in bins],
    }


def _or_gap(value: float | None) -> float:
    return float("nan") if value is None else round(value, 4)


def _short(reason: str) -> str:
    return reason if len(reason) <= REASON_LENGTH else reason[: REASON_LENGTH - 1] + "…"
