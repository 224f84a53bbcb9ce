"""``inflight``: requests running or waiting per replica, the honest simple baseline.

No product ships exactly this; Ray Serve (ongoing requests per replica,
python/ray/serve/autoscaling_policy.py), KubeAI (active requests, internal/modelautoscaler) and Knative
scale on the same quantity. The default target is the concurrency at which one replica just meets the SLO
(:func:`simulations.policies.profiling.concurrency_limit`) times Knative's default target utilisation of
70 %; KEDA and HPA defaults, polling 15 s as llm-d's recipes have.
"""

from dataclasses import dataclass

from scaler.decision.model import Snapshot
from simulations.policies import averaged, profiling, signals
from simulations.policies.base import Actuation, Gateway, Parameters, Policy
from simulations.policies.mix import Mix
from simulations.policies.parameters import knob, read
from simulations.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``target``: requests in flight that one replica may have; None: measured with the mix below."""

    target: float | None = knob(None, above=0.0)
    utilization: float = knob(0.7, above=0.0, most=1.0)
    """Share of the measured concurrency to plan for; not used with ``target``."""
    # The mean request that was profiled with; a run fills in its workload's own.
    prompt_tokens: float = knob(1024.0, least=1.0)
    output_tokens: float = knob(256.0, least=1.0)


def in_flight(snapshot: Snapshot, _: Gateway) -> float:
    """Σ running + waiting over pods, and what waits at the router because no replica takes it."""
    parts = (signals.total(snapshot, signals.running), signals.total(snapshot, signals.waiting))
    return sum(map(signals.or_zero, parts)) + averaged.held(snapshot)


def target(settings: Settings, scenario: Scenario) -> float:
    """The target per replica: as given, or measured on the scenario's engine."""
    if settings.target is not None:
        return settings.target
    mix = Mix(prompt_tokens=settings.prompt_tokens, output_tokens=settings.output_tokens)
    limit = profiling.concurrency_limit(profiling.measure(scenario.engine), mix, scenario.slo)
    return limit * settings.utilization


def build(parameters: Parameters, scenario: Scenario) -> Policy:
    """The law with the given parameters."""
    settings = read(Settings, "inflight", parameters)
    return averaged.Averaged(
        name="inflight",
        what="in flight",
        total=in_flight,
        target=target(settings, scenario),
        actuation=Actuation(polling_s=15.0),
    )
