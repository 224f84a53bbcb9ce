"""From what a person named to what a run needs: the trace as the scenario changes it; checks before a run."""

from dataclasses import replace
from functools import lru_cache

from simulations import searches
from simulations.engine.resolve import context_note, resolve
from simulations.policies.registry import SEARCHES, build
from simulations.requests import Trace
from simulations.scenario import Scenario, TraceOptions
from simulations.traces.catalog import open_trace
from simulations.traces.transform import transform


def trace(reference: str, scenario: Scenario, seed: int) -> Trace:
    """The trace that a run of this scenario and seed replays; the last ones are kept for the next run."""
    spec = resolve(scenario.engine)
    found = _transformed(reference, scenario.trace, seed, spec.max_model_len)
    note = context_note(scenario.engine, spec)
    return replace(found, notes=(*found.notes, note)) if note else found


@lru_cache(maxsize=3)
def _transformed(reference: str, options: TraceOptions, seed: int, max_model_len: int) -> Trace:
    return transform(_read(reference, seed), options, seed, max_model_len)


@lru_cache(maxsize=2)
def _read(reference: str, seed: int) -> Trace:
    return open_trace(reference, seed)


def check(scenario: Scenario, policy: str) -> None:
    """Refuse a model that does not fit its GPU, an unknown policy, a wrong parameter, before any work."""
    resolve(scenario.engine)
    if policy in SEARCHES:
        searches.check(policy, scenario)
    else:
        build(policy, scenario.policy, scenario)
