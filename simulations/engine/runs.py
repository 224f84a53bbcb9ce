"""Arithmetic of a run of decode steps whose durations grow by a constant: s, s+inc, s+2·inc, …"""

from math import sqrt


def run_length(first: int, inc: int, steps: int) -> int:
    """Sum of ``steps`` durations, exactly: K·s + inc·K(K−1)/2."""
    return first * steps + (inc * steps * (steps - 1) >> 1)


def steps_to_reach(first: int, inc: int, goal: int) -> int:
    """The smallest number of steps (at least 1) whose sum is ``goal`` or more.

    The root of inc·j² + (2s−inc)·j = 2·goal in floats, then put right in integers. Needs 0 ≤ inc ≤ s.
    """
    if goal <= first:
        return 1
    b = 2 * first - inc
    steps = int(4 * goal / (b + sqrt(b * b + 8 * inc * goal)))
    while first * steps + (inc * steps * (steps - 1) >> 1) < goal:
        steps += 1
    while steps > 1 and first * (steps - 1) + (inc * (steps - 1) * (steps - 2) >> 1) >= goal:
        steps -= 1
    return steps
