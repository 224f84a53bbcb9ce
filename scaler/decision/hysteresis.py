"""When replicas may go (scaling-law 15.7): calm for long enough, and enough left afterwards."""

import math
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
    """Decaying hour of starts and of replica time (live state)."""

    startup_s: float = 0.0
    """Seconds that replicas spent starting."""
    replica_s: float = 0.0


def spend(churn: Churn, started_s: float, replicas: int, dt_s: float) -> Churn:
    """Add seconds spent on starts and ``replicas`` over ``dt_s``."""
    keep = math.exp(-dt_s / HOUR_S)
    return Churn(keep * churn.startup_s + started_s, keep * churn.replica_s + replicas * dt_s)


def window_s(reacquire_s: float, churn: Churn, policy: Policy) -> float:
    """How long the need must have been low.

    Twice the time that it takes to get the replica back: then a start costs at most half of what going
    saved. Cached
    nodes thus shrink faster. Doubled while starts eat more than the churn budget of the last hour.
    """
    window = policy.down_window_factor * reacquire_s
    window = min(policy.down_window_max_s, max(policy.down_window_min_s, window))
    # An hour that has only begun says nothing: ten minutes of replica time at least.
    if churn.replica_s > 600.0 and churn.startup_s > policy.churn_budget * churn.replica_s:
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
