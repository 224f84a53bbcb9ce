"""The synthetic loads are what their table says."""

from itertools import pairwise
from statistics import fmean

import pytest

from simulations.traces.synthetic import LOADS, generate


@pytest.mark.parametrize(
    ("name", "want_n", "span_s"),
    [
        pytest.param("ramp", 240 * 35, 1680, id="ramp: 35 rps × 4 min"),
        pytest.param("sine", 5.5 * 3600, 3600, id="sine: 5.5 rps on average"),
        pytest.param("prefill", 240 * 75, 1920, id="prefill: 75 rps × 4 min"),
        pytest.param("decode", 240 * 50, 1920, id="decode: 50 rps × 4 min"),
    ],
)
def test_volume_is_within_four_standard_deviations(name: str, want_n: float, span_s: float) -> None:
    trace = generate(name, seed=1)
    assert abs(len(trace) - want_n) < 4 * want_n**0.5
    assert 0 <= trace.arrival_us[0] <= trace.arrival_us[-1] <= span_s * 1e6


@pytest.mark.parametrize("name", LOADS)
def test_a_load_is_sorted_seeded_and_has_the_lengths_of_its_table(name: str) -> None:
    trace = generate(name, seed=3)
    assert list(trace.arrival_us) == sorted(trace.arrival_us)
    assert trace == generate(name, seed=3)
    assert trace.arrival_us != generate(name, seed=4).arrival_us
    if len(trace) > 1000:
        assert fmean(trace.input_tokens) == pytest.approx(LOADS[name].input_tokens, rel=0.05)
        assert fmean(trace.output_tokens) == pytest.approx(LOADS[name].output_tokens, rel=0.05)


def test_burst_and_sparse_have_the_shapes_that_they_are_named_after() -> None:
    per_minute = [0] * 60
    for us in generate("burst", seed=2).arrival_us:
        per_minute[int(us // 60e6)] += 1
    assert max(per_minute) > 400
    assert sorted(per_minute)[30] < 300
    sparse = generate("sparse", seed=2).arrival_us
    gaps = [b - a for a, b in pairwise(sparse)]
    assert max(gaps) > 600e6, "long enough to scale to zero"
