"""Prefix caching: what a request finds again, and until when."""

from dataclasses import replace

import pytest

from simulations.engine.prefix import PrefixCache, spans_of
from tests.engine.builders import MS, PLAIN, an_engine, run_out

CACHING = replace(PLAIN, prefix_caching=True)
PROMPT = ((1, 16), (2, 8))


@pytest.mark.parametrize(
    ("prefix", "prompt", "spans"),
    [
        (((1, 16),), 40, ((1, 0, 4),)),
        (((1, 16), (2, 10)), 40, ((1, 0, 4), (2, 4, 2))),
        (((1, 16), (2, 10)), 18, ((1, 0, 4),)),
        (((1, 3), (2, 3)), 40, ((2, 0, 1),)),
        (((1, 3),), 40, ()),
        (((1, 100),), 10, ((1, 0, 2),)),
    ],
    ids=[
        "whole blocks",
        "a part of a block is nobody's",
        "no further than the prompt",
        "a block that two elements share goes to the one that fills it",
        "less than a block",
        "cut at the prompt",
    ],
)
def test_spans_are_the_full_blocks(
    prefix: tuple[tuple[int, int], ...], prompt: int, spans: tuple[tuple[int, int, int], ...]
) -> None:
    assert spans_of(prefix, prompt, 4) == spans


def test_a_second_request_skips_the_shared_blocks() -> None:
    engine, outcomes = an_engine(CACHING, 2)
    engine.submit(0, 24, 1, PROMPT, 0)
    run_out(engine)
    engine.advance(10 * MS)
    engine.submit(1, 26, 1, PROMPT, 10 * MS)
    run_out(engine)
    assert outcomes.first_token_us[0] == 1 * MS + 240
    # 24 of its 26 tokens are full cached blocks.
    assert outcomes.first_token_us[1] == 10 * MS + 1 * MS + 20
    samples = engine.samples()
    assert (samples.prefix_queries_tokens_total, samples.prefix_hits_tokens_total) == (50, 24)
    assert samples.prompt_tokens_computed_total == 24 + 2
    assert samples.kv_usage_ratio == 0


def test_the_whole_prompt_is_never_a_hit() -> None:
    engine, outcomes = an_engine(CACHING, 2)
    for index, at_us in enumerate((0, 10 * MS)):
        engine.advance(at_us)
        engine.submit(index, 24, 1, PROMPT, at_us)
        run_out(engine)
    # The last block is computed again, since something must be sampled from.
    assert outcomes.first_token_us[1] == 10 * MS + 1 * MS + 40


def test_another_chain_is_no_hit() -> None:
    engine, outcomes = an_engine(CACHING, 2)
    engine.submit(0, 24, 1, PROMPT, 0)
    run_out(engine)
    engine.advance(10 * MS)
    engine.submit(1, 24, 1, ((9, 16), (2, 8)), 10 * MS)
    run_out(engine)
    assert outcomes.first_token_us[1] == 10 * MS + 1 * MS + 240


def test_requests_that_run_together_share_blocks() -> None:
    engine, _ = an_engine(replace(CACHING, max_num_batched_tokens=64), 2)
    engine.submit(0, 24, 8, PROMPT, 0)
    engine.submit(1, 24, 8, PROMPT, 0)
    engine.advance(1 * MS + 320)
    # 6 shared blocks; of its own neither has one before the first token is decoded.
    assert engine.samples().kv_usage_ratio == pytest.approx(6 / 40)


def test_blocks_are_overwritten_oldest_first_and_deepest_first() -> None:
    cache = PrefixCache(10)
    first, second = (1, 0, 4), (2, 4, 2)
    cache.settle(10)
    cache.hold((first, second))
    cache.settle(4)
    assert cache.referenced == 6
    cache.release((first, second), 3)
    cache.settle(10)
    # The queue: 4 never used, 3 private, then 2 of the second span, then 4 of the first.
    for free, hit in ((10, 6), (3, 3), (4, 3), (1, 1), (0, 0)):
        cache.settle(free)
        assert cache.hit_blocks((first, second)) == min(hit, 6)


def test_a_held_span_is_never_overwritten() -> None:
    cache = PrefixCache(10)
    span = (1, 0, 4)
    cache.hold((span,))
    cache.settle(0)
    assert cache.hit_blocks((span,)) == 4
    assert cache.cost_blocks((span,)) == 0
    assert cache.cost_blocks((span, (2, 4, 3))) == 3
