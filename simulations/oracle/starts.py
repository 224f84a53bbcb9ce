"""How long starts take in a run with this seed, at best: what an oracle knows beforehand, and what a bound
may charge."""

from functools import lru_cache

from simulations.engine.resolve import resolve
from simulations.fleet.coldstart import Typical, backoff_us, draw, typical
from simulations.fleet.nodes import Node
from simulations.rng import stream
from simulations.scenario import ColdStart, Scenario


def starts_us(scenario: Scenario, seed: int, count: int) -> tuple[int, ...]:
    """From binding to ready on a node that holds image and weights, of the first ``count`` pods of the run.

    A pod's luck depends on its serial number alone (``simulations.fleet.pods``), not on the law that
    created it.
    """
    spec = resolve(scenario.engine)
    return _all(scenario.cold_start, spec.weights_bytes, spec.tensor_parallel, seed, count)


@lru_cache(maxsize=16)
def _all(cold: ColdStart, weights_bytes: int, gpus: int, seed: int, count: int) -> tuple[int, ...]:
    usual = typical(cold, weights_bytes, gpus)
    return tuple(_start_us(usual, cold, seed, serial) for serial in range(count))


def _start_us(usual: Typical, cold: ColdStart, seed: int, serial: int) -> int:
    rng = stream(seed, f"pod/{serial}")
    rng.getrandbits(64)  # its uid comes first
    warm = Node(serial=0, gpus=1, weights_us=0, image_us=0)
    attempt = draw(usual, cold, warm, 0, rng)
    failures = 0
    while attempt.failed and cold.failure < 1:
        failures += 1
        attempt = draw(usual, cold, warm, attempt.end_us + backoff_us(failures), rng, restart=True)
    return attempt.end_us
