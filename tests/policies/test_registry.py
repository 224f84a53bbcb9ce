"""Names: one line each, built by name, and errors that name the nearest."""

import pytest

from simulations.errors import InputError
from simulations.policies import grids, registry
from simulations.policies.base import Parameters
from simulations.scenario import Scenario

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
