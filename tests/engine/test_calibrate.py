"""Calibration: it finds constants that made a run, and says what they are worth on requests that it did
not see."""

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from simulations.calibration.descent import minimise
from simulations.calibration.fit import FIGURES, calibrate, write_fit
from simulations.calibration.measured import MeasuredRun, Times, read_measured, replay
from simulations.engine.resolve import resolve
from simulations.errors import InputError
from simulations.scenario import Engine

ENGINE = Engine(gpu="rtx-pro-6000", max_num_seqs=32, max_num_batched_tokens=512, ingest_ms=0)


def a_run(tmp_path: Path, efficiency: str) -> MeasuredRun:
    """A run as an engine with other efficiencies would have measured it."""
    path = tmp_path / "truth.yaml"
    path.write_text(f"efficiency: {efficiency}\n")
    run = MeasuredRun(
        name="made",
        arrival_us=[i * 60_000 for i in range(60)],
        input_tokens=[100 + 37 * i % 900 for i in range(60)],
        output_tokens=[20 + 13 * i % 90 for i in range(60)],
        times=Times(queue_s=(), ttft_s=(), e2e_s=()),
    )
    truth = resolve(ENGINE.model_copy(update={"calibration": str(path)}))
    return replace(run, times=replay(truth, run))


def test_it_finds_its_way_back_to_a_slower_engine(tmp_path: Path) -> None:
    run = a_run(tmp_path, "{memory: 0.5, compute: 0.6}")
    heard: list[tuple[int, int]] = []
    fit = calibrate(run, ENGINE, lambda done, of: heard.append((done, of)))
    assert abs(fit.held_before["e2e_s"]) > 0.15
    assert all(abs(fit.held_after[figure]) < 0.03 for figure in FIGURES)
    assert fit.efficiency["memory"] == pytest.approx(0.5, rel=0.1)
    assert fit.link == {}
    assert heard[-1][0] == heard[-1][1]


def test_the_file_that_it_writes_is_what_the_engine_reads(tmp_path: Path) -> None:
    run = a_run(tmp_path, "{memory: 0.5, compute: 0.6}")
    fit = calibrate(run, ENGINE)
    path = tmp_path / "mine.yaml"
    write_fit(fit, path)
    content = yaml.safe_load(path.read_text())
    assert content["fitted_to"] == "made"
    assert set(content["errors"]) == {"fitted_before", "fitted_after", "held_before", "held_after"}
    calibrated = resolve(ENGINE.model_copy(update={"calibration": str(path)}))
    assert calibrated.step.tokens_ps[1] > resolve(ENGINE).step.tokens_ps[1]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("tmp")] == []


def test_a_run_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    run = a_run(tmp_path, "{}")
    with pytest.raises(InputError, match="20 or more"):
        calibrate(replace(run, arrival_us=run.arrival_us[:3]), ENGINE)
    with pytest.raises(InputError, match="lacks requests with two output tokens"):
        calibrate(replace(run, output_tokens=[1] * len(run.output_tokens)), ENGINE)
    with pytest.raises(InputError, match="request 2: its prompt of 137"):
        calibrate(run, ENGINE.model_copy(update={"max_model_len": 120}))


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("a,b\n", ":1", "header"),
        ("timestamp_s,input_tokens,output_tokens,queue_s,ttft_s,e2e_s\n", "", "no rows"),
        ("timestamp_s,input_tokens,output_tokens,queue_s,ttft_s,e2e_s\n0,1,1,0,0\n", ":2", "5 fields"),
        ("timestamp_s,input_tokens,output_tokens,queue_s,ttft_s,e2e_s\n0,0,1,0,0,0\n", ":2", "input_tokens"),
        ("timestamp_s,input_tokens,output_tokens,queue_s,ttft_s,e2e_s\n0,1,1,0,nan,0\n", ":2", "ttft_s"),
        ("timestamp_s,input_tokens,output_tokens,queue_s,ttft_s,e2e_s\n0,1,1,0,3,2\n", ":2", "do not ascend"),
    ],
    ids=["another header", "no rows", "a short row", "no tokens", "NaN", "a last token before the first"],
)
def test_a_bad_measured_file_names_line_and_value(
    tmp_path: Path, text: str, where: str, problem: str
) -> None:
    path = tmp_path / "run.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_measured(path)
    assert str(caught.value).startswith(f"{path}{where}")
    assert problem in str(caught.value)


def test_a_damaged_measured_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "run.csv.gz"
    packed = bytearray(gzip.compress(b"timestamp_s,input_tokens" * 99, mtime=0))
    packed[10] = 0xFF  # no such kind of block
    path.write_bytes(packed)
    with pytest.raises(InputError, match="is not readable"):
        read_measured(path)


def test_the_simplex_finds_the_bottom_of_a_bowl_with_a_kink() -> None:
    found = minimise(lambda p: abs(p[0] - 0.3) + (p[1] + 0.2) ** 2, 2, 200, lambda _d, _o: None)
    assert found == pytest.approx((0.3, -0.2), abs=0.02)
