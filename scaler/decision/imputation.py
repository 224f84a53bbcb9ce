"""Pods whose load is not known (scaling-law 15.8): for going up they are like the known ones, for going down
full."""

from collections.abc import Iterable

from scaler.decision.differences import NECESSARY, Pods
from scaler.decision.model import Pod
from scaler.decision.policy import Policy


def exposed(fleet: Iterable[Pod], seen: frozenset[str]) -> frozenset[str]:
    """Necessary series that some pod exposes or ever exposed: elsewhere their absence then means zero."""
    if len(seen) == len(NECESSARY):
        return seen
    found = set(seen)
    for pod in fleet:
        if pod.samples is not None:
            found |= {name for name in NECESSARY if getattr(pod.samples, name) is not None}
    return frozenset(found)


def scale_up(pods: Pods) -> float:
    """Factor on what is known: unknown pods carry the mean of the known ones."""
    return (pods.known + pods.unknown) / pods.known if pods.known else 1.0


def for_down(need: float, pods: Pods) -> float:
    """Need when each unknown pod is taken to be at its target, so it is needed itself."""
    return max(need, need / scale_up(pods) + pods.unknown)


def blind(pods: Pods) -> bool:
    """Ready pods, and not one fresh scrape: nothing can be decided."""
    return pods.ready > 0 and pods.fresh == 0


def too_stale_for_down(pods: Pods, policy: Policy) -> bool:
    """Too few fresh scrapes to take anything away."""
    return pods.fresh < policy.fresh_share_down * pods.ready
