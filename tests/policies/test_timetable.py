"""The search for the best time-of-day table: on a made-up plant by hand, and once through the real one."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from simulations.policies.schedule import parse
from simulations.requests import Trace
from simulations.run import simulate
from simulations.scenario import Cluster, ColdStart, Scenario
from simulations.timetable import Trial, choose, settle


def trial(replicas: tuple[int, ...], misses: tuple[int, ...]) -> Trial:
    return Trial(replicas=replicas, gpu_us=sum(replicas), misses=misses)


FAMILY = [trial((1, 2), (50, 90)), trial((2, 4), (4, 10)), trial((3, 6), (0, 1)), trial((4, 8), (0, 0))]


def test_each_slot_takes_what_is_worth_its_price() -> None:
    # 5 misses: the first slot keeps 2 (4 missed; the third replica would save 4 for 1), the second needs 6.
    assert choose(FAMILY, 5) == (2, 6)
    # 14 are spent by (2, 4); 1 needs (3, 6); none at all (3, 8).
    assert choose(FAMILY, 14) == (2, 4)
    assert choose(FAMILY, 1) == (3, 6)
    assert choose(FAMILY, 0) == (3, 8)


def test_of_several_trials_with_one_number_in_a_slot_the_mean_counts() -> None:
    family = [trial((1,), (10,)), trial((1,), (20,)), trial((2,), (0,))]
    assert choose(family, 14.9) == (2,)
    assert choose(family, 15) == (1,)


@given(
    st.lists(st.tuples(*[st.tuples(st.integers(1, 9), st.integers(0, 99))] * 3), min_size=1, max_size=8),
    st.integers(0, 300),
)
def test_the_choice_comes_from_what_was_played(drawn: list[tuple[tuple[int, int], ...]], misses: int) -> None:
    family = [trial(tuple(n for n, _ in one), tuple(m for _, m in one)) for one in drawn]
    chosen = choose(family, misses)
    assert all(n in {one.replicas[slot] for one in family} for slot, n in enumerate(chosen))


def two_halves() -> Trace:
    """Ten minutes of a prompt of 6,000 tokens every 5 s, ten of nine such prompts a second."""
    stamps = [i * 5_000_000 for i in range(120)] + [600_000_000 + i * 1_000_000 // 9 for i in range(5400)]
    n = len(stamps)
    return Trace(
        name="halves",
        arrival_us=array("q", stamps),
        input_tokens=array("q", [6000]) * n,
        output_tokens=array("q", [20]) * n,
    )


def test_the_table_found_follows_the_load_and_keeps_the_goal() -> None:
    scenario = Scenario(
        cluster=Cluster(max_replicas=6), cold_start=ColdStart(seconds=60), policy={"slot_s": 300}
    )
    trace = two_halves()
    settled, schedule = settle(scenario, trace, seed=0)
    table = parse(str(settled.policy["table"]))
    busy = dict(table)[600]
    # One prompt every 5 s needs one replica; the rest are asked for a slow start (66 s) before the load.
    assert table == ((0, 1), (600, busy), *table[2:])
    assert schedule[:2] == [(0, 1), (534_000_000, busy)]
    assert busy > 1
    result = simulate(scenario, trace, "schedule", 0).as_json()
    attained = result["slo_attainment"]
    assert isinstance(attained, float)
    assert attained >= scenario.slo.target
    assert result["scenario"] == settled.model_dump(mode="json")


def test_a_table_that_is_given_is_not_looked_for() -> None:
    scenario = Scenario(policy={"table": "1@0,9@600", "lead_s": 0.0})
    settled, schedule = settle(scenario, two_halves(), seed=0)
    assert settled is scenario
    assert schedule == [(0, 1), (600_000_000, 8)]  # within max_replicas
