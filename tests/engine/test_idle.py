"""An idle engine's TTFT in closed form is what the engine itself needs."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.engine.idle import idle_ttft_s, idle_ttft_us
from tests.engine.builders import SPEC, an_engine, run_out


@settings(max_examples=60)
@given(st.integers(1, 119), st.sampled_from([0, 7_000]), st.booleans(), st.integers(0, 10**6))
def test_the_closed_form_is_the_engine(prompt: int, ingest_us: int, ahead: bool, at_us: int) -> None:
    spec = replace(SPEC, ingest_us=ingest_us, async_scheduling=ahead)
    engine, outcomes = an_engine(spec, 1)
    engine.advance(at_us)
    engine.submit(0, prompt, 1, (), at_us)
    run_out(engine)
    assert outcomes.first_token_us[0] - at_us == idle_ttft_us(spec, prompt)


@given(st.integers(1, 118))
def test_a_longer_prompt_never_takes_less(prompt: int) -> None:
    assert idle_ttft_s(SPEC, prompt) < idle_ttft_s(SPEC, prompt + 1)
