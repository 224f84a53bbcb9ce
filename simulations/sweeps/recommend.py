"""The ScaledObject that a sweep recommends: YAML that can be applied, and what it was judged on."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from simulations.policies.base import Actuation
from simulations.scenario import Direction, Scenario
from simulations.sweeps.analysis import OURS, Candidate, Comparison
from simulations.sweeps.frontier import reaches

METADATA = {
    "target_utilization": "targetUtilization",
    "target_kv_usage": "targetKvUsage",
    "forecast": "forecast",
    "idle_seconds": "idleSeconds",
}
"""Knob of the law -> key of the trigger's metadata (design 5.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One setting of ``hearth``, and why it."""

    label: str
    """The setting, as the sweep's tables name it."""
    reached: bool
    """It reached the target under every condition; False: it came closest."""
    judged_on: tuple[str, ...]
    """One line a condition: attainment and GPU-hours."""
    manifest: str
    """The ScaledObject as YAML, with ``judged_on`` as comments."""


def pick(comparisons: Sequence[Comparison]) -> str | None:
    """The label to recommend; None without ``hearth``.

    Of the settings that reach the target under *every* condition the one with the fewest GPU-hours in all;
    if there is none, the one whose worst condition is best.
    """
    by_label = _ours(comparisons)
    if not by_label:
        return None
    target = comparisons[0].target_ratio
    good = [
        label for label, runs in by_label.items() if all(reaches(c.attainment_ratio, target) for c in runs)
    ]
    if good:
        return min(good, key=lambda label: math.fsum(c.gpu_hours for c in by_label[label]))
    return max(by_label, key=lambda label: min(c.attainment_ratio for c in by_label[label]))


def _ours(comparisons: Sequence[Comparison]) -> dict[str, list[Candidate]]:
    found: dict[str, list[Candidate]] = {}
    for comparison in comparisons:
        for standing in comparison.standings:
            if standing.family == OURS:
                for candidate in standing.candidates:
                    found.setdefault(candidate.label, []).append(candidate)
    return found


def recommend(
    comparisons: Sequence[Comparison], label: str, trace: str, scenario: Scenario, actuation: Actuation
) -> Recommendation:
    """``scenario`` and ``actuation`` are the chosen setting's: what was simulated is what is written."""
    runs = _ours(comparisons)[label]
    target = comparisons[0].target_ratio
    judged = tuple(
        f"{trace}, {comparison.condition}: {100 * run.attainment_ratio:.2f} % met the SLO "
        f"(worst of {len(run.seeds)} {'seed' if len(run.seeds) == 1 else 'seeds'} "
        f"{100 * run.attainment_worst:.2f} %), {run.gpu_hours:.2f} GPU-hours"
        for comparison, run in zip(comparisons, runs, strict=True)
    )
    reached = all(reaches(run.attainment_ratio, target) for run in runs)
    return Recommendation(
        label=label,
        reached=reached,
        judged_on=judged,
        manifest=_comments(reached, target, judged, scenario) + _yaml(scaled_object(scenario, actuation)),
    )


def _comments(reached: bool, target: float, judged: Sequence[str], scenario: Scenario) -> str:
    verdict = "the cheapest setting tried that met" if reached else "no setting tried met; closest to"
    engine = scenario.engine
    lines = [
        f"Recommended by hearth sweep: {verdict} {100 * target:g} % on",
        *(f"  {line}" for line in judged),
        f"Simulated engine: {engine.model} on {engine.gpu}, tensor parallel {engine.tensor_parallel}.",
        "Before applying: set scaleTargetRef.name, scalerAddress and model to yours.",
    ]
    return "".join(f"# {line}\n" for line in lines)


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=100)


def scaled_object(scenario: Scenario, actuation: Actuation) -> dict[str, Any]:
    """KEDA's object with our trigger: bounds, objective, knobs and HPA behaviour as they were simulated."""
    name = object_name(scenario.engine.model)
    cluster, keda = scenario.cluster, scenario.keda
    polling_s = actuation.polling_s if keda.polling_s is None else keda.polling_s
    cooldown_s = actuation.cooldown_s if keda.cooldown_s is None else keda.cooldown_s
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"name": name},
            "minReplicaCount": cluster.min_replicas,
            "maxReplicaCount": cluster.max_replicas,
            "pollingInterval": round(polling_s),
            "cooldownPeriod": round(cooldown_s),
            **_fallback(actuation),
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(scenario, actuation)}},
            "triggers": [
                {
                    "type": "external-push" if actuation.push else "external",
                    "metricType": "AverageValue",
                    "metadata": _metadata(scenario),
                }
            ],
        },
    }


def object_name(model: str) -> str:
    """A DNS-1035 name of at most 52 characters: ``meta-llama/Llama-3.1-8B`` -> ``llama-3-1-8b``."""
    words = re.sub(
        r"[^a-z0-9]+", "-", model.rstrip("/").removesuffix("/config.json").rpartition("/")[2].lower()
    )
    name = words.strip("-")[:52].strip("-")
    return name if name[:1].isalpha() else f"model-{name}".rstrip("-")[:52]


def _fallback(actuation: Actuation) -> dict[str, Any]:
    if actuation.fallback_replicas is None:
        return {}
    return {
        "fallback": {
            "failureThreshold": actuation.fallback_failures,
            "replicas": actuation.fallback_replicas,
            "behavior": actuation.fallback_behavior,
        }
    }


def _metadata(scenario: Scenario) -> dict[str, str]:
    """KEDA wants strings."""
    slo = scenario.slo
    knobs = {METADATA[knob]: _plain(value) for knob, value in scenario.policy.items() if knob in METADATA}
    return {
        "scalerAddress": "hearth-scaler.hearth.svc:6000",
        "model": scenario.engine.model,
        "ttftSloMs": _plain(slo.ttft_ms),
        "itlSloMs": _plain(slo.itl_ms),
        "sloTarget": _plain(slo.target),
        **knobs,
    }


def _plain(value: float | str | bool) -> str:
    if isinstance(value, bool | str):
        return str(value).lower() if isinstance(value, bool) else value
    return f"{value:g}"


def _behavior(scenario: Scenario, actuation: Actuation) -> dict[str, Any]:
    up = scenario.hpa.scale_up or actuation.scale_up
    down = scenario.hpa.scale_down or actuation.scale_down
    return {"scaleUp": direction(up), "scaleDown": direction(down)}


def direction(given: Direction) -> dict[str, Any]:
    """One direction of the HPA's ``behavior``; what is not set is left to Kubernetes' defaults."""
    fields: dict[str, Any] = {}
    if given.stabilization_s is not None:
        fields["stabilizationWindowSeconds"] = given.stabilization_s
    if given.tolerance is not None:
        fields["tolerance"] = given.tolerance
    if given.rules:
        fields["selectPolicy"] = given.select
        fields["policies"] = [
            {"type": rule.type, "value": rule.value, "periodSeconds": rule.period_s} for rule in given.rules
        ]
    elif given.select == "Disabled":
        fields["selectPolicy"] = given.select
    return fields
