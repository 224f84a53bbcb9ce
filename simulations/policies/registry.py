"""The policies by name: what each is, and how it is built for one run.

Laws are imported when they are built: a run pays for its own law only.
"""

from dataclasses import dataclass
from importlib import import_module

from simulations.errors import InputError
from simulations.policies.base import Factory, Parameters, Policy
from simulations.policies.mix import Mix
from simulations.policies.parameters import nearest
from simulations.scenario import Scenario

ARGUMENTS = {"static": "replicas"}
"""Policies that take a number after a colon, and the parameter that it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name: the module whose ``build`` makes the law, and one line for ``--help``."""

    module: str
    line: str
    profiled: tuple[str, ...] = ()
    """Parameters that are the mean request that its operator profiles with."""


REQUEST = ("prompt_tokens", "output_tokens")

POLICIES = {
    "hearth": Entry(module="hearth", line="Hearth's decision code itself, imported, not modelled"),
    "static": Entry(module="static", line="a fixed number of replicas: static:4"),
    "hpa-cpu": Entry(module="hpa_cpu", line="Kubernetes' HPA on CPU utilisation"),
    "queue": Entry(module="queue_length", line="waiting requests per replica (vLLM production stack, KEDA)"),
    "kv": Entry(module="kv", line="KV-cache usage per replica (KEDA); target 0.8 as shipped"),
    "inflight": Entry(
        module="inflight", line="running and waiting requests per replica (KEDA)", profiled=REQUEST
    ),
    "kpa": Entry(
        module="kpa",
        line="Knative's concurrency autoscaler with stable and panic windows",
        profiled=REQUEST,
    ),
    "apa": Entry(module="apa", line="AIBrix's APA on KV-cache usage"),
    "wva": Entry(module="wva", line="llm-d's Workload Variant Autoscaler, V2 tokens, through KEDA"),
    "llmd-slo": Entry(module="llmd_slo", line="llm-d's SLO-aware KEDA recipe: P90 latency over objective"),
    "llmd-tokens": Entry(
        module="llmd_tokens",
        line="llm-d's token-aware KEDA recipe: prefill backlog and KV",
        profiled=REQUEST[:1],
    ),
    "keda-otel": Entry(
        module="keda_otel",
        line="KServe's OpenTelemetry recipe: running requests per replica",
        profiled=REQUEST,
    ),
    "dynamo": Entry(module="dynamo", line="NVIDIA Dynamo's planner: load and throughput loops, SLA mode"),
    "schedule": Entry(module="schedule", line="the best time-of-day table of replicas"),
}

SEARCHES = {
    "oracle": "the cheapest schedule found with perfect foresight, verified request by request",
    "lower-bound": "a bound on cost that no schedule can go below",
}
"""Names that commands accept beside policies: searches over schedules, not laws."""

NAMES = {name: entry.line for name, entry in POLICIES.items()} | SEARCHES
"""Every name with one line for ``--help``."""


_DIGITS = 9
"""Of a number of replicas that somebody means."""


def build(name: str, parameters: Parameters, scenario: Scenario, mix: Mix | None = None) -> Policy:
    """The policy ``name`` (``kv``, ``static:4``) for one run.

    ``mix``: the workload's mean request, for laws whose operator measures thresholds with it in advance.
    Raises :class:`InputError` for an unknown name (naming the nearest), argument or parameter.
    """
    base, colon, argument = name.partition(":")
    entry = POLICIES.get(base)
    if entry is None:
        raise _unknown(base)
    if colon:
        parameters = {**parameters, **_argument(name, base, argument)}
    if mix is not None:
        parameters = {key: getattr(mix, key) for key in entry.profiled} | dict(parameters)
    factory: Factory = import_module(f"simulations.policies.{entry.module}").build
    return factory(parameters, scenario)


def _unknown(name: str) -> InputError:
    if name in SEARCHES:
        return InputError("policy", f"{name} is a search over schedules, not a law", "run it on its own")
    known = ", ".join(NAMES)
    return InputError(
        "policy", f"unknown policy {name!r}", f"did you mean {nearest(name, tuple(NAMES))}? known: {known}"
    )


def _argument(name: str, base: str, argument: str) -> Parameters:
    if base not in ARGUMENTS:
        raise InputError("policy", f"{base} takes no argument, got {name!r}", f"use --policy {base}")
    if not argument.isdecimal() or len(argument) > _DIGITS:
        raise InputError("policy", f"{argument!r} in {name!r} is not a number of replicas", "use static:4")
    return {ARGUMENTS[base]: int(argument)}
