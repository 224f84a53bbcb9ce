"""The page around tables and charts: one HTML file that needs nothing else and forbids itself the network.

A chart is drawn when its section is opened, so that a page with twenty of them opens at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources

from simulations.report import charts

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
    )
)
"""Content-Security-Policy: scripts and styles of this file only, no connection. Bokeh compiles formatters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of the page. ``html`` is escaped already; ``chart`` is what :func:`charts.item` gives."""

    title: str
    caption: str = ""
    html: str = ""
    chart: str | None = None
    folded: bool | None = None
    """True: a closed fold; False: an open one; None: always shown."""
    parts: Sequence["Section"] = field(default=())


def render(title: str, lead: str, sections: Sequence[Section], footer: str) -> str:
    """The whole document."""
    drawings: list[str] = []
    body = "\n".join(_section(section, drawings, level=2) for section in sections)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>{_data('report.css')}</style>",
            "</head><body><main>",
            f'<header><h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p></header>',
            body,
            f"<footer>{escape(footer)}</footer></main>",
            *drawings,
            f"<script>{charts.script()}</script>",
            f"<script>{_data('report.js')}</script>",
            "</body></html>\n",
        ]
    )


def _section(section: Section, drawings: list[str], level: int) -> str:
    heading = escape(section.title)
    inside = [f'<p class="caption">{escape(section.caption)}</p>' if section.caption else "", section.html]
    if section.chart is not None:
        number = len(drawings)
        drawings.append(f'<script type="application/json" id="item-{number}">{section.chart}</script>')
        inside.append(f'<div class="chart" id="chart-{number}" data-item="item-{number}"></div>')
    inside += [_section(part, drawings, level + 1) for part in section.parts]
    body = "\n".join(filter(None, inside))
    if section.folded is None:
        return f"<section><h{level}>{heading}</h{level}>\n{body}</section>"
    return f"<details{'' if section.folded else ' open'}><summary>{heading}</summary>\n{body}</details>"


def _data(name: str) -> str:
    return resources.files("simulations").joinpath("data", "report", name).read_text(encoding="utf-8")
