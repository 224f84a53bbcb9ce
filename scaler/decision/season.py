"""The same time on earlier days (scaling-law 15.5): may raise a forecast once a back-test says it would have
helped.

Needs ``now_s`` to be civil time (seconds since the epoch) to find the same time again after a restart.
"""

import math
from typing import NamedTuple

DAY_S = 86400.0
SLOT_S = 900.0
SLOTS = int(DAY_S / SLOT_S)
DAYS = 3
KEEP = 0.98


class Season(NamedTuple):
    """Mean rate of each quarter of an hour on past days (learned state, 288 numbers)."""

    slot: int = -1
    """Quarter of an hour since the epoch that is being filled."""
    total: float = 0.0
    seconds: float = 0.0
    day: int = -1
    """Day since the epoch of the newest entry of ``days``."""
    days: tuple[tuple[float, ...], ...] = ()
    """Newest day last; -1 marks a slot without data."""
    own_loss: float = 0.0
    """Smoothed absolute error of the seasonal forecast, and of Holt's at the same moments."""
    holt_loss: float = 0.0
    tests: int = 0


EMPTY = Season()


def _put(season: Season, value: float) -> tuple[tuple[float, ...], ...]:
    """The days with the mean of the slot that just ended."""
    days = season.days
    if season.slot // SLOTS != season.day:
        days = (*days[-DAYS + 1 :], (-1.0,) * SLOTS)
    today, i = days[-1], season.slot % SLOTS
    return (*days[:-1], (*today[:i], value, *today[i + 1 :]))


def learn(season: Season, now_s: float, rate_per_s: float, dt_s: float) -> Season:
    """Add the present rate to the slot of the present time."""
    slot = int(now_s // SLOT_S)
    if slot == season.slot:
        return season._replace(total=season.total + rate_per_s * dt_s, seconds=season.seconds + dt_s)
    day, days = season.day, season.days
    if season.slot >= 0 and season.seconds > SLOT_S / 2.0:
        days, day = _put(season, season.total / season.seconds), season.slot // SLOTS
    return season._replace(slot=slot, total=rate_per_s * dt_s, seconds=dt_s, day=day, days=days)


def at(season: Season, when_s: float) -> float | None:
    """Median of the same slot on the days remembered; None with fewer than two."""
    i = int(when_s // SLOT_S) % SLOTS
    past = sorted(day[i] for day in season.days if day[i] >= 0.0)
    if len(past) < 2:
        return None
    middle = len(past) // 2
    return past[middle] if len(past) % 2 else (past[middle - 1] + past[middle]) / 2.0


def compare(season: Season, came: float, own: float | None, holt: float) -> Season:
    """Back-test: how far the seasonal forecast and Holt's were from what came."""
    if own is None:
        return season
    own_loss = KEEP * season.own_loss + (1.0 - KEEP) * abs(came - own)
    holt_loss = KEEP * season.holt_loss + (1.0 - KEEP) * abs(came - holt)
    return season._replace(own_loss=own_loss, holt_loss=holt_loss, tests=season.tests + 1)


def forecast(season: Season, when_s: float) -> float:
    """The seasonal rate at ``when_s`` if it beat Holt on at least 50 comparisons; else 0 (it may only
    raise)."""
    if season.tests < 50 or season.own_loss >= season.holt_loss:
        return 0.0
    value = at(season, when_s)
    return value if value is not None and math.isfinite(value) else 0.0
