"""Hearth's adapter: its ScaledObject, its knobs by ``--set``, and what it says to KEDA."""

import pytest

from scaler.decision.model import Hold, Outcome, Scale, TargetDecision, Unknown
from simulations.actuation.settings import resolve
from simulations.errors import InputError
from simulations.policies import hearth
from simulations.policies.base import Gateway, Parameters
from simulations.scenario import Cluster, Direction, Engine, Hpa, Rule, Scenario, Slo
from tests.policies.builders import samples, snapshot


def _law(parameters: Parameters, scenario: Scenario | None = None) -> hearth.Hearth:
    policy = hearth.build(parameters, scenario or Scenario())
    assert isinstance(policy, hearth.Hearth)
    return policy


def test_the_scaledobject_that_ships() -> None:
    actuation = _law({}).actuation
    assert actuation.scale_up == Direction(
        stabilization_s=0,
        tolerance=0.0,
        rules=(Rule(type="Percent", value=900, period_s=15), Rule(type="Pods", value=30, period_s=15)),
    )
    assert actuation.scale_down == Direction(stabilization_s=0)
    assert (actuation.polling_s, actuation.fallback_behavior) == (5.0, "currentReplicasIfHigher")


@pytest.mark.parametrize(
    ("parameters", "scenario", "up", "down"),
    [
        pytest.param({}, Scenario(), 0.0, 0.1, id="as shipped: none up, Kubernetes' own down"),
        pytest.param({"tolerance": 0.1}, Scenario(), 0.1, 0.1, id="a cluster before 1.33"),
        pytest.param({}, Scenario(hpa=Hpa(tolerance=0.2)), 0.0, 0.2, id="the controller's flag counts down"),
        pytest.param(
            {},
            Scenario(hpa=Hpa(scale_up=Direction(stabilization_s=60))),
            0.1,
            0.1,
            id="a scenario's behaviour replaces the shipped one, and its tolerance",
        ),
    ],
)
def test_the_decision_is_told_which_tolerance_it_has_to_get_past(
    parameters: Parameters, scenario: Scenario, up: float, down: float
) -> None:
    law = _law(parameters, scenario)
    assert (law.knobs.hpa_tolerance_up, law.knobs.hpa_tolerance_down) == (up, down)
    settings = resolve(law.actuation, scenario).hpa
    assert (settings.tolerance_up, settings.tolerance_down) == (up, down)


def test_the_objective_comes_from_the_scenario() -> None:
    knobs = _law({}, Scenario(slo=Slo(ttft_ms=3000, itl_ms=100, target=0.95))).knobs
    assert (knobs.ttft_slo_ms, knobs.itl_slo_ms, knobs.slo_target) == (3000, 100, 0.95)


def test_waking_from_zero_is_pushed() -> None:
    assert not _law({}).actuation.push
    assert _law({}, Scenario(cluster=Cluster(min_replicas=0))).actuation.push


@pytest.mark.parametrize(
    ("parameters", "name", "value"),
    [
        pytest.param({"target_utilization": 0.65}, "target_utilization", 0.65, id="any knob can be set"),
        pytest.param({"prior_scale": 1.6}, "prior_scale", 1.6, id="the prior can be scaled"),
        pytest.param({"use_fit": False}, "use_fit", False, id="a term can be switched off"),
        pytest.param({"forecast": False}, "forecast", "off", id="a bare off in YAML is a flag"),
        pytest.param({"prior": "none"}, "prior", None, id="a replica of which nothing is known"),
    ],
)
def test_knobs_are_set_by_name(parameters: Parameters, name: str, value: object) -> None:
    assert getattr(_law(parameters).knobs, name) == value


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        pytest.param({"target_utilisation": 0.7}, "did you mean policy.target_utilization?", id="unknown"),
        pytest.param({"target_utilization": 1.7}, "policy.target_utilization", id="out of bounds"),
        pytest.param({"ttft_slo_ms": 500}, "set slo.* or hpa.* instead", id="the scenario's own"),
        pytest.param({"tolerance": "little"}, "use 0 (as shipped) or 0.1", id="no share"),
        pytest.param({"prior": "guess"}, "use one of roofline, none", id="no such prior"),
    ],
)
def test_a_bad_knob_is_one_line(parameters: Parameters, line: str) -> None:
    with pytest.raises(InputError) as caught:
        _law(parameters)
    assert line in str(caught.value)


def test_the_prior_is_the_datasheet_of_the_whole_replica() -> None:
    one, two = (hearth.datasheet(Engine(tensor_parallel=n)).roofline for n in (1, 2))
    assert one is not None
    assert two is not None
    assert one.memory_bytes_per_s == pytest.approx(3.35e12)
    assert two.flops_per_s == pytest.approx(2 * 989e12)
    assert one.kv_bytes_per_token == two.kv_bytes_per_token == 131_072
    assert one.weight_bytes == pytest.approx(15.0e9, rel=0.01)  # 13.96 GB of layers and the head


@pytest.mark.parametrize(
    ("outcome", "value"),
    [
        pytest.param(Scale(replicas=7), 7.0, id="a total"),
        pytest.param(Hold(replicas=3), 3.0, id="hold keeps spec.replicas"),
        pytest.param(Unknown(), None, id="unknown is an error of the metric, never zero"),
    ],
)
def test_what_keda_is_told(outcome: Outcome, value: float | None) -> None:
    decided = TargetDecision(
        target="t", outcome=outcome, active=None, terms=(), winner="", held_back="", reason="why"
    )
    ask = hearth.spoken(decided)
    assert [(metric.value, metric.target, metric.kind) for metric in ask.metrics] == [
        (value, 1.0, "AverageValue")
    ]
    assert (ask.active, ask.reason) == (None, "why")


def test_without_a_fresh_scrape_it_holds() -> None:
    ask = _law({}).tick(snapshot(1000.0, (samples(age_s=120.0),) * 3), Gateway())
    assert ask.metrics[0].value == 3.0
