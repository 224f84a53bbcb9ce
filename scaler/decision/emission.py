"""The number that makes the HPA do what was decided (scaling-law 15.1, 15.7, 18.5).

With AverageValue and target 1 the metric is the wanted total: desired = ceil(metric), unless
|metric/status.replicas - 1| <= tolerance: then the HPA keeps what is. Above 10 replicas a step of one never
registers.
"""

import math

from scaler.decision.policy import Policy

_EDGE = 1e-9


def _smallest_up(base: int, tolerance: float) -> int:
    """Fewest replicas above ``base`` that register (on the very edge versions and rounding differ, so beyond
    it)."""
    return math.floor(base * (1.0 + tolerance) + _EDGE) + 1


def _largest_down(base: int, tolerance: float) -> int:
    return math.ceil(base * (1.0 - tolerance) - _EDGE) - 1


def emitted(
    wanted: int, spec: int, status: int | None, urgent: bool, spare: float, policy: Policy
) -> tuple[int, str]:
    """(replicas to emit, what held it back) for ``wanted``.

    Within the tolerance: an urgent move up (demand fills what is there) is made large enough to register,
    another one is
    kept; a move down is made to register only when so many are ``spare``. Never blindly 1.1·N: on a 20 → 22
    rps step that cost
    10 % more replicas for nothing ([sim] in scaling-law 15.7).
    """
    base = status if status else spec
    if wanted == spec or base <= 0 or not policy.use_band:
        return wanted, ""
    if wanted > spec:
        smallest = _smallest_up(base, policy.hpa_tolerance_up)
        if wanted >= smallest:
            return wanted, ""
        return (smallest, "") if urgent else (spec, "within the HPA's tolerance and inside the headroom")
    largest = _largest_down(base, policy.hpa_tolerance_down)
    if wanted <= largest:
        return wanted, ""
    if spec - spare <= largest and largest >= 0:
        return largest, ""
    return spec, "within the HPA's tolerance"
