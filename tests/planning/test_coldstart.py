"""The cold-start estimate: its arithmetic, what stays unknown, and its laws."""

import math
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_agent.planning.coldstart import (
    Candidate,
    Estimate,
    StartFacts,
    best,
    estimate,
    phases,
    startup_quantile_s,
)

GB = 10**9

WARM = StartFacts(
    schedule_s=1.0,
    node_s=0.0,
    image_present=True,
    weights_bytes=16 * GB,
    missing_bytes=0,
    resident_ratio=0.0,
    disk_read_bytes_per_s=4e9,
    gpu_link_bytes_per_s=25e9,
    gpus=1,
    compile_cached=True,
    engine_cached_s=54.0,
    warmup_s=6.0,
    probe_period_s=5.0,
    start_sigma=0.2,
)
"""A node that has everything: 1 + 16/4 + 54 + 6 + 2.5 = 67.5 s."""

COLD = replace(
    WARM,
    node_s=200.0,
    node_sigma=0.3,
    image_present=False,
    image_bytes=10 * GB,
    image_bytes_per_s=0.25e9,
    missing_bytes=16 * GB,
    source_bytes_per_s=0.8e9,
    disk_write_bytes_per_s=2e9,
    hash_bytes_per_s=1.4e9,
    hash_cores=2,
    compile_cached=False,
    engine_uncached_s=73.0,
)
"""A new node: 1 + 200 + 40 + 20 + 4 + 73 + 6 + 2.5 = 346.5 s."""


@pytest.mark.parametrize(
    ("facts", "phase", "want_s"),
    [
        pytest.param(WARM, "image", 0.0, id="an image that is there costs nothing"),
        pytest.param(COLD, "image", 40.0, id="an image that is not there is pulled"),
        pytest.param(WARM, "fetch", 0.0, id="weights on disk need no fetch"),
        pytest.param(COLD, "fetch", 20.0, id="the source is the bottleneck"),
        pytest.param(
            replace(COLD, disk_write_bytes_per_s=0.4e9), "fetch", 40.0, id="the disk is the bottleneck"
        ),
        pytest.param(replace(COLD, hash_bytes_per_s=0.1e9), "fetch", 80.0, id="hashing is the bottleneck"),
        pytest.param(
            replace(COLD, missing_bytes=4 * GB), "fetch", 5.0, id="a resumed fetch needs the rest only"
        ),
        pytest.param(WARM, "load", 4.0, id="cold page cache: the disk decides"),
        pytest.param(
            replace(WARM, resident_ratio=0.5, memory_bytes_per_s=16e9), "load", 2.5, id="half from memory"
        ),
        pytest.param(
            replace(WARM, resident_ratio=1.0, memory_bytes_per_s=100e9),
            "load",
            0.64,
            id="the GPU's link is a floor",
        ),
        pytest.param(WARM, "engine", 54.0, id="compile cache hit"),
        pytest.param(COLD, "engine", 73.0, id="compile cache miss"),
        pytest.param(WARM, "probe", 2.5, id="readiness is seen half a period late"),
    ],
)
def test_one_phase(facts: StartFacts, phase: str, want_s: float) -> None:
    assert dict(phases(facts))[phase] == pytest.approx(want_s)


@pytest.mark.parametrize(
    ("facts", "want_p50_s", "want_p90_s"),
    [
        pytest.param(WARM, 67.5, 67.5 * math.exp(1.2815516 * 0.2), id="a warm node"),
        pytest.param(
            COLD,
            346.5,
            200 * math.exp(1.2815516 * 0.3) + 146.5 * math.exp(1.2815516 * 0.2),
            id="a new node has a spread of its own",
        ),
        pytest.param(
            replace(WARM, start_sigma=None), 67.5, None, id="without a known spread the p90 is unknown"
        ),
        pytest.param(
            replace(WARM, start_sigma=0.0), 67.5, 67.5, id="without spread all quantiles are the median"
        ),
    ],
)
def test_the_whole_start(facts: StartFacts, want_p50_s: float, want_p90_s: float | None) -> None:
    got = estimate(facts)
    assert got.p50_s == pytest.approx(want_p50_s)
    assert got.p90_s == (None if want_p90_s is None else pytest.approx(want_p90_s))


NEEDED_WHEN_COLD = sorted(
    {f.name for f in fields(StartFacts)}
    - {"engine_cached_s", "memory_bytes_per_s", "start_sigma", "node_sigma"}
)


@pytest.mark.parametrize("name", NEEDED_WHEN_COLD)
def test_a_fact_that_is_needed_and_missing_makes_the_sum_unknown(name: str) -> None:
    got = estimate(replace(COLD, **{name: None}))
    assert got.p50_s is None
    assert got.p90_s is None
    assert sum(seconds is None for _, seconds in got.phases) >= 1


def test_nothing_known_is_nothing_estimated() -> None:
    got = estimate(StartFacts())
    assert (got.p50_s, got.p90_s) == (None, None)
    assert all(seconds is None for _, seconds in got.phases)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("warmup_s", -1.0, id="negative seconds"),
        pytest.param("warmup_s", math.nan, id="NaN"),
        pytest.param("weights_bytes", math.inf, id="infinite bytes"),
        pytest.param("disk_read_bytes_per_s", 0.0, id="a rate of zero"),
        pytest.param("gpus", 0, id="no GPU"),
        pytest.param("resident_ratio", 1.5, id="a share above one"),
    ],
)
def test_impossible_facts_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        replace(WARM, **{field: value})  # type: ignore[arg-type]


@given(
    field=st.sampled_from(["missing_bytes", "weights_bytes", "engine_uncached_s", "schedule_s", "node_s"]),
    factor=st.floats(1.0, 10.0),
)
def test_more_work_never_takes_less_time(field: str, factor: float) -> None:
    grown = replace(COLD, **{field: getattr(COLD, field) * factor})
    for quantile in (0.1, 0.5, 0.95):
        before, after = startup_quantile_s(COLD, quantile), startup_quantile_s(grown, quantile)
        assert before is not None
        assert after is not None
        assert after >= before


@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=5).map(sorted))
def test_quantiles_never_fall(quantiles: list[float]) -> None:
    seconds = [startup_quantile_s(COLD, q) for q in quantiles]
    assert seconds == sorted(s for s in seconds if s is not None)


def a_candidate(node: str, p50_s: float | None, **changes: object) -> Candidate:
    known = Estimate(phases=(), p50_s=p50_s, p90_s=None if p50_s is None else p50_s * 1.3)
    candidate = Candidate(node=node, schedulable=True, free_gpus=1, estimate=known)
    return replace(candidate, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("candidates", "want"),
    [
        pytest.param([a_candidate("a", 30.0), a_candidate("b", 20.0)], "b", id="the soonest wins"),
        pytest.param([a_candidate("b", 20.0), a_candidate("a", 20.0)], "a", id="ties go by name"),
        pytest.param(
            [a_candidate("a", 30.0), a_candidate("b", 20.0, schedulable=False)],
            "a",
            id="cordoned nodes are out",
        ),
        pytest.param(
            [a_candidate("a", 30.0), a_candidate("b", 20.0, free_gpus=0)], "a", id="full nodes are out"
        ),
        pytest.param([a_candidate("a", 30.0), a_candidate("b", None)], "a", id="an unknown start never wins"),
        pytest.param([a_candidate("b", None)], None, id="nothing known: no best"),
        pytest.param([], None, id="no node: no best"),
    ],
)
def test_best_node(candidates: list[Candidate], want: str | None) -> None:
    found = best(candidates, gpus=1)
    assert (found.node if found else None) == want
