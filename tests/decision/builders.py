"""Builders: every argument has a default, a test names only what it is about."""

from typing import Any

from scaler.decision.decide import decide
from scaler.decision.model import (
    Decision,
    Histogram,
    Hold,
    Pod,
    PodPhase,
    Samples,
    Scale,
    Snapshot,
    Target,
)
from scaler.decision.policy import Policy
from scaler.decision.state import State

INF = float("inf")
LE = (0.1, 0.5, 1.0, 2.5, INF)


def histogram(count: float, total: float, le: tuple[float, ...] = LE) -> Histogram:
    """``count`` observations that sum to ``total``, all in the bucket of their mean."""
    mean = total / count if count else 0.0
    return Histogram(le=le, counts=tuple(count if mean <= edge else 0.0 for edge in le), sum=total)


def samples(**given: Any) -> Samples:
    """A fresh scrape of an idle engine that exposes everything necessary."""
    fields: dict[str, Any] = {
        "age_s": 1.0,
        "start_id": "a",
        "running": 0.0,
        "waiting": 0.0,
        "kv_usage_ratio": 0.0,
        "kv_capacity_tokens": 400_000.0,
        "prompt_tokens_total": 0.0,
        "generation_tokens_total": 0.0,
        "requests_finished_total": 0.0,
    }
    return Samples(**(fields | given))


def pod(name: str = "p", **given: Any) -> Pod:
    """A ready pod, an hour old unless told otherwise."""
    fields: dict[str, Any] = {
        "name": name,
        "target": "t",
        "phase": PodPhase.READY,
        "since_s": -3500.0,
        "created_s": -3600.0,
        "node_class": "n",
        "config_id": "c",
        "samples": samples(),
    }
    return Pod(**(fields | given))


def starting(name: str = "s", **given: Any) -> Pod:
    """A pod that loads."""
    return pod(
        name, **({"phase": PodPhase.STARTING, "samples": None, "created_s": 0.0, "since_s": 0.0} | given)
    )


def target(spec: int | None = 1, **given: Any) -> Target:
    """A target whose status follows its spec, with room up to 100."""
    fields: dict[str, Any] = {
        "name": "t",
        "spec_replicas": spec,
        "status_replicas": spec,
        "min_replicas": 1,
        "max_replicas": 100,
    }
    return Target(**(fields | given))


def snapshot(now_s: float = 0.0, pods: Any = (), spec: int | None = None, **given: Any) -> Snapshot:
    """A snapshot whose one target asks for the pods that there are."""
    pods = tuple(pods)
    fields: dict[str, Any] = {
        "now_s": now_s,
        "model": "m",
        "targets": (target(len(pods) if spec is None else spec),),
        "pods": pods,
    }
    return Snapshot(**(fields | given))


def replicas(decision: Decision, i: int = 0) -> int:
    """What was asked for (or held)."""
    outcome = decision.targets[i].outcome
    assert isinstance(outcome, Scale | Hold)
    return outcome.replicas


def play(
    snapshots: Any, policy: Policy | None = None, state: State | None = None
) -> tuple[list[Decision], State]:
    """Decide on one snapshot after the other."""
    policy, state = policy or Policy(), state or State.initial()
    decisions = []
    for one in snapshots:
        decision, state = decide(one, state, policy)
        decisions.append(decision)
    return decisions, state
