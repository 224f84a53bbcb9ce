"""Versions of the pod template over a run: the scenario's engine, then each change to it."""

import hashlib
from functools import lru_cache

from pydantic import ValidationError

from simulations.engine.resolve import resolve
from simulations.engine.spec import EngineSpec
from simulations.errors import InputError
from simulations.fleet.coldstart import typical
from simulations.fleet.pods import Revision
from simulations.scenario import Engine, EngineChange, Scenario


def revisions(scenario: Scenario) -> list[tuple[int, Revision]]:
    """(µs from which new pods use it, revision), the first one from 0 on; changes add up in order of time."""
    engine = scenario.engine
    found = [(0, _revision(0, engine, scenario))]
    for number, change in enumerate(sorted(scenario.changes, key=lambda c: c.at_s), start=1):
        engine = _changed(engine, change)
        found.append((round(change.at_s * 1_000_000), _revision(number, engine, scenario)))
    return found


def _revision(number: int, engine: Engine, scenario: Scenario) -> Revision:
    spec = _resolved(engine)
    return Revision(
        number=number,
        config_id=hashlib.sha256(engine.model_dump_json().encode()).hexdigest()[:12],
        spec=spec,
        typical=typical(scenario.cold_start, spec.weights_bytes, spec.tensor_parallel),
    )


@lru_cache(maxsize=64)
def _resolved(engine: Engine) -> EngineSpec:
    """A search through thousands of schedules resolves (12 ms) once."""
    return resolve(engine)


def _changed(engine: Engine, change: EngineChange) -> Engine:
    where = f"changes (at_s {change.at_s:g})"
    if change.engine.get("tensor_parallel", engine.tensor_parallel) != engine.tensor_parallel:
        raise InputError(
            where, "tensor_parallel cannot change during a run", "keep it; the GPUs of a replica are fixed"
        )
    try:
        return Engine.model_validate({**engine.model_dump(), **change.engine})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        fix = "use the keys and ranges of `engine`"
        raise InputError(where, f"engine.{key}: {first['msg']}", fix) from error
