"""What a policy is to the simulator: it sees a snapshot, and says a metric or a number of replicas."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from scaler.decision.model import Snapshot
from simulations.scenario import Direction, Scenario

Parameters = Mapping[str, float | int | str | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What an inference gateway (llm-d EPP, Knative's activator and queue-proxies) knows at this moment.

    Only policies whose authors assume such a gateway may read it.
    """

    in_flight: int = 0
    """Requests dispatched and unfinished, plus those that the router queues."""
    queued: int = 0
    """Requests that the router holds because no replica is ready."""
    in_flight_prompt_tokens: int = 0
    """Prompt tokens of requests whose first token is still outstanding."""
    arrivals_total: int = 0
    input_tokens_total: int = 0
    output_tokens_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PodUsage:
    """What a ``Utilization`` metric is made of: the pods as the HPA groups them, all with one request.

    Units are those of the resource (CPU: cores).
    """

    usage: float
    """Sum over the ``counted`` pods."""
    request: float
    """Of one pod."""
    counted: int
    """Pods that have a sample and are ready (or whose sample the HPA takes anyway)."""
    unready: int = 0
    """Pods that are pending or still starting: used as 0 on the way up, left out on the way down."""
    missing: int = 0
    """Running pods without a sample: 0 on the way up, their full request on the way down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric as the HPA gets it. ``value`` None: an error (the HPA then may not scale down)."""

    name: str
    value: float | None
    target: float
    kind: str = "AverageValue"
    """``AverageValue`` (value is a total), ``Value`` (value is a level), or ``Utilization``: a resource
    metric that the HPA reads itself, past KEDA (``target`` in percent of the request, ``usage`` given)."""
    usage: PodUsage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a policy says at one moment: metrics for an HPA, or replicas written straight to /scale."""

    metrics: tuple[Metric, ...] = ()
    replicas: int | None = None
    """For systems with a controller of their own: written to the scale subresource, no HPA between."""
    wanted: float | None = None
    """For the timeline: the replicas that the law wants, before any actuation; None: not known."""
    active: bool | None = None
    """KEDA activation; None: not known (never deactivates)."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actuation:
    """How a policy's authors have it actuated. ``hpa.*`` and ``keda.*`` of the scenario override it."""

    direct: bool = False
    """Own controller: ``Ask.replicas`` is applied at every tick; no KEDA, no HPA."""
    polling_s: float = 30.0
    cooldown_s: float = 300.0
    scale_up: Direction = field(default_factory=Direction)
    scale_down: Direction = field(default_factory=Direction)
    push: bool = False
    """Trigger type ``external-push``: turning active reaches KEDA at once, not at its next poll."""
    fallback_replicas: int | None = None
    fallback_failures: int = 3
    fallback_behavior: str = "static"


class Policy(Protocol):
    """A law under test. One instance serves one run and may keep state between ticks."""

    name: str
    actuation: Actuation
    tick_s: float
    """Period of its own loop; the answer of the last tick is what KEDA and the HPA read in between."""

    def tick(self, snapshot: Snapshot, gateway: Gateway) -> Ask:
        """One turn of the law at ``snapshot.now_s``."""
        ...


class Factory(Protocol):
    """Builds a policy for one run; raises :class:`simulations.errors.InputError` on a bad parameter."""

    def __call__(self, parameters: Parameters, scenario: Scenario) -> Policy: ...
