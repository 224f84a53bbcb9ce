"""The live engine without a network: the simulator's times, tokens when they are due, memory that stays."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.engine.engine import Engine
from simulations.engine.spec import EngineSpec
from simulations.live.driver import Driver
from simulations.live.prompts import blocks, of_ids
from simulations.requests import Outcomes
from tests.engine.builders import MS, PLAIN, SPEC
from tests.live.builders import Heard, a_driver, a_job, run_out

Load = list[tuple[int, int, int]]
"""(gap in µs, prompt, output)."""

LOADS = st.lists(st.tuples(st.integers(0, 30 * MS), st.integers(1, 60), st.integers(1, 40)), max_size=12)
PRESSED = replace(SPEC, kv_blocks=31, prefix_caching=False, async_scheduling=True)


def arrivals(load: Load) -> list[tuple[int, int, int]]:
    """Gaps as times."""
    at_us, found = 0, []
    for gap_us, prompt, output in load:
        at_us += gap_us
        found.append((at_us, prompt, output))
    return found


def submit_all(driver: Driver, load: Load, ticks: list[int]) -> list[Heard]:
    """Serve a load, with ticks at ``ticks`` beside those that the driver asks for."""
    heard, extra = [], sorted(ticks)
    for at_us, prompt, output in arrivals(load):
        while extra and extra[0] <= at_us:
            driver.tick(extra.pop(0))
        while (next_us := driver.next_us()) is not None and next_us <= at_us:
            driver.tick(next_us)
        heard.append(Heard(driver))
        driver.submit(a_job(prompt, output), heard[-1], at_us, heard[-1])
    for at_us in extra:
        driver.tick(at_us)
    run_out(driver)
    return heard


@given(LOADS)
def test_first_and_last_tokens_come_when_the_simulator_says(load: Load) -> None:
    outcomes = Outcomes(len(load))
    engine = Engine(PRESSED, outcomes, start_us=0, start_id="a", replica=0)
    for index, (at_us, prompt, output) in enumerate(arrivals(load)):
        engine.advance(at_us)
        engine.submit(index, prompt, output, (), at_us)
    while (next_us := engine.next_us()) is not None:
        engine.advance(next_us)
    heard = submit_all(a_driver(PRESSED), load, [])
    assert [one.at[0][0] for one in heard] == list(outcomes.first_token_us)
    assert [one.at[-1][0] for one in heard] == list(outcomes.finished_us)


@given(LOADS, st.lists(st.integers(0, 400 * MS), max_size=20))
def test_whenever_it_ticks_every_token_that_is_due_is_out(load: Load, ticks: list[int]) -> None:
    exact = submit_all(a_driver(PRESSED), load, [])
    late = submit_all(a_driver(PRESSED), load, ticks)
    for one, other in zip(exact, late, strict=True):
        due = dict(one.at)
        assert other.sent == one.sent
        for at_us, total in other.at:
            assert total == max(count for us, count in due.items() if us <= at_us)


@given(LOADS)
def test_each_token_is_counted_once(load: Load) -> None:
    driver = a_driver(PRESSED)
    heard = submit_all(driver, load, [])
    samples, tokens = driver.engine.samples(), sum(output for _, _, output in load)
    assert [one.sent for one in heard] == [output for _, _, output in load]
    assert samples.generation_tokens_total == tokens
    assert samples.prompt_tokens_total == sum(prompt for _, prompt, _ in load)
    assert driver.engine.iterations.snapshot().sum == samples.iteration_tokens_total
    assert driver.tally.reasons["length"] == len(load)
    assert driver.tally.preemptions.snapshot().sum == samples.preemptions_total
    assert len(driver) == 0
    assert driver.engine.preempted == {}


def test_phases_of_a_request_add_up() -> None:
    driver = a_driver(PLAIN)
    first, second = Heard(driver), Heard(driver)
    driver.submit(a_job(24, 3), first, 0)
    driver.submit(a_job(24, 3), second, 100)
    run_out(driver)
    tally, queue = driver.tally, driver.engine.samples().queue_s
    assert queue is not None
    assert tally.e2e.sum == pytest.approx(1e6 * queue.sum + tally.inference.sum)
    assert tally.inference.sum == tally.prefill.sum + tally.decode.sum
    assert tally.time_per_token.sum == sum(tally.decode.sum // 2 for _ in range(1))


def test_an_abort_frees_everything_and_is_in_no_metric_of_finished_requests() -> None:
    driver = a_driver(PLAIN)
    gone = Heard(driver)
    index = driver.submit(a_job(20, 50), gone, 0, gone)
    for _ in range(4):
        due_us = driver.next_us()
        assert due_us is not None
        driver.tick(due_us + 1)  # the next step starts after, not at, the end of the one before
    assert gone.sent == 3
    assert driver.engine.kv_usage_ratio() > 0
    driver.abort(index, gone, driver.now_us)
    run_out(driver)
    assert (gone.sent, gone.end, driver.engine.kv_usage_ratio()) == (3, None, 0)
    assert (driver.tally.reasons.total(), driver.tally.e2e.sum) == (0, 0)
    assert driver.engine.samples().prompt_tokens_total == 20
    driver.abort(index, gone, driver.now_us)  # once more changes nothing


def test_an_index_is_used_again_and_the_columns_stay_small() -> None:
    driver = a_driver(PLAIN)
    indices = set()
    for i in range(3000):
        indices.add(driver.submit(a_job(4, 1), Heard(driver), i * 5 * MS))
    run_out(driver)
    assert len(indices) < 4
    assert driver.tally.reasons.total() == 3000


def test_who_leaves_late_takes_nobody_else_along() -> None:
    driver = a_driver(PLAIN)
    over, stays = Heard(driver), Heard(driver)
    index = driver.submit(a_job(4, 1), over, 0)
    run_out(driver)
    assert driver.submit(a_job(4, 3), stays, driver.now_us) == index
    driver.abort(index, over, driver.now_us)
    run_out(driver)
    assert stays.end == (3, "length")


def test_columns_grow_with_what_is_under_way() -> None:
    driver = a_driver(PLAIN)
    heard = [Heard(driver) for _ in range(3000)]
    assert len({driver.submit(a_job(4, 1), one, 0) for one in heard}) == 3000
    run_out(driver)
    assert all(one.end == (1, "length") for one in heard)


def test_a_stall_lengthens_the_step_under_way() -> None:
    plain, held = a_driver(PLAIN), a_driver(PLAIN)
    one, other = Heard(plain), Heard(held)
    plain.submit(a_job(20, 6), one, 0, one)
    held.submit(a_job(20, 6), other, 0, other)
    run_out(plain)
    held.tick(2 * MS)
    held.hang(2 * MS)
    held.tick(50 * MS)
    assert held.next_us() is None
    held.unhang(52 * MS)
    run_out(held)
    late_us = [us - due_us for (us, _), (due_us, _) in zip(other.at, one.at, strict=True)]
    assert late_us[1:] == [50 * MS] * 5  # the first was out before


def test_requests_that_come_to_a_standing_engine_wait_and_may_leave_again() -> None:
    driver = a_driver(PLAIN)
    driver.hang(0)
    stays, leaves = Heard(driver), Heard(driver)
    driver.submit(a_job(4, 2), stays, 5 * MS, stays)
    index = driver.submit(a_job(4, 2), leaves, 6 * MS, leaves)
    driver.abort(index, leaves, 7 * MS)
    driver.tick(1000 * MS)
    assert stays.at == []
    driver.unhang(1000 * MS)
    run_out(driver)
    assert stays.at[0][0] > 1000 * MS
    assert leaves.at == []
    assert driver.tally.e2e.sum == stays.at[-1][0] - 5 * MS  # it had come long before


@pytest.mark.parametrize("running", [True, False], ids=["running", "only taken"])
def test_a_request_may_leave_an_engine_that_stands_still(running: bool) -> None:
    driver = a_driver(PLAIN)
    gone = Heard(driver)
    index = driver.submit(a_job(20, 50), gone, 0)
    driver.hang(5 * MS if running else 0)
    driver.abort(index, gone, 20 * MS)
    driver.unhang(30 * MS)
    run_out(driver)
    assert (len(driver), driver.engine.unfinished(), driver.engine.kv_usage_ratio()) == (0, [], 0)


def test_sleep_ends_every_request_forgets_prefixes_and_waits_for_the_wake_up() -> None:
    driver = a_driver(SPEC)
    chain = blocks(of_ids(range(16)), SPEC.block_tokens)
    first, second = Heard(driver), Heard(driver)
    driver.submit(a_job(16, 40, blocks=chain), first, 0)
    driver.sleep(1, 8 * MS)
    assert (first.end, driver.asleep, driver.engine.kv_usage_ratio()) == ((6, "abort"), 1, 0)
    driver.submit(a_job(16, 1, blocks=chain), second, 9 * MS)
    assert driver.wake(frozenset({"weights"}), 50 * MS) is False
    assert driver.wake(frozenset({"kv_cache"}), 90 * MS) is True
    run_out(driver)
    assert second.end == (1, "length")
    assert driver.engine.samples().prefix_hits_tokens_total == 0


def test_an_engine_that_hangs_in_its_sleep_goes_on_only_when_neither_holds_it() -> None:
    driver = a_driver(PLAIN)
    heard = Heard(driver)
    driver.hang(0)
    driver.sleep(0, 1 * MS)
    driver.submit(a_job(4, 1), heard, 2 * MS)
    driver.unhang(3 * MS)
    assert driver.next_us() is None
    assert driver.wake(frozenset(), 4 * MS) is True
    run_out(driver)
    assert heard.end == (1, "length")


def test_a_slower_pace_takes_from_the_next_step_on() -> None:
    driver = a_driver(PLAIN)
    heard = Heard(driver)
    driver.submit(a_job(20, 5), heard, 0, heard)
    driver.tick(heard.at[-1][0] if heard.at else 1 * MS)
    driver.set_pace(3, 1 * MS)
    run_out(driver)
    gaps = [later - sooner for (sooner, _), (later, _) in zip(heard.at, heard.at[1:], strict=False)]
    assert gaps == [3 * (1 * MS + 10)] * 4  # a step of one token: 1 ms and 10 µs


def repeated(prompt: int, spec: EngineSpec) -> float:
    """Tokens found when one prompt is asked for twice."""
    driver = a_driver(spec)
    chain = blocks(of_ids(range(prompt)), spec.block_tokens)
    for _ in range(2):
        driver.submit(a_job(prompt, 1, blocks=chain), Heard(driver), driver.now_us)
        run_out(driver)
    return driver.engine.samples().prefix_hits_tokens_total or 0.0


@pytest.mark.parametrize(("prompt", "hit"), [(3, 0), (4, 0), (5, 4), (8, 4), (9, 8), (24, 20)], ids=str)
def test_a_repeated_prompt_hits_all_full_blocks_but_the_last_token(prompt: int, hit: int) -> None:
    assert repeated(prompt, SPEC) == hit
