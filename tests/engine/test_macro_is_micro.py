"""Law: runs of decode steps in closed form equal single steps to the last digit, whatever happens in
between."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.engine.engine import Engine
from simulations.engine.spec import EngineSpec
from simulations.requests import Outcomes
from tests.engine.builders import SPEC

CHAINS: tuple[tuple[tuple[int, int], ...], ...] = (
    (),
    (),
    ((1, 16),),
    ((1, 16), (2, 9)),
    ((3, 30),),
    ((1, 16), (4, 40)),
)

REQUESTS = st.tuples(
    st.integers(0, 60_000), st.integers(1, 70), st.integers(1, 40), st.integers(0, len(CHAINS) - 1)
)
SPECS = st.builds(
    lambda asynchronous, ingest_us, blocks, seqs, block: replace(
        SPEC,
        async_scheduling=asynchronous,
        ingest_us=ingest_us,
        kv_blocks=blocks,
        max_num_seqs=seqs,
        block_tokens=block,
        max_model_len=min(120, (blocks - 1) * block),
    ),
    st.booleans(),
    st.sampled_from([0, 700, 5_000]),
    st.integers(25, 60),
    st.integers(1, 8),
    st.sampled_from([3, 4]),
)
MOVES = st.lists(
    st.tuples(st.integers(0, 90_000), st.sampled_from(["look", "look", "abort"]), st.integers(0, 11)),
    max_size=12,
)


def replay(
    spec: EngineSpec,
    requests: list[tuple[int, int, int, int]],
    moves: list[tuple[int, str, int]],
    chains: bool,
    micro: bool,
) -> tuple[object, ...]:
    """Everything that a caller can see, at every moment that it looks."""
    outcomes = Outcomes(len(requests))
    engine = Engine(
        spec, outcomes, start_us=0, start_id="a", replica=3, cold_requests=2, cold_extra_us=1500, micro=micro
    )
    seen: list[object] = []
    events = [(t, 0, i) for i, (t, *_) in enumerate(requests)]
    events += [(t, 1 if what == "abort" else 2, i) for t, what, i in moves]
    for t, what, i in sorted(events):
        engine.advance(t)
        if what == 0:
            _, prompt, output, chain = requests[i]
            prompt = min(prompt, spec.max_model_len - 1)
            engine.submit(i, prompt, output, CHAINS[chain] if chains else (), t)
        elif what == 1:
            seen.append(engine.abort(i, t))
        else:
            seen.append((engine.running, engine.waiting, engine.samples(), engine.busy_us()))
            seen.append(sorted(engine.unfinished()))
    while (t_next := engine.next_us()) is not None:
        engine.advance(t_next)
    assert engine.running == engine.waiting == 0
    assert not engine.unfinished()
    seen.append(engine.samples())
    seen.append(engine.busy_us())
    samples = engine.samples()
    assert samples.kv_usage_ratio == 0
    columns = (outcomes.scheduled_us, outcomes.first_token_us, outcomes.finished_us, outcomes.replica)
    return (seen, *(list(column) for column in columns))


@settings(max_examples=300, deadline=None)
@given(SPECS, st.lists(REQUESTS, min_size=1, max_size=12), MOVES, st.booleans())
def test_macro_steps_equal_micro_steps(
    spec: EngineSpec,
    requests: list[tuple[int, int, int, int]],
    moves: list[tuple[int, str, int]],
    chains: bool,
) -> None:
    assert replay(spec, requests, moves, chains, micro=False) == replay(
        spec, requests, moves, chains, micro=True
    )


def joined(spec: EngineSpec, at_us: int, *, looked: bool) -> list[int]:
    """First tokens of two that decode and of one that joins them at ``at_us``."""
    outcomes = Outcomes(3)
    engine = Engine(spec, outcomes, start_us=0, start_id="a", replica=0)
    for index in range(2):
        engine.submit(index, 4 + index, 9, (), 0)
    engine.advance(at_us)
    if looked:
        engine.samples()
    engine.submit(2, 1, 1, (), at_us)
    while (next_us := engine.next_us()) is not None:
        engine.advance(next_us)
    return list(outcomes.first_token_us)


@pytest.mark.parametrize("asynchronous", [True, False], ids=["async", "sync"])
def test_a_look_in_the_very_microsecond_of_a_boundary_delays_nobody(asynchronous: bool) -> None:
    spec = replace(SPEC, async_scheduling=asynchronous, ingest_us=0)
    for at_us in range(1, 12_000):  # nine steps of 1.2 ms
        assert joined(spec, at_us, looked=True) == joined(spec, at_us, looked=False), at_us
