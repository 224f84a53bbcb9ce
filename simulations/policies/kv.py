"""``kv``: KV-cache usage per replica, the plain KEDA trigger.

Source: the decode trigger of llm-d/llm-d guides/workload-autoscaling/keda-epp-token-aware (``sum(vllm:
kv_cache_usage_perc)``, threshold 0.8: "one replica per 0.8 pods' worth of occupied cache", polling 15 s),
alone and with the HPA's default behaviour. 0.4 is the target that a closed-loop comparison found strong
on balanced and decode-heavy loads; usage saturates at 1, so growth per cold start is at most 1/target.
"""

from dataclasses import dataclass

from simulations.policies import averaged, signals
from simulations.policies.base import Actuation, Parameters, Policy
from simulations.policies.parameters import knob, read
from simulations.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``target``: share of one replica's KV cache that may be in use."""

    target: float = knob(0.8, above=0.0, most=1.0)


def build(parameters: Parameters, scenario: Scenario) -> Policy:  # noqa: ARG001 - every law's factory alike
    """The law with the given parameters."""
    settings = read(Settings, "kv", parameters)
    return averaged.Averaged(
        name="kv",
        what="caches in use",
        total=averaged.sum_over_pods(signals.kv_usage),
        target=settings.target,
        actuation=Actuation(polling_s=15.0),
    )
