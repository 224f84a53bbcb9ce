"""docs/simulator.md says what the code does: keys, names and columns are compared with the code."""

import pytest

from simulations.accounting import account
from simulations.cli.per_request import COLUMNS
from simulations.requests import Outcomes, Trace
from simulations.result import FleetRecord
from simulations.scenario import Scenario
from simulations.scenario_errors import known_paths
from simulations.scenario_file import scenario_names
from simulations.scenario_reference import DOCUMENT, rewritten, table
from simulations.traces.catalog import names

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_table_of_keys_is_what_the_models_say() -> None:
    assert rewritten(TEXT) == TEXT, "run: python -m simulations.scenario_reference"


def test_every_key_has_a_row_and_a_meaning() -> None:
    rows = [row for row in table().splitlines() if row.startswith("| `")]
    keys = {row.split("`")[1] for row in rows}
    for path in known_paths():
        key = ".".join(map(str, path))
        assert key in keys or any(other.startswith(key + ".") for other in keys)
    assert [row for row in rows if row.endswith("|  |")] == []


@pytest.mark.parametrize("name", [*names(), *scenario_names()])
def test_every_name_of_a_trace_or_scenario_is_explained(name: str) -> None:
    assert f"| `{name}` |" in TEXT


def test_every_key_of_the_result_is_explained() -> None:
    trace = Trace(name="t", arrival_us=[0], input_tokens=[1], output_tokens=[1])
    result = account(
        trace,
        Outcomes(1),
        FleetRecord(pods=()),
        scenario=Scenario(),
        policy="p",
        seed=0,
        idle_ttft_s=lambda _tokens: 0.1,
    )
    explained = TEXT.partition("## Results")[2]
    assert [key for key in result.as_json() if f"`{key}`" not in explained] == []
    assert ", ".join(COLUMNS) in explained.replace("\n", " ")
