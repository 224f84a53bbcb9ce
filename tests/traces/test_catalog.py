"""Names that ``--trace`` understands."""

import os
from pathlib import Path

import pytest

from simulations.errors import InputError
from simulations.traces.catalog import RECORDED, names, open_trace, recorded_path


@pytest.mark.parametrize(
    ("name", "requests"),
    [pytest.param("azure-code", 8_819, id="azure-code"), pytest.param("azure-conv", 19_366, id="azure-conv"),
     pytest.param("aibrix", 2_024, id="aibrix")],
)  # fmt: skip
def test_recorded_traces_are_found_from_anywhere(
    name: str, requests: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trace = open_trace(name, seed=0)
    assert (trace.name, len(trace), trace.arrival_us[0]) == (name, requests, 0)


def test_every_recorded_name_has_its_file_and_stands_in_the_readme() -> None:
    readme = (recorded_path("azure-code").parent / "README.md").read_text()
    for name, file in RECORDED.items():
        assert recorded_path(name).is_file()
        assert f"| `{name}` | {file} |" in readme


def test_file_names_paths_and_synthetic_loads(tmp_path: Path) -> None:
    assert open_trace("azure-llm-2023-code", seed=0).name == "azure-code"
    (tmp_path / "mine.csv").write_text("timestamp_s,input_tokens,output_tokens\n0,1,1\n")
    assert open_trace(os.fspath(tmp_path / "mine.csv"), seed=0).name == "mine"
    assert open_trace("synthetic:sparse", seed=5).name == "synthetic:sparse"


@pytest.mark.parametrize(
    ("reference", "near"),
    [
        pytest.param("azure-covn", "azure-conv", id="a slip in a recorded name"),
        pytest.param("synthetic:sin", "synthetic:sine", id="a slip in a synthetic name"),
        pytest.param("zzz", "servegen-m-small", id="nothing near: all names"),
    ],
)
def test_an_unknown_name_lists_near_ones(reference: str, near: str) -> None:
    with pytest.raises(InputError, match=near) as caught:
        open_trace(reference, seed=0)
    assert repr(reference) in str(caught.value)


def test_names_are_unique() -> None:
    assert len(set(names())) == len(names())


@pytest.mark.parametrize("reference", ["", "x" * 5000])
def test_what_can_be_no_path_is_bad_input(reference: str) -> None:
    with pytest.raises(InputError):
        open_trace(reference, 0)
