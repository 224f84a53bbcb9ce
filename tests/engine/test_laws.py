"""Laws that hold for every workload: nothing lost, nothing early, nothing leaked, the clock goes forward."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.engine.spec import EngineSpec
from tests.engine.builders import SPEC, an_engine

REQUESTS = st.lists(
    st.tuples(st.integers(0, 50_000), st.integers(1, 80), st.integers(1, 35)), min_size=1, max_size=15
)
SPECS = st.builds(
    lambda asynchronous, ingest_us, blocks, seats: replace(
        SPEC, async_scheduling=asynchronous, ingest_us=ingest_us, kv_blocks=blocks, max_num_seqs=seats
    ),
    st.booleans(),
    st.sampled_from([0, 3_000]),
    st.integers(31, 80),
    st.integers(1, 8),
)


@settings(max_examples=150)
@given(SPECS, REQUESTS)
def test_every_request_is_served_whole_and_in_order_of_cause(
    spec: EngineSpec, requests: list[tuple[int, int, int]]
) -> None:
    engine, outcomes = an_engine(spec, len(requests))
    for index, (at_us, prompt, output) in sorted(enumerate(requests), key=lambda pair: pair[1][0]):
        engine.advance(at_us)
        engine.submit(index, prompt, output, (), at_us)
        samples = engine.samples()
        finished = sum(end >= 0 for end in outcomes.finished_us)
        assert samples.requests_finished_total == finished
        assert len(engine.unfinished()) + finished == sum(r >= 0 for r in outcomes.replica)
        assert samples.kv_usage_ratio is not None
        assert 0 <= samples.kv_usage_ratio <= 1
        assert engine.running <= spec.max_num_seqs
    last_us = at_us
    while (next_us := engine.next_us()) is not None:
        assert next_us > last_us or engine.running + engine.waiting > 0
        engine.advance(next_us)
        last_us = next_us
    for index, (at_us, _, output) in enumerate(requests):
        assert at_us + spec.ingest_us <= outcomes.scheduled_us[index] <= outcomes.first_token_us[index]
        assert (outcomes.first_token_us[index] == outcomes.finished_us[index]) == (output == 1)
        assert outcomes.first_token_us[index] <= outcomes.finished_us[index] <= last_us
    samples = engine.samples()
    assert samples.generation_tokens_total == sum(output for *_, output in requests)
    assert samples.prompt_tokens_total == sum(prompt for _, prompt, _ in requests)
    assert samples.requests_finished_total == len(requests)
    assert samples.kv_usage_ratio == 0
    assert (engine.running, engine.waiting) == (0, 0)
    assert engine.busy_us() <= last_us - min(at_us for at_us, *_ in requests)
    assert samples.ttft_s is not None
    assert samples.ttft_s.counts[-1] == len(requests)
    assert samples.itl_s is not None
    assert samples.itl_s.counts[-1] == sum(output - 1 for *_, output in requests)


@settings(max_examples=60)
@given(SPECS, REQUESTS, st.integers(0, 80_000))
def test_a_dying_engine_hands_back_exactly_what_it_owes(
    spec: EngineSpec, requests: list[tuple[int, int, int]], end_us: int
) -> None:
    engine, outcomes = an_engine(spec, len(requests))
    sent = [(index, r) for index, r in enumerate(requests) if r[0] <= end_us]
    for index, (at_us, prompt, output) in sorted(sent, key=lambda pair: pair[1][0]):
        engine.advance(at_us)
        engine.submit(index, prompt, output, (), at_us)
    engine.advance(end_us)
    owed = engine.unfinished()
    assert sorted(owed) == [index for index, _ in sent if outcomes.finished_us[index] < 0]
    for index in owed:
        assert engine.abort(index, end_us)
        assert not engine.abort(index, end_us)
    assert engine.unfinished() == []
    assert engine.samples().kv_usage_ratio == 0
