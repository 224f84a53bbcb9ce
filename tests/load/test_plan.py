"""What is sent: lengths, sharing, bounds."""

import json
from itertools import takewhile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.errors import InputError
from simulations.load.plan import Kind, plan
from tests.load.builders import planned, trace

BLOCK_TOKENS = 16


def body(of: Any, index: int) -> Any:
    return json.loads(of.body(index))


def shared(first: list[int], second: list[int]) -> int:
    """Leading ids that two prompts have in common."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))))


def test_a_request_asks_for_the_trace_s_output_streamed_with_usage_and_no_early_end() -> None:
    sent = body(planned(trace(output_tokens=42)), 0)
    assert sent.pop("prompt")
    assert sent == {
        "model": "tiny",
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "ignore_eos": True,
        "max_tokens": 42,
    }


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=5),
    st.integers(100, 200_000),
    st.integers(0, 3),
)
def test_prompts_are_exactly_as_long_as_the_trace_says_and_within_the_vocabulary(
    lengths: list[int], vocabulary: int, seed: int
) -> None:
    made = trace(len(lengths))
    made = type(made)(
        name="made", arrival_us=made.arrival_us, input_tokens=lengths, output_tokens=made.output_tokens
    )
    sent = planned(made, vocabulary=vocabulary, seed=seed)
    for index, tokens in enumerate(lengths):
        prompt = body(sent, index)["prompt"]
        assert len(prompt) == tokens
        assert all(vocabulary // 10 <= word < vocabulary for word in prompt)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(1, 60)), max_size=3).map(tuple),
        min_size=2,
        max_size=6,
    )
)
def test_prompts_share_what_their_chains_share_and_not_a_block_more(
    chains: list[tuple[tuple[int, int], ...]],
) -> None:
    sent = planned(trace(len(chains), input_tokens=200, prefixes=chains))
    prompts = [body(sent, index)["prompt"] for index in range(len(chains))]
    for i, first in enumerate(chains):
        for j, second in enumerate(chains[:i]):
            equal = list(takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
            common = sum(tokens for (_, tokens), _ in equal)
            longer = shared(prompts[i], prompts[j])
            assert longer >= common
            after = [chain[len(equal)] for chain in (first, second) if len(chain) > len(equal)]
            if len({name for name, _ in after}) == len(after) == 2 or not after:
                assert longer < common + 3  # another segment's mark differs within three words


def test_the_longer_prefix_of_one_id_begins_with_the_shorter() -> None:
    sent = planned(trace(2, input_tokens=100, prefixes=[((7, 30),), ((7, 90),)]))
    assert shared(body(sent, 0)["prompt"], body(sent, 1)["prompt"]) == 30


def test_requests_without_prefixes_share_no_block() -> None:
    sent = planned(trace(2000))
    starts = {tuple(body(sent, index)["prompt"][:BLOCK_TOKENS]) for index in range(2000)}
    assert len(starts) == 2000


def test_the_seed_decides_the_words() -> None:
    first, again, other = (planned(trace(), seed=seed).body(2) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.CHAT])
def test_text_has_four_bytes_a_token_but_for_the_last_blank(kind: Kind) -> None:
    sent = planned(trace(input_tokens=20), kind=kind)
    found = body(sent, 0)
    text = found["prompt"] if kind is Kind.TEXT else found["messages"][0]["content"]
    assert len(text) == 4 * 20 - 1
    assert sent.path == ("/v1/completions" if kind is Kind.TEXT else "/v1/chat/completions")


def test_a_vocabulary_too_small_to_tell_prompts_apart_is_refused() -> None:
    with pytest.raises(InputError, match="--vocabulary: is 99; give at least 100"):
        plan(trace(), "tiny", vocabulary=99)
