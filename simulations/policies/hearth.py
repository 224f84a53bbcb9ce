"""``hearth``: the decision code that runs in production, and the ScaledObject that ships with it.

Every 5 s :func:`scaler.decision.decide.decide` sees what was scraped; its total leaves as one metric with
target 1 (AverageValue), as the external scaler answers KEDA. The scaler owns the way down, so the shipped HPA
has no window of its own there: up max(100 %, 4 pods) per 15 s without a window, and with tolerance 0 as
Kubernetes allows since 1.33 (``policy.tolerance=0.1`` for clusters without it); the decision is told which
tolerance it has to get past. Polling is 5 s, for waking from zero.
The prior is the datasheet of model and GPU, as a person could give it: never the simulator's own step times.
"""

from collections.abc import Mapping
from dataclasses import fields, replace

from scaler.decision.decide import decide
from scaler.decision.model import Hold, Scale, Snapshot, TargetDecision
from scaler.decision.policy import Policy as Knobs
from scaler.decision.policy import Prior, Roofline, validate
from scaler.decision.state import State
from simulations.actuation.settings import resolve
from simulations.engine.gpus import load_gpu
from simulations.engine.models import load_model
from simulations.errors import InputError
from simulations.policies.base import Actuation, Ask, Gateway, Metric, Parameters, Policy
from simulations.policies.parameters import nearest
from simulations.scenario import Direction, Engine, Rule, Scenario

OWN = ("tolerance", "prior")
"""Parameters of this adapter; every other one is a knob of the decision."""
FROM_SCENARIO = ("ttft_slo_ms", "itl_slo_ms", "slo_target", "hpa_tolerance_up", "hpa_tolerance_down")
PRIORS = ("roofline", "none")


def behaviour(scenario: Scenario, tolerance_up: float) -> Actuation:
    """The ScaledObject we ship (scaling-law 15.11, corrected by 18.5)."""
    return Actuation(
        polling_s=5.0,
        cooldown_s=0.0,  # idle time is the decision's own: two windows would add up
        scale_up=Direction(
            stabilization_s=0,
            tolerance=tolerance_up,
            rules=(Rule(type="Percent", value=900, period_s=15), Rule(type="Pods", value=30, period_s=15)),
        ),
        scale_down=Direction(stabilization_s=0),
        push=scenario.cluster.min_replicas == 0,
        fallback_replicas=max(1, scenario.cluster.min_replicas),
        fallback_failures=3,
        fallback_behavior="currentReplicasIfHigher",
    )


def datasheet(engine: Engine) -> Prior:
    """What is known of a replica before it was seen: bytes and FLOPS from the data sheets of model and GPU.

    Llama-3.1-8B on one H100 SXM: 15.0 GB read a step, 3.35 TB/s, 989 TFLOPS.
    """
    model, gpu, gpus = load_model(engine.model), load_gpu(engine.gpu), engine.tensor_parallel
    per_token = model.moe_layers * model.experts_per_token * model.expert_params
    active = model.layers * model.attention_params + model.dense_params + per_token
    eight_bit = model.linear_bits == 8 and gpu.fp8_tflops is not None
    tflops = gpu.fp8_tflops if eight_bit and gpu.fp8_tflops is not None else gpu.bf16_tflops
    return Prior(
        roofline=Roofline(
            weight_bytes=float(model.linear_params * model.linear_bits / 8 + 2 * model.embedding_params),
            active_parameters=float(active),
            kv_bytes_per_token=float(model.kv_bytes(gpus) * gpus),
            memory_bytes_per_s=gpu.memory_gb_per_s * 1e9 * gpus,
            flops_per_s=tflops * 1e12 * gpus,
        )
    )


class Hearth:
    """Carries the state from tick to tick, and says the decision as a metric."""

    def __init__(self, knobs: Knobs, actuation: Actuation) -> None:
        self.name = "hearth"
        self.actuation = actuation
        self.tick_s = 5.0
        self.knobs = knobs
        self._state = State.initial()

    def tick(self, snapshot: Snapshot, _: Gateway) -> Ask:
        """One decision at ``snapshot.now_s``."""
        decision, self._state = decide(snapshot, self._state, self.knobs)
        (target,) = decision.targets
        return spoken(target)


def spoken(decided: TargetDecision) -> Ask:
    """Hold answers spec.replicas; Unknown is an error of the metric (design 5.1)."""
    outcome = decided.outcome
    value = float(outcome.replicas) if isinstance(outcome, Scale | Hold) else None
    metric = Metric(name="hearth", value=value, target=1.0)
    return Ask(metrics=(metric,), wanted=value, active=decided.active, reason=decided.reason)


def build(parameters: Parameters, scenario: Scenario) -> Policy:
    """The law with knobs from the scenario's objective and the given parameters."""
    knobs = _given(parameters)
    actuation = behaviour(scenario, _tolerance(parameters))
    hpa = resolve(actuation, scenario).hpa
    slo = scenario.slo
    base = Knobs(
        ttft_slo_ms=slo.ttft_ms,
        itl_slo_ms=slo.itl_ms,
        slo_target=slo.target,
        hpa_tolerance_up=hpa.tolerance_up,
        hpa_tolerance_down=hpa.tolerance_down,
        prior=datasheet(scenario.engine) if _prior(parameters) == "roofline" else None,
    )
    return Hearth(_valid(replace(base, **knobs)), actuation)  # type: ignore[arg-type]


def _given(parameters: Parameters) -> Mapping[str, object]:
    known = tuple(one.name for one in fields(Knobs) if one.name not in (*FROM_SCENARIO, "prior"))
    for key in parameters:
        if key not in known and key not in OWN:
            raise _unknown(key, (*known, *OWN))
    return {key: _plain(key, value) for key, value in parameters.items() if key not in OWN}


def _unknown(key: str, known: tuple[str, ...]) -> InputError:
    if key in FROM_SCENARIO:
        return InputError(f"policy.{key}", "comes from the scenario", "set slo.* or hpa.* instead")
    fix = f"did you mean policy.{nearest(key, known)}? known: {', '.join(sorted(known))}"
    return InputError(f"policy.{key}", "unknown parameter of policy hearth", fix)


def _plain(key: str, value: object) -> object:
    """YAML reads a bare ``on`` and ``off`` as flags."""
    if key == "forecast" and isinstance(value, bool):
        return "on" if value else "off"
    return value


def _tolerance(parameters: Parameters) -> float:
    value = parameters.get("tolerance", 0.0)
    if isinstance(value, bool | str) or not 0.0 <= value <= 1.0:
        raise InputError("policy.tolerance", f"{value!r} is no share", "use 0 (as shipped) or 0.1")
    return float(value)


def _prior(parameters: Parameters) -> object:
    value = parameters.get("prior", "roofline")
    if value not in PRIORS:
        raise InputError("policy.prior", f"unknown value {value!r}", f"use one of {', '.join(PRIORS)}")
    return value


def _valid(knobs: Knobs) -> Knobs:
    for violation in validate(knobs):
        raise InputError(
            f"policy.{violation.key}", f"{violation.constraint}, is {violation.value}", violation.fix
        )
    return knobs
