"""Reading one streamed answer, however its bytes are cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.load.stream import Stream


def chunk(
    tokens: int | None,
    finish: str | None = None,
    *,
    text: str = "w",
    separators: tuple[str, str] = (",", ":"),
) -> bytes:
    made: dict[str, object] = {"choices": [{"text": text, "finish_reason": finish}]}
    if tokens is not None:
        made["usage"] = {"prompt_tokens": 7, "total_tokens": 7 + tokens, "completion_tokens": tokens}
    return b"data: " + json.dumps(made, separators=separators).encode() + b"\n\n"


def total(tokens: int) -> bytes:
    made = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": tokens}}
    return b"data: " + json.dumps(made).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def read(*reads: tuple[int, bytes]) -> Stream:
    stream = Stream()
    for at_us, data in reads:
        stream.feed(data, at_us)
    return stream


def test_each_chunk_is_a_token_with_its_own_gap() -> None:
    got = read((100, chunk(1)), (130, chunk(2)), (190, chunk(3, "length") + total(3) + DONE))
    assert (got.first_us, got.last_us, list(got.gaps_us)) == (100, 190, [30, 60])
    assert (got.tokens_in, got.tokens_out, got.chunks) == (7, 3, 3)
    assert (got.finished, got.done, got.error) == ("length", True, None)


@pytest.mark.parametrize(
    "arrival",
    [chunk(4), chunk(2) + chunk(3) + chunk(4)],
    ids=["merged by the server", "several chunks in one read"],
)
def test_tokens_that_come_together_share_the_gap_before_them(arrival: bytes) -> None:
    got = read((100, chunk(1)), (131, arrival))
    assert list(got.gaps_us) == [10, 10, 11]


def test_tokens_that_come_with_the_first_have_no_gap() -> None:
    got = read((100, chunk(3)), (130, chunk(4)))
    assert list(got.gaps_us) == [0, 0, 30]


def test_a_server_that_counts_only_at_the_end_counts_as_a_token_a_chunk() -> None:
    got = read((100, chunk(None)), (130, chunk(None)), (190, chunk(None, "length") + total(3) + DONE))
    assert (list(got.gaps_us), got.tokens_out, got.tokens_in) == ([30, 60], 3, 7)


def test_its_gaps_are_the_mean_where_chunks_held_more_tokens() -> None:
    got = read((100, chunk(None)), (190, chunk(None, "length") + total(4) + DONE))
    assert (list(got.gaps_us), got.tokens_out) == ([30, 30, 30], 4)
    assert (got.first_us, got.last_us) == (100, 190)


def test_the_role_that_opens_a_chat_is_no_token() -> None:
    role = chunk(0, text="")
    got = read((100, role), (150, chunk(1)))
    assert (got.first_us, got.tokens_out) == (150, 1)


def test_text_that_looks_like_usage_is_text() -> None:
    got = read((100, chunk(1, text='"completion_tokens":99, "finish_reason":"stop" data: [DONE]')))
    assert (got.tokens_out, got.finished, got.done) == (1, None, False)


def test_an_error_in_the_stream_is_kept() -> None:
    got = read((100, chunk(1)), (130, b'data: {"error":{"message":"engine died","code":500}}\n\n' + DONE))
    assert (got.error, got.finished, got.tokens_out) == ("engine died", None, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"data: {]\n\n",
        b"data: 5\n\n",
        b'data: {"choices":[3]}\n\n',
        b'data: {"choices":7}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        b'data: {"usage":{"completion_tokens":999999999999}}\n\n',
        b"x" * 1_100_000,
    ],
    ids=[
        "no JSON",
        "a number",
        "a choice that is none",
        "choices that are none",
        "brackets without end",
        "more tokens than there are",
        "an event without end",
    ],
)
def test_what_is_no_chunk_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Stream().feed(data, 0)


def test_comments_are_skipped() -> None:
    assert read((0, b": keep-alive\n\n"), (5, chunk(1))).first_us == 5


@given(st.data(), st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_it_does_not_matter_where_the_bytes_are_cut(
    data: st.DataObject, separators: tuple[str, str], crlf: bool
) -> None:
    counts = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    sums = [sum(counts[: i + 1]) for i in range(len(counts))]
    whole = b"".join(
        chunk(tokens, "length" if tokens == sums[-1] else None, separators=separators) for tokens in sums
    )
    whole += total(sums[-1]) + DONE
    if crlf:
        whole = whole.replace(b"\n", b"\r\n")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    got = read(*((10 * i, part) for i, part in enumerate(parts)))
    assert (got.tokens_out, got.finished, got.done, got.tokens_in) == (sums[-1], "length", True, 7)
    assert got.chunks == len(counts)
    assert got.first_us is not None
    assert got.last_us is not None
    assert len(got.gaps_us) == got.tokens_out - 1
    assert sum(got.gaps_us) == got.last_us - got.first_us
