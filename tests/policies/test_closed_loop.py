"""Every law in the loop: a step of load that one replica cannot carry, through its own actuation.

Two minutes at 1, four at 24 requests a second of 3,000 and 200 tokens on Llama-3.1-8B and an H100. A
prompt takes 75 ms, so 24 a second are prefill work for 1.8 replicas alone; the cold start is 30 s.
"""

from array import array

import pytest

from simulations.policies import registry
from simulations.requests import Trace
from simulations.result import Result
from simulations.run import simulate
from simulations.scenario import Cluster, ColdStart, Scenario, Slo

LAWS = (
    "hearth",
    "queue",
    "kv",
    "inflight",
    "kpa",
    "apa",
    "wva",
    "llmd-slo",
    "llmd-tokens",
    "keda-otel",
    "dynamo",
)
OVERLOAD = 24.0
"""Requests per second of the step."""


def _step(rate: float) -> Trace:
    times = [i * 1.0 for i in range(120)] + [120.0 + i / rate for i in range(int(240 * rate))]
    n = len(times)
    return Trace(
        name="step",
        arrival_us=array("q", [round(t * 1e6) for t in times]),
        input_tokens=array("q", [3000] * n),
        output_tokens=array("q", [200] * n),
    )


def _scenario(**cluster: int) -> Scenario:
    return Scenario(
        cluster=Cluster(**{"min_replicas": 1, "max_replicas": 6} | cluster),
        cold_start=ColdStart(seconds=30.0),
        slo=Slo(ttft_ms=2000.0, itl_ms=50.0),
    )


def _run(law: str, scenario: Scenario | None = None) -> Result:
    return simulate(scenario or _scenario(), _step(OVERLOAD), law, 1)


@pytest.mark.parametrize("law", LAWS)
def test_a_step_that_one_replica_cannot_carry_makes_it_grow(law: str) -> None:
    result = _run(law)
    assert result.peak_replicas > 1
    assert result.requests == 120 + int(240 * OVERLOAD)
    assert registry.POLICIES[law].line


@pytest.mark.parametrize("law", ["hearth", "kv", "dynamo"])
def test_the_same_seed_gives_the_same_run(law: str) -> None:
    first, second = _run(law), _run(law)
    assert (first.gpu_hours, first.slo_attainment, first.timeline) == (
        second.gpu_hours,
        second.slo_attainment,
        second.timeline,
    )


@pytest.mark.parametrize(
    "law", ["hearth", "queue", "kv", "inflight", "kpa", "wva", "llmd-slo", "llmd-tokens"]
)
def test_a_fleet_at_zero_wakes_for_a_request(law: str) -> None:
    result = _run(law, _scenario(min_replicas=0))
    assert result.completed > 0
