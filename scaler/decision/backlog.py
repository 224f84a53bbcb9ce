"""The queue at the time when help can be there (scaling-law 15.4, 18.4).

Stepwise, B ← max(0, B + (u(τ) - n(τ))·δ) in replica-seconds of goodput: an integral that is clipped once
would let
early slack cancel a later overload. Pending replicas enter at their expected time, so repeated asks do not
add up.
"""

from collections.abc import Callable, Sequence

STEPS = 12
"""Steps to the farthest horizon (at least 5 s each)."""


def project(
    backlog: float,
    demand: Callable[[float], float],
    ready: float,
    entering: Sequence[float],
    horizons: Sequence[float],
) -> list[float]:
    """Backlog (replica-seconds) at each of the ascending ``horizons`` (s from now).

    ``demand(τ)``: replicas needed at τ to keep up. ``entering``: when pending replicas come, ascending.
    """
    result: list[float] = []
    if not horizons:
        return result
    step = max(5.0, horizons[-1] / STEPS)
    t, i, n = 0.0, 0, ready
    for horizon in horizons:
        while t < horizon - 1e-9:
            dt = min(step, horizon - t)
            middle = t + dt / 2.0
            while i < len(entering) and entering[i] <= middle:
                i, n = i + 1, n + 1.0
            backlog = max(0.0, backlog + (demand(middle) - n) * dt)
            t += dt
        result.append(backlog)
    return result


def replicas(demand: float, backlog: float, tolerated: float, drain_s: float, cap_share: float) -> float:
    """Replicas that keep up with ``demand`` and drain what exceeds the tolerated backlog in ``drain_s``.

    Bounded by ``cap_share`` of demand plus one: what waits once is no demand, and after it drained the rest
    would idle.
    """
    extra = max(0.0, backlog - tolerated) / drain_s
    return demand + min(extra, cap_share * demand + 1.0)
