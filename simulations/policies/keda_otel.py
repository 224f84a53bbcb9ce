"""``keda-otel``: KServe's OpenTelemetry recipe, running requests per replica pushed by a collector sidecar.

Source: kserve/website docs/model-serving/generative-inference/autoscaling (PodMetric, backend
opentelemetry, ``vllm:num_requests_running``) and kserve/kserve
pkg/controller/v1beta1/inferenceservice/reconcilers/keda: ``sum(query{namespace,deployment})``, trigger
``external`` without a metric type (AverageValue by omission), KEDA's defaults (polling 30 s, cooldown 300
s) and no HPA behaviour; the collector pushes every 5 s. The documented example's target of 4 belongs to a
0.5B model; "concurrent requests per pod" is what it means, so the default here is measured as for
``inflight``, and ``policy.target=4`` is the example as printed.
"""

from dataclasses import dataclass

from simulations.policies import averaged, inflight, signals
from simulations.policies.base import Actuation, Parameters, Policy
from simulations.policies.parameters import read
from simulations.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(inflight.Settings):
    """``target``: running requests per replica; None: measured with the mix."""


def build(parameters: Parameters, scenario: Scenario) -> Policy:
    """The law with the given parameters."""
    settings = read(Settings, "keda-otel", parameters)
    return averaged.Averaged(
        name="keda-otel",
        what="running",
        total=averaged.sum_over_pods(signals.running),
        target=inflight.target(settings, scenario),
        actuation=Actuation(),
    )
