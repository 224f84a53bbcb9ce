"""llm-d's SLO-aware recipe on its own published ramp: no straw man (more: docs/designs/0006-rivals.md)."""

import pytest

from simulations.run import simulate
from tests.bench import published_setups as setups
from tests.bench.published import until_drained
from tests.bench.published_setups import fleet, staged

PUBLISHED_ATTAINMENT, POINTS = 0.958, 0.03
"""llm-d/llm-d#2011, and how near the issue wants it."""


@pytest.mark.parametrize(
    ("policy", "attainment", "replicas"),
    [
        pytest.param("static:8", 1.0, 8.0, id="eight replicas meet every request, as published"),
        pytest.param("llmd-slo", PUBLISHED_ATTAINMENT, 5.1, id="the law comes within three points"),
    ],
)
def test_the_published_ramp(policy: str, attainment: float, replicas: float) -> None:
    trace = staged("llm-d slo ramp", setups.SLO_RAMP, setups.SLO_LENGTHS, 1, poisson=False)
    scenario = fleet(setups.QWEN_32B_TP2, least=3, most=8, startup_s=100.0)
    result = simulate(scenario, trace, policy, 1)
    assert result.slo_attainment_flat_ttft == pytest.approx(attainment, abs=POINTS)
    assert until_drained(result, 3) == pytest.approx(replicas, abs=0.4)
