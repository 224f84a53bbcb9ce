"""Whatever a person writes: a scenario, or one line that says what is wrong."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simulations.errors import InputError
from simulations.scenario import Scenario
from simulations.scenario_errors import dotted, known_paths
from simulations.scenario_file import load_scenario

KEYS = st.sampled_from([dotted(path) for path in known_paths()]) | st.text("abc._", max_size=8)
VALUES = st.sampled_from(
    ["1", "-1", "0", "0.5", "x", "null", "true", "[]", "[1]", "[[0, 9, 1]]", "{}", "{a: 1}", ".nan", ".inf",
     "1e400", "9" * 400, "'7'", "", "[",
     "{a: {b: 1}}", "- a", "!!python/none x", "&a [*a]", "30s", "max_replicas: 4"]
)  # fmt: skip


def is_scenario_or_one_line(reference: str | None, overrides: list[str]) -> None:
    problem: InputError | None = None
    try:
        assert isinstance(load_scenario(reference, overrides), Scenario)
    except InputError as error:
        problem = error
    if problem is not None:
        assert "\n" not in str(problem)
        assert problem.where
        assert problem.fix


@settings(max_examples=300)
@given(st.lists(st.tuples(KEYS, VALUES).map("=".join), min_size=1, max_size=3))
def test_any_overrides(overrides: list[str]) -> None:
    is_scenario_or_one_line(None, overrides)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(lines=st.lists(st.tuples(st.sampled_from(["", "  ", "- ", "    "]), KEYS, VALUES), max_size=5))
@example(lines=[("", "a", "[" * 500)])
def test_any_file(tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str, str]]) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "fuzz.yaml"
    path.write_text("".join(f"{indent}{key}: {value}\n" for indent, key, value in lines))
    is_scenario_or_one_line(str(path), [])
