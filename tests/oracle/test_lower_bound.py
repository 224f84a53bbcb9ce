"""The bound beside the plant: no schedule that was ever played costs less, whatever engine, trace or luck."""

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.lower_bound import lower_bound, misses_allowed
from simulations.oracle.evaluate import Plant
from simulations.oracle.find import find
from simulations.oracle.schedules import normal
from simulations.requests import Trace
from simulations.scenario import Scenario

S = 1_000_000


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """5 to 60 requests within a minute or two, some with prefixes that others share."""
    n = draw(st.integers(5, 60))
    span_s = draw(st.sampled_from([5, 60, 120]))
    rng = draw(st.randoms(use_true_random=False))
    shared = draw(st.booleans())
    lengths = [rng.choice((3, 40, 300, 900)) for _ in range(n)]
    return Trace(
        name="drawn",
        arrival_us=array("q", sorted(rng.randrange(span_s * S) for _ in range(n))),
        input_tokens=array("q", lengths),
        output_tokens=array("q", [rng.choice((1, 2, 20, 150, 400)) for _ in range(n)]),
        prefixes=[((rng.randrange(3), min(length, 128)),) for length in lengths] if shared else None,
    )


scenarios = st.builds(
    lambda kv, seats, tokens, caching, floor, itl, start, failure: Scenario.model_validate(
        {
            "engine": {
                "gpu": "l4",
                "kv_tokens": kv,
                "max_num_seqs": seats,
                "max_num_batched_tokens": tokens,
                "max_model_len": 1400,
                "prefix_caching": caching,
            },
            "cluster": {"min_replicas": floor, "max_replicas": 4},
            "cold_start": {"seconds": start, "failure": failure, "jitter": 0.3},
            "slo": {"itl_ms": itl, "ttft_ms": 2000},
        }
    ),
    st.sampled_from([1600, 4000, 40_000]),
    st.sampled_from([2, 8, 256]),
    st.sampled_from([256, 2048]),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from([70.0, 100.0, 300.0]),
    st.sampled_from([0.0, 8.0, 40.0]),
    st.sampled_from([0.0, 0.3]),
)
changes = st.lists(st.tuples(st.integers(0, 150).map(lambda s: s * S), st.integers(0, 4)), max_size=6)


@settings(max_examples=40, deadline=None)
@given(traces(), scenarios, changes, st.integers(0, 3))
def test_no_schedule_costs_less_than_the_bound_at_its_own_attainment(
    trace: Trace, scenario: Scenario, drawn: list[tuple[int, int]], seed: int
) -> None:
    fewest = scenario.cluster.min_replicas
    schedule = normal([(0, fewest), *((t_us, max(fewest, n)) for t_us, n in sorted(drawn))])
    trial = Plant(scenario, trace, seed, 10 * S).play(schedule)
    attained = 1 - trial.misses / len(trace)
    bound = lower_bound(scenario, trace, seed, attained)
    assert bound.gpu_hours <= trial.gpu_us / 3.6e9 + 1e-9


def busy_minutes() -> Trace:
    """Four requests a second for a minute in the middle of three: 0.5 s of work each."""
    times = [t * S for t in range(0, 60, 6)] + [60 * S + t * S // 4 for t in range(240)] + [125 * S]
    return Trace(
        name="busy minutes",
        arrival_us=array("q", times),
        input_tokens=array("q", [2000] * len(times)),
        output_tokens=array("q", [40] * len(times)),
    )


def small_fleet(**cluster: float) -> Scenario:
    return Scenario.model_validate(
        {
            "engine": {"gpu": "l40s"},
            "cluster": {"max_replicas": 4, **cluster},
            "cold_start": {"seconds": 20.0},
        }
    )


def test_bound_oracle_and_fixed_fleets_come_in_this_order() -> None:
    scenario, trace = small_fleet(), busy_minutes()
    found = find(scenario, trace, 0, 0.98, plays=25)
    assert found.reachable
    assert found.misses <= misses_allowed(len(trace), 0.98)
    bound = lower_bound(scenario, trace, 0, 0.98)
    assert 0 < bound.gpu_hours <= found.gpu_us / 3.6e9
    plant = Plant(scenario, trace, 0, 5 * S)
    for replicas in range(1, 5):
        trial = plant.play(((0, replicas),))
        assert trial.misses > found.misses_allowed or trial.gpu_us >= found.gpu_us


def test_bound_is_the_floor_where_nothing_more_is_certain() -> None:
    scenario, trace = small_fleet(min_replicas=3), busy_minutes()
    assert lower_bound(scenario, trace, 0, 0.5).mean_replicas == pytest.approx(3.0)


def test_bound_says_so_when_too_many_prompts_are_too_long() -> None:
    scenario = Scenario.model_validate({"engine": {"max_model_len": 1000}})
    assert not lower_bound(scenario, busy_minutes(), 0, 0.98).reachable
    assert lower_bound(scenario, busy_minutes(), 0, 0.0).reachable


@pytest.mark.parametrize(
    ("requests", "attainment", "misses"),
    [(1000, 0.98, 20), (1049, 0.98, 20), (50, 0.98, 1), (49, 0.98, 0), (10, 1.0, 0), (0, 0.98, 0)],
)
def test_misses_allowed_is_the_whole_number_below(requests: int, attainment: float, misses: int) -> None:
    assert misses_allowed(requests, attainment) == misses
