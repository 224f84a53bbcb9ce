"""The recommended ScaledObject."""

import pytest
import yaml

from simulations.policies.base import Actuation
from simulations.scenario import Direction, Rule, Scenario
from simulations.sweeps.analysis import compare
from simulations.sweeps.cells import Score
from simulations.sweeps.recommend import object_name, pick, recommend, scaled_object

ACTUATION = Actuation(
    polling_s=5.0,
    cooldown_s=300.0,
    scale_up=Direction(stabilization_s=0, tolerance=0.0, rules=(Rule(type="Pods", value=4, period_s=15),)),
    scale_down=Direction(stabilization_s=0, rules=(Rule(type="Percent", value=25, period_s=60),)),
    fallback_replicas=2,
    fallback_behavior="currentReplicasIfHigher",
)


def a_score(label: str, condition: str, gpu_hours: float, attainment: float, family: str = "hearth") -> Score:
    return Score(
        family=family,
        label=label,
        condition=condition,
        seed=0,
        attainment_ratio=attainment,
        gpu_hours=gpu_hours,
        mean_replicas=1.0,
        cost=1.0,
        ttft_p99_s=None,
        starts=0,
    )


PICKS = [
    pytest.param(
        [("u=0.8", "x", 5, 0.985), ("u=0.7", "x", 6, 0.99)], "u=0.8", id="the cheapest of those that reach it"
    ),
    pytest.param(
        [("u=0.8", "x", 5, 0.985), ("u=0.8", "y", 5, 0.97), ("u=0.7", "x", 6, 0.99), ("u=0.7", "y", 6, 0.98)],
        "u=0.7",
        id="it must reach the target under every condition",
    ),
    pytest.param(
        [("u=0.8", "x", 5, 0.97), ("u=0.8", "y", 5, 0.60), ("u=0.7", "x", 6, 0.9), ("u=0.7", "y", 6, 0.9)],
        "u=0.7",
        id="if none does, the best worst condition wins",
    ),
]


@pytest.mark.parametrize(("runs", "want"), PICKS)
def test_which_setting_is_recommended(runs: list[tuple[str, str, float, float]], want: str) -> None:
    assert pick(compare([a_score(*run) for run in runs], 0.98)) == want


def test_a_sweep_without_ours_recommends_nothing() -> None:
    assert pick(compare([a_score("", "x", 5, 1.0, family="kv")], 0.98)) is None


def test_the_manifest_is_valid_yaml_and_says_what_it_was_judged_on() -> None:
    comparisons = compare([a_score("target_utilization=0.8", "100 s", 5, 0.985)], 0.98)
    scenario = Scenario(policy={"target_utilization": 0.8})
    found = recommend(comparisons, "target_utilization=0.8", "azure-conv", scenario, ACTUATION)
    assert found.reached
    assert "# " in found.manifest
    assert "azure-conv, 100 s: 98.50 % met the SLO" in found.manifest
    document = yaml.safe_load(found.manifest)
    assert document == scaled_object(scenario, ACTUATION)


def test_the_object_carries_what_was_simulated() -> None:
    scenario = Scenario.model_validate(
        {
            "policy": {"target_utilization": 0.8, "holt_level": 0.4},
            "cluster": {"min_replicas": 2, "max_replicas": 9},
        }
    )
    spec = scaled_object(scenario, ACTUATION)["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 9)
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"}
    (trigger,) = spec["triggers"]
    assert trigger["type"] == "external"
    assert trigger["metricType"] == "AverageValue"
    assert trigger["metadata"]["targetUtilization"] == "0.8"
    assert all(isinstance(value, str) for value in trigger["metadata"].values())  # KEDA refuses anything else
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"] == {
        "stabilizationWindowSeconds": 0,
        "tolerance": 0.0,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}],
    }


NAMES = [
    pytest.param("meta-llama/Llama-3.1-8B", "llama-3-1-8b", id="a hub id"),
    pytest.param("/models/my_model/config.json", "my-model", id="the path of a config.json"),
    pytest.param("org/7B", "model-7b", id="a name that begins with a digit"),
    pytest.param("org/" + "x" * 80, "x" * 52, id="a name that is too long"),
]


@pytest.mark.parametrize(("model", "want"), NAMES)
def test_object_names_are_dns_labels(model: str, want: str) -> None:
    assert object_name(model) == want
