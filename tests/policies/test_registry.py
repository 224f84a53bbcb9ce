"""Names: one line each, built by name, and errors that name the nearest."""

import pytest

from simulations.errors import InputError
from simulations.policies import grids, registry
from simulations.policies.base import Gateway, Parameters
from simulations.policies.mix import Mix
from simulations.scenario import Scenario
from tests.policies.builders import samples, snapshot

RIVALS = ("queue", "kv", "inflight", "kpa", "apa", "wva", "llmd-slo", "llmd-tokens", "keda-otel", "dynamo")


@pytest.mark.parametrize("name", RIVALS)
def test_every_rival_is_built_by_its_name_with_its_authors_defaults(name: str) -> None:
    policy = registry.build(name, {}, Scenario())
    assert policy.name == name
    assert policy.tick_s > 0.0


@pytest.mark.parametrize("name", RIVALS)
def test_every_point_of_a_rivals_grid_can_be_built(name: str) -> None:
    for point in grids.grid(name):
        registry.build(name, point, Scenario())


@pytest.mark.parametrize(
    ("name", "parameters", "line"),
    [
        pytest.param("kvv", {}, "did you mean kv?", id="an unknown policy names the nearest"),
        pytest.param("kv", {"targte": 1}, "did you mean policy.target?", id="an unknown parameter too"),
        pytest.param("kv:3", {}, "kv takes no argument", id="an argument where none is"),
        pytest.param("static:many", {}, "'many' in 'static:many' is not a number", id="a word for a count"),
        pytest.param(
            "static:" + "9" * 5000, {}, "is not a number of replicas", id="no count that anyone means"
        ),
        pytest.param("oracle", {}, "oracle is a search over schedules", id="a search is not a law"),
    ],
)
def test_a_name_that_cannot_be_built_is_one_line(name: str, parameters: Parameters, line: str) -> None:
    with pytest.raises(InputError) as caught:
        registry.build(name, parameters, Scenario())
    assert line in str(caught.value)


def test_help_has_one_line_for_every_name() -> None:
    assert set(RIVALS) < set(registry.NAMES)
    assert all(line and "\n" not in line for line in registry.NAMES.values())


def test_laws_with_measured_thresholds_are_profiled_with_the_workloads_mean_request() -> None:
    short, long = (Mix(prompt_tokens=p, output_tokens=200.0) for p in (200.0, 8000.0))
    for name in ("inflight", "kpa", "keda-otel", "llmd-tokens"):
        assert "prompt_tokens" in registry.POLICIES[name].profiled
    asks = [
        registry.build("inflight", {}, Scenario(), mix).tick(
            snapshot(0.0, (samples(running=100.0),)), Gateway()
        )
        for mix in (short, long)
    ]
    assert (asks[0].wanted or 0.0) < (asks[1].wanted or 0.0)


def test_a_given_parameter_is_stronger_than_the_profile() -> None:
    mix = Mix(prompt_tokens=8000.0, output_tokens=200.0)
    policy = registry.build("inflight", {"target": 50}, Scenario(), mix)
    assert policy.tick(snapshot(0.0, (samples(running=100.0),)), Gateway()).wanted == 2.0
