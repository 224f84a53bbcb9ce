"""Transforms of a trace: examples, and the laws that hold for every trace."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.errors import InputError
from simulations.requests import Trace
from simulations.scenario import TraceOptions
from simulations.traces.transform import MAX_OFFSET_US, transform

S = 1_000_000
BIG = 1_000_000


def a_trace(
    *rows: tuple[float, int, int], prefixes: list[tuple[tuple[int, int], ...]] | None = None
) -> Trace:
    return Trace(
        name="t",
        arrival_us=array("q", [round(row[0] * S) for row in rows]),
        input_tokens=array("q", [row[1] for row in rows]),
        output_tokens=array("q", [row[2] for row in rows]),
        prefixes=prefixes,
    )


def rows_of(trace: Trace) -> list[tuple[float, int, int]]:
    columns = (trace.arrival_us, trace.input_tokens, trace.output_tokens)
    return [(us / S, prompt, output) for us, prompt, output in zip(*columns, strict=True)]


THREE = a_trace((0, 10, 1), (2, 20, 2), (4, 30, 3))


def test_nothing_asked_nothing_changed() -> None:
    assert transform(THREE, TraceOptions(), 1, BIG) == THREE


@pytest.mark.parametrize(
    ("options", "want", "note"),
    [
        pytest.param(
            TraceOptions(start_s=1, duration_s=3),
            [(1, 20, 2)],
            "window: 1 of 3 requests",
            id="a window is half open and begins at 0",
        ),
        pytest.param(
            TraceOptions(time_scale=0.5), [(0, 10, 1), (1, 20, 2), (2, 30, 3)], "time_scale 0.5", id="faster"
        ),
        pytest.param(
            TraceOptions(length_scale=0.3),
            [(0, 3, 1), (2, 6, 1), (4, 9, 1)],
            "length_scale 0.3",
            id="shorter",
        ),
        pytest.param(
            TraceOptions(start_s=2, duration_s=2.5, time_scale=2),
            [(0, 20, 2), (4, 30, 3)],
            "time_scale 2",
            id="the window is in the recording's seconds",
        ),
    ],
)
def test_one_option(options: TraceOptions, want: list[tuple[float, int, int]], note: str) -> None:
    got = transform(THREE, options, 1, BIG)
    assert rows_of(got) == want
    assert got.notes[-1] == note


@pytest.mark.parametrize(
    ("mode", "want", "note"),
    [
        pytest.param(
            "count", [(0, 10, 1), (2, 20, 2), (4, 30, 3)], "context of 30 tokens: 1", id="count keeps it"
        ),
        pytest.param("drop", [(0, 10, 1), (2, 20, 2)], "dropped", id="drop leaves it out"),
        pytest.param(
            "clamp", [(0, 10, 1), (2, 20, 2), (4, 27, 3)], "cut to fit", id="clamp leaves room for the output"
        ),
    ],
)
def test_prompts_beyond_the_context(mode: str, want: list[tuple[float, int, int]], note: str) -> None:
    got = transform(THREE, TraceOptions.model_validate({"over_long": mode}), 1, 30)
    assert rows_of(got) == want
    assert note in got.notes[0]


def test_reject_names_the_first_prompt_beyond_the_context() -> None:
    with pytest.raises(InputError) as caught:
        transform(THREE, TraceOptions(over_long="reject"), 1, 20)
    assert str(caught.value) == (
        "t, request 2: prompts beyond the context of 20 tokens: 2, the first with 20; "
        "set trace.over_long to count, drop or clamp, or raise engine.max_model_len"
    )


def test_outputs_end_where_the_context_ends() -> None:
    got = transform(THREE, TraceOptions(), 1, 31)
    assert rows_of(got) == [(0, 10, 1), (2, 20, 2), (4, 30, 1)]
    assert got.notes == ("outputs cut at the context of 31 tokens: 1",)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        pytest.param(
            TraceOptions(start_s=5), "no request of t lies in that window", id="a window beyond the end"
        ),
        pytest.param(TraceOptions(time_scale=1e9), "400 days", id="a time scale beyond sense"),
        pytest.param(TraceOptions(length_scale=1e9), "10,000,000 tokens", id="a length scale beyond sense"),
        pytest.param(TraceOptions(over_long="drop"), "drop leaves no request", id="everything dropped"),
    ],
)
def test_what_leaves_nothing_sensible_is_refused(options: TraceOptions, word: str) -> None:
    with pytest.raises(InputError, match=word):
        transform(THREE, options, 1, 5)


def test_jitter_moves_ties_only_and_keeps_the_trace_sorted() -> None:
    tied = a_trace((0, 1, 1), (3, 2, 1), (3, 3, 1), (3, 4, 1), (9, 5, 1))
    got = transform(tied, TraceOptions(jitter_s=3), 7, BIG)
    assert list(got.arrival_us) == sorted(got.arrival_us)
    assert sorted(got.input_tokens) == [1, 2, 3, 4, 5]
    assert rows_of(got)[0] == (0, 1, 1)
    assert rows_of(got)[-1] == (9, 5, 1)
    assert all(3 * S <= us <= 6 * S for us in got.arrival_us[1:4])
    assert got.notes == ("tied requests spread over 3 s: 3",)


def test_copies_have_prefixes_of_their_own_and_lengths_scale_at_block_borders() -> None:
    trace = a_trace((0, 10, 1), (1, 10, 1), prefixes=[((0, 4), (1, 4)), ((0, 4), (2, 6))])
    got = transform(trace, TraceOptions(copies=2, length_scale=0.5), 1, BIG)
    assert got.prefixes is not None
    assert sorted(got.prefixes) == [((0, 2), (2, 2)), ((0, 2), (4, 3)), ((1, 2), (3, 2)), ((1, 2), (5, 3))]


def test_clamp_cuts_the_prefix_with_the_prompt() -> None:
    trace = a_trace((0, 10, 2), prefixes=[((0, 4), (1, 4))])
    got = transform(trace, TraceOptions(over_long="clamp"), 1, 8)
    assert got.prefixes == [((0, 4), (1, 2))]


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 50), st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=20
        )
    )
    return a_trace(*sorted(rows))


@given(
    trace=traces(),
    copies=st.integers(1, 4),
    time_scale=st.sampled_from([0.1, 1.0, 3.0]),
    length_scale=st.sampled_from([0.1, 1.0, 3.0]),
    jitter_s=st.sampled_from([0.0, 3.0]),
    mode=st.sampled_from(["count", "clamp"]),
    seed=st.integers(0, 99),
)
def test_laws(
    trace: Trace, copies: int, time_scale: float, length_scale: float, jitter_s: float, mode: str, seed: int
) -> None:
    options = TraceOptions.model_validate(
        {
            "copies": copies,
            "time_scale": time_scale,
            "length_scale": length_scale,
            "jitter_s": jitter_s,
            "over_long": mode,
        }
    )
    got = transform(trace, options, seed, 100)
    assert len(got) == copies * len(trace), "no request is lost"
    assert list(got.arrival_us) == sorted(got.arrival_us)
    assert min(*got.input_tokens, *got.output_tokens) >= 1
    assert got.arrival_us[-1] <= trace.arrival_us[-1] * time_scale + jitter_s * S + MAX_OFFSET_US
    for prompt, output in zip(got.input_tokens, got.output_tokens, strict=True):
        assert prompt + output <= 100 or (mode == "count" and prompt >= 100)
    again = transform(trace, options, seed, 100)
    assert rows_of(got) == rows_of(again), "same seed, same trace"


@given(trace=traces(), copies=st.integers(1, 4), seed=st.integers(0, 99))
def test_more_copies_contain_fewer(trace: Trace, copies: int, seed: int) -> None:
    few = rows_of(transform(trace, TraceOptions(copies=copies), seed, BIG))
    many = rows_of(transform(trace, TraceOptions(copies=copies + 1), seed, BIG))
    for row in few:
        many.remove(row)
    assert len(many) == len(trace)
