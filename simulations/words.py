"""Figures as people read them: the same in the terminal and in the report."""

from simulations.sweeps.frontier import Cost
from simulations.sweeps.paired import Interval

NOTHING = "–"
"""There was nothing to measure, or it was not reached. Never zero."""


def percent(share: float | None) -> str:
    """``98.70 %``; a share below 1 is never rounded up to 100."""
    if share is None:
        return NOTHING
    return f"{min(100 * share, 99.99) if share < 1 else 100.0:.2f} %"


def seconds(value: float | None) -> str:
    """Three figures that mean something: ``0.0091``, ``0.412``, ``12.3``."""
    if value is None:
        return NOTHING
    if value < 0.1:
        return f"{value:.4f}"
    return f"{value:.3f}" if value < 10 else f"{value:,.1f}"


def milliseconds(value_s: float | None) -> str:
    """``412 ms``, from ten seconds on ``12.3 s``."""
    if value_s is None:
        return NOTHING
    return f"{1000 * value_s:,.0f} ms" if value_s < 10 else f"{value_s:,.1f} s"


def span(seconds_: float) -> str:
    """``58 min``, from two hours on ``24.0 h``, below two minutes ``90 s``."""
    if seconds_ < 120:
        return f"{seconds_:.0f} s"
    return f"{seconds_ / 60:.0f} min" if seconds_ < 7200 else f"{seconds_ / 3600:,.1f} h"


def cost(at: Cost | None) -> str:
    """``5.31``; ``<= 5.31`` if even the cheapest setting is above the level; a dash if none reaches it."""
    if at is None:
        return NOTHING
    return f"{'' if at.exact else '<= '}{at.gpu_hours:.2f}"


def interval(found: Interval | None, scale: float, unit: str) -> str:
    """``+4.1 % ± 0.8``; without the ± when there was one seed; empty when there was nothing to compare."""
    if found is None:
        return ""
    text = f"{scale * found.mean:+.1f} {unit}"
    return text if found.high is None else f"{text} ± {scale * (found.high - found.mean):.1f}"


def ratio(value: float | None) -> str:
    """``1.27``; empty when there was nothing to divide by."""
    return "" if value is None else f"{value:.2f}"
