"""What is tried when a policy is tuned: one grid each, ours like everybody's (design rule 8).

Every grid turns the knob that its authors document as the one between cost and latency, through its useful
range, with the authors' own default among the points; a second knob that matters makes a small product.
"""

from collections.abc import Mapping, Sequence
from itertools import product

Point = Mapping[str, float | int | str | bool]


def _over(**knobs: Sequence[float | int | str | bool]) -> tuple[Point, ...]:
    """Every combination of the given values, in the order given."""
    return tuple(dict(zip(knobs, values, strict=True)) for values in product(*knobs.values()))


_KV = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_UTILIZATION = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

GRIDS: Mapping[str, tuple[Point, ...]] = {
    # As shipped first: where all settings do as well, a sweep recommends the first of them.
    "hearth": _over(target_utilization=(0.9, 0.6, 0.7, 0.8, 0.95, 1.0)),
    "kv": _over(target=_KV),
    "queue": _over(threshold=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0)),
    "inflight": _over(utilization=_UTILIZATION),
    "keda-otel": _over(utilization=_UTILIZATION),
    "kpa": _over(utilization=(0.3, 0.5, 0.7, 0.9), scale_down_delay_s=(0.0, 120.0, 300.0)),
    "apa": _over(target=(0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)),
    "wva": _over(up=(0.5, 0.6, 0.7, 0.85), down=(0.4, 0.6, 0.7)),
    "llmd-slo": _over(up=(0.35, 0.45, 0.55, 0.7), down=(0.25, 0.4)),
    "llmd-tokens": _over(kv_target=(0.3, 0.4, 0.5, 0.6, 0.8), up_period_s=(15, 180)),
    "hpa-cpu": _over(target=(5, 10, 15, 20, 25, 30, 40, 80)),
    "dynamo": _over(sensitivity=(0.5, 0.65, 0.8, 0.95), throughput_interval_s=(60.0, 180.0)),
    "schedule": _over(goal=(0.95, 0.98, 0.99)),
}


def grid(policy: str) -> tuple[Point, ...]:
    """The points at which ``policy`` is tried; a policy without knobs is tried once, as it is."""
    return GRIDS.get(policy, ({},))
