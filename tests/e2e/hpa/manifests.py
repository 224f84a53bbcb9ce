"""What a case is in Kubernetes: a Deployment and a ScaledObject."""

from typing import Any

from simulations.scenario import Direction
from tests.e2e.cluster.fake_kubelet import DRAIN, READY_AFTER
from tests.e2e.cluster.node import PAUSE_IMAGE
from tests.e2e.cluster.spec import CONTROL_IP
from tests.e2e.hpa.case import SURGE, Case

PORT = 6000
ADDRESS = f"{CONTROL_IP}:{PORT}"
NAMESPACE = "default"
_GRACE_S = 120
Manifest = dict[str, Any]


def deployment(case: Case) -> Manifest:
    """With the replicas that the case begins with."""
    labels = {"case": case.name}
    container: Manifest = {"name": "main", "image": PAUSE_IMAGE}
    if case.metrics[0].kind == "Utilization":
        container["resources"] = {"requests": {"cpu": "1"}}
    after_s = "never" if case.ready_after_s is None else str(case.ready_after_s)
    template = {
        "metadata": {
            "labels": labels,
            "annotations": {READY_AFTER: after_s, DRAIN: str(case.drain_s)},
        },
        "spec": {"containers": [container], "terminationGracePeriodSeconds": _GRACE_S if case.drain_s else 0},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": case.name, "namespace": NAMESPACE},
        "spec": {
            "replicas": case.start,
            "selector": {"matchLabels": labels},
            "strategy": {"rollingUpdate": {"maxSurge": SURGE, "maxUnavailable": 0}},
            "template": template,
        },
    }


def scaled_object(case: Case) -> Manifest:
    """One external trigger a metric."""
    spec: Manifest = {
        "scaleTargetRef": {"name": case.name},
        "minReplicaCount": case.low,
        "maxReplicaCount": case.high,
        "pollingInterval": case.polling_s,
        "cooldownPeriod": case.cooldown_s,
        "triggers": [_trigger(case, i) for i in range(len(case.metrics))],
    }
    if case.fallback is not None:
        spec["fallback"] = {
            "failureThreshold": case.fallback.failures,
            "replicas": case.fallback.replicas,
            "behavior": case.fallback.behavior,
        }
    behavior = {
        key: _rules(given) for key, given in (("scaleUp", case.up), ("scaleDown", case.down)) if given
    }
    if behavior:
        spec["advanced"] = {"horizontalPodAutoscalerConfig": {"behavior": behavior}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": case.name, "namespace": NAMESPACE},
        "spec": spec,
    }


def _trigger(case: Case, index: int) -> Manifest:
    metric = case.metrics[index]
    if metric.kind == "Utilization":
        return {"type": "cpu", "metricType": metric.kind, "metadata": {"value": str(round(metric.target))}}
    return {
        "type": "external-push" if case.push else "external",
        "metricType": metric.kind,
        "metadata": {"scalerAddress": ADDRESS, "trigger": str(index)},
    }


def _rules(given: Direction) -> Manifest:
    """Only what is given: the API server fills in the rest."""
    rules: Manifest = {"selectPolicy": given.select}
    if given.stabilization_s is not None:
        rules["stabilizationWindowSeconds"] = given.stabilization_s
    if given.tolerance is not None:
        rules["tolerance"] = f"{given.tolerance:.9f}".rstrip("0").rstrip(".")
    if given.rules:
        rules["policies"] = [
            {"type": rule.type, "value": rule.value, "periodSeconds": rule.period_s} for rule in given.rules
        ]
    return rules
