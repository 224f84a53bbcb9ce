"""``queue``: waiting requests per replica, the vLLM production stack's KEDA recipe.

Source: vllm-project/production-stack tutorials/20-keda-autoscaling.md and
helm/templates/scaledobject-vllm.yaml: ``vllm:num_requests_waiting``, threshold 5, polling 15 s, cooldown
360 s, the HPA's default behaviour; the keep-alive trigger (any request at the router in the last minute)
keeps a fleet with a floor of zero awake. Deviation, in its favour: the published query has no ``sum()``,
which KEDA refuses as soon as a second replica answers; here it is summed.
"""

from dataclasses import dataclass

from scaler.decision.model import Snapshot
from simulations.policies import averaged, signals
from simulations.policies.base import Actuation, Ask, Gateway, Parameters, Policy
from simulations.policies.parameters import knob, read
from simulations.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``threshold``: waiting requests that one replica may have."""

    threshold: float = knob(5.0, above=0.0)
    keep_alive_s: float = knob(60.0, above=0.0)
    """``rate(vllm:num_incoming_requests_total[1m]) > 0`` counts as activity."""


class QueueLength:
    """Σ waiting / threshold, kept awake by traffic at the router."""

    def __init__(self, settings: Settings) -> None:
        self.name = "queue"
        self.actuation = Actuation(polling_s=15.0, cooldown_s=360.0)
        self.tick_s = 5.0
        self._law = averaged.Averaged(
            name=self.name,
            what="waiting",
            total=averaged.sum_over_pods(signals.waiting),
            target=settings.threshold,
            actuation=self.actuation,
        )
        self._arrivals = signals.Window(settings.keep_alive_s)

    def tick(self, snapshot: Snapshot, gateway: Gateway) -> Ask:
        """One turn at ``snapshot.now_s``."""
        ask = self._law.tick(snapshot, gateway)
        self._arrivals.add(snapshot.now_s, float(gateway.arrivals_total))
        least, most = self._arrivals.least(), self._arrivals.most()
        return Ask(
            metrics=ask.metrics, wanted=ask.wanted, active=ask.active or least != most, reason=ask.reason
        )


def build(parameters: Parameters, scenario: Scenario) -> Policy:  # noqa: ARG001 - every law's factory alike
    """The law with the given parameters."""
    return QueueLength(read(Settings, "queue", parameters))
