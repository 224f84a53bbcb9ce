"""Stories with times that add up in the head: a step takes 1 ms and 10 µs a token."""

from dataclasses import replace

import pytest

from simulations.engine.spec import StepTime
from tests.engine.builders import MS, PLAIN, an_engine, run_out


def test_a_lone_request_takes_one_step_for_the_prompt_and_one_for_each_further_token() -> None:
    engine, outcomes = an_engine(PLAIN, 1)
    engine.submit(0, 20, 3, (), 0)
    run_out(engine)
    assert outcomes.scheduled_us[0] == 0
    assert outcomes.first_token_us[0] == 1 * MS + 200
    assert outcomes.finished_us[0] == 1 * MS + 200 + 2 * (1 * MS + 10)
    assert outcomes.replica[0] == 7


def test_a_prompt_beyond_the_token_budget_is_prefilled_in_chunks() -> None:
    engine, outcomes = an_engine(PLAIN, 1)
    engine.submit(0, 50, 1, (), 0)
    run_out(engine)
    assert outcomes.first_token_us[0] == 3 * MS + 500  # 24 + 24 + 2 tokens
    assert engine.samples().iterations_total == 3


def test_decoding_requests_keep_their_token_while_a_prompt_is_chunked() -> None:
    engine, outcomes = an_engine(PLAIN, 2)
    engine.submit(0, 4, 4, (), 0)
    engine.advance(1)
    engine.submit(1, 40, 1, (), 1)
    run_out(engine)
    first = 1 * MS + 40
    # One decode token and 23 of the prompt, one and 17, then the last decode token alone.
    assert outcomes.first_token_us[1] == first + 1 * MS + 240 + 1 * MS + 180
    assert outcomes.finished_us[0] == outcomes.first_token_us[1] + 1 * MS + 10


def test_requests_without_a_seat_wait_for_one() -> None:
    engine, outcomes = an_engine(replace(PLAIN, max_num_seqs=1), 2)
    engine.submit(0, 4, 2, (), 0)
    engine.submit(1, 4, 2, (), 0)
    engine.advance(500)
    assert (engine.running, engine.waiting) == (1, 1)
    run_out(engine)
    assert outcomes.scheduled_us[1] == outcomes.finished_us[0]


def test_a_prompt_is_admitted_only_when_all_its_blocks_are_free() -> None:
    engine, outcomes = an_engine(replace(PLAIN, kv_blocks=11), 2)  # 10 usable blocks of 4 tokens
    engine.submit(0, 20, 2, (), 0)
    engine.submit(1, 20, 2, (), 0)
    run_out(engine)
    # 5 + 5 blocks fit, and both begin; but the 21st token of the first needs a sixth block. The second
    # one, last
    # admitted, gives way and starts again.
    assert engine.samples().preemptions_total == 1
    assert outcomes.finished_us[0] < outcomes.finished_us[1]


def test_the_last_request_is_preempted_and_recomputes_what_it_had_made() -> None:
    engine, outcomes = an_engine(replace(PLAIN, kv_blocks=7, max_model_len=24), 2)  # 6 usable blocks
    engine.submit(0, 8, 12, (), 0)
    engine.submit(1, 8, 8, (), 0)
    run_out(engine)
    samples = engine.samples()
    # Both hold 2 blocks; at 12 tokens each they hold 3, and the 13th token finds no block.
    assert samples.preemptions_total == 1
    assert samples.generation_tokens_total == 20
    assert samples.prompt_tokens_total == 16
    assert outcomes.finished_us[0] == 1 * MS + 160 + 4 * (1 * MS + 20) + 7 * (1 * MS + 10)
    # 8 + 5 tokens are prefilled anew, which makes the sixth; two decode steps make eight.
    assert outcomes.finished_us[1] == outcomes.finished_us[0] + 1 * MS + 130 + 2 * (1 * MS + 10)
    assert outcomes.first_token_us[1] == 1 * MS + 160


def test_a_preempted_request_finds_its_own_blocks_again_when_prefixes_are_cached() -> None:
    engine, outcomes = an_engine(replace(PLAIN, kv_blocks=7, max_model_len=24, prefix_caching=True), 2)
    engine.submit(0, 8, 12, (), 0)
    engine.submit(1, 8, 8, (), 0)
    run_out(engine)
    # Its three blocks lie free behind none; the first request takes two of them, deepest first.
    recomputed = 13 - 4
    assert outcomes.finished_us[1] == outcomes.finished_us[0] + 1 * MS + 10 * recomputed + 2 * (1 * MS + 10)


def test_ingest_passes_before_the_queue_and_counts_in_the_first_token() -> None:
    engine, outcomes = an_engine(replace(PLAIN, ingest_us=10 * MS), 1)
    engine.submit(0, 10, 1, (), 5)
    engine.advance(10 * MS)
    assert (engine.running, engine.waiting) == (0, 0)
    run_out(engine)
    assert outcomes.scheduled_us[0] == 10 * MS + 5
    assert outcomes.first_token_us[0] == 11 * MS + 105


def test_with_async_scheduling_news_wait_for_the_batch_that_is_already_composed() -> None:
    at_once, ahead = (
        an_engine(replace(PLAIN, async_scheduling=asynchronous), 2) for asynchronous in (False, True)
    )
    for engine, _ in (at_once, ahead):
        engine.submit(0, 10, 20, (), 0)
        engine.advance(1500)  # in the first decode step, which began at 1,100
        engine.submit(1, 10, 1, (), 1500)
        run_out(engine)
    assert at_once[1].first_token_us[1] == 2110 + 1110
    assert ahead[1].first_token_us[1] == 2110 + 1010 + 1110
    # Its batch was composed when the step before it began.
    assert ahead[1].scheduled_us[1] == 2110


def test_first_requests_of_a_new_replica_are_slow() -> None:
    engine, outcomes = an_engine(PLAIN, 2, cold_requests=1, cold_extra_us=300 * MS)
    engine.submit(0, 10, 1, (), 0)
    run_out(engine)
    engine.advance(400 * MS)
    engine.submit(1, 10, 1, (), 400 * MS)
    run_out(engine)
    assert outcomes.first_token_us[0] == 301 * MS + 100
    assert outcomes.first_token_us[1] == 401 * MS + 100


def test_output_ends_where_the_context_does() -> None:
    engine, outcomes = an_engine(replace(PLAIN, max_model_len=12), 1)
    engine.submit(0, 10, 100, (), 0)
    run_out(engine)
    assert engine.samples().finished_generation_tokens_total == 2
    assert outcomes.finished_us[0] > 0


def test_at_one_instant_completions_come_before_arrivals_and_these_before_the_next_step() -> None:
    engine, outcomes = an_engine(PLAIN, 2)
    engine.submit(0, 10, 2, (), 0)
    engine.advance(1100)
    assert outcomes.first_token_us[0] == 1100
    engine.submit(1, 10, 1, (), 1100)
    run_out(engine)
    assert outcomes.scheduled_us[1] == 1100
    assert outcomes.first_token_us[1] == 1100 + 1110


def test_an_abort_in_a_run_frees_the_seat_at_the_next_boundary() -> None:
    engine, outcomes = an_engine(replace(PLAIN, max_num_seqs=1), 2)
    engine.submit(0, 10, 20, (), 0)
    engine.submit(1, 10, 1, (), 0)
    engine.advance(5000)
    assert engine.abort(0, 5000)
    assert not engine.abort(0, 5000)
    run_out(engine)
    # Decode steps of 1,010 µs began at 1,100; the one under way at 5,000 ends at 5,140.
    assert outcomes.scheduled_us[1] == 5140
    assert outcomes.finished_us[0] == -1


def test_histograms_show_what_vllm_shows() -> None:
    step = StepTime(
        tokens_ps=tuple(30 * 10**9 for _ in range(65)),
        sequence_ps=0,
        kv_token_ps=0,
        prefill_token_ps=0,
        half_pair_ps=0,
    )
    engine, _ = an_engine(replace(PLAIN, step=step), 1)
    engine.submit(0, 10, 11, (), 0)
    run_out(engine)
    samples = engine.samples()
    assert samples.itl_s is not None
    assert samples.ttft_s is not None
    assert samples.queue_s is not None
    assert dict(zip(samples.itl_s.le, samples.itl_s.counts, strict=True))[0.025] == 0
    assert dict(zip(samples.itl_s.le, samples.itl_s.counts, strict=True))[0.05] == 10
    assert samples.itl_s.sum == pytest.approx(0.3)
    assert samples.ttft_s.sum == pytest.approx(0.03)
    assert (len(samples.ttft_s.le), len(samples.itl_s.le), len(samples.queue_s.le)) == (23, 20, 22)
    assert samples.iteration_tokens_total == 10 + 11
    assert samples.cpu_seconds_total == pytest.approx(11 * 0.03 + 11 * 46e-6)
