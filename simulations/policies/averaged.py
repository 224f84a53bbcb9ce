"""The shape that most KEDA recipes share: one total, divided by a target per replica (AverageValue)."""

from collections.abc import Callable
from dataclasses import dataclass

from scaler.decision.model import Snapshot
from simulations.policies import signals
from simulations.policies.base import Actuation, Ask, Gateway, Metric

Total = Callable[[Snapshot, Gateway], float]


@dataclass(slots=True, kw_only=True)
class Averaged:
    """A policy without memory: replicas = ceil(total / target), as the HPA computes it."""

    name: str
    what: str
    """The total in words, for the reason: 'waiting requests'."""
    total: Total
    target: float
    actuation: Actuation
    tick_s: float = 5.0
    """Prometheus scrapes that often; KEDA's answer to each HPA sync is a query at that moment."""

    def tick(self, snapshot: Snapshot, gateway: Gateway) -> Ask:
        """One turn: the total of now."""
        value = self.total(snapshot, gateway)
        return Ask(
            metrics=(Metric(name=self.name, value=value, target=self.target),),
            wanted=value / self.target,
            active=value > 0.0 or held(snapshot) > 0.0,
            reason=f"{value:g} {self.what} / {self.target:g} = {value / self.target:.2f} replicas",
        )


def held(snapshot: Snapshot) -> float:
    """Requests that a router or activator holds because no replica takes them."""
    return sum(demand.waiting for demand in snapshot.demand if demand.waiting is not None)


def sum_over_pods(get: signals.Getter) -> Total:
    """``sum(series)`` through KEDA's Prometheus scaler: an empty result counts as zero."""

    def total(snapshot: Snapshot, _: Gateway) -> float:
        return signals.or_zero(signals.total(snapshot, get))

    return total
