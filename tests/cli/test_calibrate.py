"""``hearth calibrate``: one line for whatever is wrong, a fit for what is right."""

from pathlib import Path

import pytest
import yaml

import simulations.traces
from tests.cli.conftest import Inside
from tests.cli.run import files

MEASURED = next((Path(simulations.traces.__file__).parent / "recorded" / "measured").glob("*.csv.gz"))


def a_measured_run(folder: Path, requests: int = 24) -> str:
    """Ten requests a second of an engine that takes 30 ms for a prompt and 10 ms for each further token."""
    rows = "".join(f"{i / 10},{200 + i},{20},{0.001},{0.03},{0.03 + 0.19}\n" for i in range(requests))
    (folder / "m.csv").write_text(f"timestamp_s,input_tokens,output_tokens,queue_s,ttft_s,e2e_s\n{rows}")
    return "m.csv"


def test_a_fit_says_its_errors_and_can_be_used(tmp_path: Path, inside: Inside) -> None:
    done = inside("calibrate", a_measured_run(tmp_path), "--out", "fit.yaml")
    assert done.code == 0
    assert "fitted, held back" in done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80
    fitted = yaml.safe_load((tmp_path / "fit.yaml").read_text())
    assert fitted["fitted_to"] == "m"
    assert files(tmp_path) == ["fit.yaml", "m.csv"]


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        (("max_num_seqs=128", "max_num_batched_tokens=2048", "ingest_ms=0"), "Use it: hearth simulate"),
        ((), "warning: the fit misses"),
    ],
    ids=["an engine as it was measured", "seats and a budget that it never had"],
)
def test_a_fit_that_predicts_nothing_is_not_recommended(
    settings: tuple[str, ...], advice: str, tmp_path: Path, inside: Inside
) -> None:
    chosen = [f"--set=engine.{one}" for one in ("gpu=rtx-pro-6000", *settings)]
    done = inside("calibrate", str(MEASURED), *chosen, "--out", "fit.yaml")
    assert done.code == 0
    assert advice in done.out


BAD = [
    pytest.param(["none.csv"], "none.csv", id="no such file"),
    pytest.param(["m.csv", "--set", "engine.gpu=h1000"], "h1000", id="unknown GPU"),
    pytest.param(["m.csv", "--out", "m.csv"], "m.csv is what is read", id="the run as the output"),
    pytest.param(["m.csv", "--out", "-"], "--out: - is no file", id="a fit on stdout"),
    pytest.param(["m.csv", "--out", "no/fit.yaml"], "--out", id="no such directory"),
]


@pytest.mark.parametrize(("arguments", "want"), BAD)
def test_bad_input_is_one_line(arguments: list[str], want: str, tmp_path: Path, inside: Inside) -> None:
    a_measured_run(tmp_path)
    done = inside("calibrate", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert want in done.err
    assert files(tmp_path) == ["m.csv"]
