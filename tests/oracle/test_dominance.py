"""When an oracle counts as beaten, and that a law's own schedule gives what the law gave."""

import pytest

from simulations.oracle.dominance import Outcome, check_dominates, realised
from simulations.run import play, simulate
from simulations.scenario import Scenario
from simulations.traces.catalog import open_trace
from simulations.traces.transform import transform


def outcome(label: str, gpu_hours: float, attainment_ratio: float) -> Outcome:
    return Outcome(label=label, gpu_hours=gpu_hours, attainment_ratio=attainment_ratio)


@pytest.mark.parametrize(
    ("laws", "beaten_by"),
    [
        pytest.param([outcome("a", 9.8, 0.99)], ["a"], id="cheaper and better beats it"),
        pytest.param([outcome("a", 9.95, 0.99)], [], id="half a percent is within the tolerance"),
        pytest.param([outcome("a", 5.0, 0.979)], [], id="a law that attains less proves nothing"),
        pytest.param([outcome("a", 9.0, 0.98), outcome("b", 8.0, 0.98)], ["b"], id="the cheapest is named"),
        pytest.param([], [], id="alone it is not beaten"),
    ],
)
def test_who_beats_an_oracle_of_10_hours_at_98_percent(laws: list[Outcome], beaten_by: list[str]) -> None:
    found = check_dominates([outcome("oracle", 10.0, 0.98)], laws)
    assert [beaten.law.label for beaten in found] == beaten_by


def test_a_laws_own_schedule_costs_and_attains_what_the_law_did() -> None:
    scenario = Scenario.model_validate({"cluster": {"max_replicas": 6}, "trace": {"duration_s": 700}})
    trace = transform(open_trace("synthetic:ramp", 0), scenario.trace, 0, 100_000)
    scenario = scenario.model_copy(update={"policy": {"target": 0.2}})
    law = simulate(scenario, trace, "kv", 0)
    schedule = realised(scenario, trace, "kv", 0)
    again = play(scenario, trace, "kv", 0, schedule=list(schedule)).judge()
    assert len(schedule) > 1
    assert (again.gpu_hours, again.slo_attainment) == (law.gpu_hours, law.slo_attainment)
