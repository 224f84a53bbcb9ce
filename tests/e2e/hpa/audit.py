"""The API server's audit log: everything that the controllers read and wrote, on one clock.

The HPA controller reads the scale of its target at the beginning of every sync, and KEDA's metrics through
the aggregated API: both are in the log, with what was answered. So it is known when it synced, what it saw,
and what it did, although it says nothing of that itself.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_CHOSEN = re.compile(r"replica count from (?:external metric )?([^ (]+)")
_METRICS = [{"group": "external.metrics.k8s.io"}, {"group": "metrics.k8s.io"}]
POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {
            "level": "RequestResponse",
            "verbs": ["get", "update", "patch"],
            "resources": [{"group": "apps", "resources": ["deployments/scale"]}],
        },
        {
            "level": "Request",
            "verbs": ["update", "patch"],
            "resources": [
                {"group": "autoscaling", "resources": ["horizontalpodautoscalers/status"]},
                {"group": "keda.sh", "resources": ["scaledobjects/status"]},
                {"group": "", "resources": ["pods/status"]},
            ],
        },
        {
            "level": "Metadata",
            "verbs": ["update", "patch"],
            "resources": [{"group": "autoscaling", "resources": ["horizontalpodautoscalers"]}],
        },
        {
            "level": "RequestResponse",
            "verbs": ["delete"],
            "resources": [{"group": "", "resources": ["pods"]}],
        },
        {"level": "Metadata", "verbs": ["get", "list"], "resources": _METRICS},
        {"level": "None"},
    ],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One request, of those that matter here. Times are wall seconds."""

    from_s: float
    to_s: float
    what: str
    """``look``, ``scale`` (the scale, read and written), ``metric``, ``status`` and ``bounds`` (of the HPA,
    its spec), ``polled`` (KEDA says if the target is active), ``ready``, ``unready``, ``gone`` (a pod)."""
    who: str
    """``hpa``, ``keda`` or ``hand``."""
    case: str
    fine: bool
    spec: int = 0
    status: int = 0
    metric: int = 0
    """Index of the trigger."""
    pod: str = ""
    conditions: dict[str, str] = field(default_factory=dict)
    """Type -> reason."""
    chosen: str = ""
    """The metric that the HPA went by."""


def read(path: Path, cases: Iterable[str]) -> list[Event]:
    """Everything in the log that belongs to one of ``cases``, in the order in which it was answered."""
    known = set(cases)
    found = (_event(json.loads(line)) for line in path.read_text().splitlines())
    return sorted((e for e in found if e is not None and e.case in known), key=lambda e: e.to_s)


def _event(raw: dict[str, Any]) -> Event | None:
    what, case, more = _content(raw)
    if not what:
        return None
    return Event(
        from_s=_seconds(raw["requestReceivedTimestamp"]),
        to_s=_seconds(raw["stageTimestamp"]),
        what=what,
        who=_who(raw),
        case=case,
        fine=raw["responseStatus"]["code"] < 300,
        **more,
    )


def _content(raw: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Kind, case, and what belongs to the kind; no kind: not of interest."""
    target = raw["objectRef"]
    match target["resource"], target.get("subresource"), raw["verb"]:
        case "deployments", "scale", verb:
            return "look" if verb == "get" else "scale", target["name"], _scale(raw)
        case "horizontalpodautoscalers", "status", _:
            return "status", target["name"].removeprefix("keda-hpa-"), _conditions(raw["requestObject"])
        case "horizontalpodautoscalers", None, _:
            return "bounds", target["name"].removeprefix("keda-hpa-"), {}
        case "scaledobjects", "status", _:
            return _activity(target["name"], raw["requestObject"])
        case "pods", "status", _:
            return _pod(target["name"], raw["requestObject"])
        case "pods", None, "delete" if _at_once(raw.get("responseObject", {})):
            return "gone", _owner(target["name"]), {"pod": target["name"]}
    if target.get("apiGroup") == "external.metrics.k8s.io":
        return "metric", *_asked(raw["requestURI"])
    if target.get("apiGroup") == "metrics.k8s.io":
        return "metric", _selector(raw["requestURI"]), {}
    return "", "", {}


def _scale(raw: dict[str, Any]) -> dict[str, Any]:
    """Zero is left out of the API's JSON."""
    answer = raw["responseObject"] if raw["responseStatus"]["code"] < 300 else {}
    return {
        "spec": answer.get("spec", {}).get("replicas", 0),
        "status": answer.get("status", {}).get("replicas", 0),
    }


def _conditions(hpa: dict[str, Any]) -> dict[str, Any]:
    found = hpa["status"]["conditions"]
    chosen = [_CHOSEN.search(c["message"]) for c in found if c["type"] == "ScalingActive"]
    return {
        "conditions": {c["type"]: c["reason"] for c in found},
        "chosen": next((match[1] for match in chosen if match), ""),
    }


def _activity(name: str, patch: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    conditions = patch.get("status", {}).get("conditions") or ()
    known = any(c["type"] == "Active" and c["status"] != "Unknown" for c in conditions)
    return "polled" if known else "", name, {}


def _pod(name: str, patch: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    for condition in patch.get("status", {}).get("conditions", ()):
        if condition["type"] == "Ready":
            kind = "ready" if condition["status"] == "True" else "unready"
            return kind, _owner(name), {"pod": name}
    return "", "", {}


def _at_once(answer: dict[str, Any]) -> bool:
    """The pod is gone, and does not merely drain."""
    return bool(answer.get("metadata", {}).get("deletionGracePeriodSeconds") == 0)


def _owner(pod: str) -> str:
    """The Deployment's name; its pods have two words more."""
    return pod.rsplit("-", 2)[0]


def _asked(uri: str) -> tuple[str, dict[str, Any]]:
    """The case and the trigger of ``…/s0-m?labelSelector=scaledobject.keda.sh%2Fname%3DCASE``."""
    name = urlsplit(uri).path.rsplit("/", 1)[1]
    return _selector(uri), {"metric": int(name.removeprefix("s").split("-")[0])}


def _selector(uri: str) -> str:
    """The value of the one label that is asked for."""
    return parse_qs(urlsplit(uri).query).get("labelSelector", ["="])[0].split("=", 1)[1]


def _who(raw: dict[str, Any]) -> str:
    """By the program: of the controllers in one, none but the HPA's reads scales and metrics."""
    program = raw["userAgent"].split("/")[0]
    return {"kube-controller-manager": "hpa", "keda": "keda"}.get(program, "hand")


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
