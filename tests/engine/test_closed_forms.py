"""Closed forms against the loops that they replace."""

from hypothesis import given
from hypothesis import strategies as st

from simulations.engine.blocks import BlockMeter
from simulations.engine.counters import ITL_LE_S, Buckets, observe_run
from simulations.engine.runs import run_length, steps_to_reach

STEP = st.integers(1, 10**13)
INC = st.integers(0, 10**11)


@given(STEP, INC, st.integers(1, 200))
def test_a_run_is_the_sum_of_its_steps(first: int, inc: int, steps: int) -> None:
    assert run_length(first, inc, steps) == sum(first + inc * j for j in range(steps))


@given(STEP, INC, st.integers(1, 10**16))
def test_the_steps_to_reach_a_time_are_the_fewest(first: int, inc: int, goal: int) -> None:
    inc = min(inc, first)
    steps = steps_to_reach(first, inc, goal)
    assert run_length(first, inc, steps) >= goal
    assert steps == 1 or run_length(first, inc, steps - 1) < goal


@given(st.integers(0, 2 * 10**11), st.integers(0, 10**9), st.integers(1, 300), st.integers(1, 9))
def test_a_run_fills_the_buckets_as_its_steps_would(first: int, inc: int, steps: int, weight: int) -> None:
    at_once, one_by_one = (Buckets(ITL_LE_S, 10**12) for _ in range(2))
    observe_run(at_once, first, inc, steps, weight)
    for j in range(steps):
        for _ in range(weight):
            one_by_one.observe(first + inc * j)
    assert at_once.snapshot() == one_by_one.snapshot()


@given(
    st.integers(1, 17),
    st.lists(st.integers(-50, 200), min_size=1, max_size=30),
    st.integers(50, 500),
    st.integers(0, 60),
    st.integers(0, 400),
)
def test_the_meter_counts_the_blocks_of_every_request(
    block: int, offsets: list[int], clock: int, most: int, limit: int
) -> None:
    meter = BlockMeter(block)
    for offset in offsets:
        meter.add(offset)

    def used(at: int) -> int:
        return sum(-(-(offset + at) // block) for offset in offsets)

    assert meter.used(clock) == used(clock)
    if used(clock) <= limit:
        steps = meter.most_steps(clock, most, limit)
        assert used(clock + steps) <= limit
        assert steps == most or used(clock + steps + 1) > limit
    for offset in offsets:
        meter.remove(offset)
    assert (meter.used(clock), meter.sum, meter.count) == (0, 0, 0)
