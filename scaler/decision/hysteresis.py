"""When replicas may go (scaling-law 15.7): calm for long enough, and enough left afterwards."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from scaler.decision.policy import Policy

BUCKET_S = 15.0
HOUR_S = 3600.0

Needs = tuple[tuple[int, float], ...]
"""(15-s bucket, highest need in it), newest last."""


def record(needs: Needs, now_s: float, need: float, keep_s: float) -> Needs:
    """Add the present need (replicas, unrounded)."""
    bucket = int(now_s // BUCKET_S)
    if needs and needs[-1][0] == bucket:
        return (*needs[:-1], (bucket, max(needs[-1][1], need))) if need > needs[-1][1] else needs
    oldest = bucket - int(keep_s // BUCKET_S) - 1
    first = 0
    while first < len(needs) and needs[first][0] < oldest:
        first += 1
    return (*needs[first:], (bucket, need))


def highest(needs: Needs, now_s: float, window_s: float) -> float:
    """Highest need within the window."""
    oldest = int((now_s - window_s) // BUCKET_S)
    return max((need for bucket, need in needs if bucket >= oldest), default=0.0)


class Churn(NamedTuple):
    """A decaying hour of starts, falls and replica time (live state)."""

    startup_s: float = 0.0
    """Seconds that replicas spent starting."""
    replica_s: float = 0.0
    starts: float = 0.0
    falls: float = 0.0
    """Replicas taken away."""
    replicas: int = 0
    """As asked for at the last tick."""


def spend(churn: Churn, started_s: Sequence[float], replicas: int, dt_s: float) -> Churn:
    """Add the starts that ended (s each) and ``replicas`` over ``dt_s``."""
    keep = math.exp(-dt_s / HOUR_S)
    return Churn(
        keep * churn.startup_s + sum(started_s),
        keep * churn.replica_s + replicas * dt_s,
        keep * churn.starts + len(started_s),
        keep * churn.falls + max(0, churn.replicas - replicas),
        replicas,
    )


def wasted_s(churn: Churn) -> float:
    """Seconds spent on starts that a fall had made necessary: growth is no churn."""
    return churn.startup_s * min(1.0, churn.falls / churn.starts) if churn.starts > 0.0 else 0.0


def window_s(reacquire_s: float, churn: Churn, policy: Policy) -> float:
    """How long the need must have been low.

    Some times the time that it takes to get the replica back, so that going pays for the start that may
    follow:
    cached nodes thus shrink faster. Doubled while starts that followed falls eat more than the churn budget.
    """
    window = policy.down_window_factor * reacquire_s
    window = min(policy.down_window_max_s, max(policy.down_window_min_s, window))
    # An hour that has only begun says nothing: ten minutes of replica time at least.
    if churn.replica_s > 600.0 and wasted_s(churn) > policy.churn_budget * churn.replica_s:
        window *= 2.0
    return window


def lowered(current: int, wanted: int, highest_need: float, policy: Policy) -> int:
    """Replicas to keep, between ``wanted`` and ``current``: the post-consolidation test and the step.

    What stays must carry the highest need of the window at ``down_margin``; at most ``down_step`` goes at
    once.
    Example: 8 replicas, highest need 5.0: 5.0/.92 = 5.4, so 6 stay, and two (a quarter of 8) may go at once.
    """
    enough = math.ceil(highest_need / policy.down_margin - 1e-9)
    step = max(1, int(policy.down_step * current))
    return min(current, max(wanted, enough, current - step))
