"""Every claim beside a real engine: its good requests never add up to more work than it was busy for."""

from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.engine.engine import Engine
from simulations.engine.resolve import resolve
from simulations.engine.spec import EngineSpec, StepTime
from simulations.oracle.demand_profile import facts_of
from simulations.oracle.least_work import Facts, blind_tokens, claims
from simulations.requests import Outcomes
from simulations.scenario import Engine as EngineOptions
from simulations.scenario import Slo

S = 1_000_000


def spec(**options: object) -> EngineSpec:
    return resolve(EngineOptions.model_validate({"gpu": "l4", "max_model_len": 1500, **options}))


specs = st.builds(
    lambda kv, seats, tokens, caching: spec(
        kv_tokens=kv, max_num_seqs=seats, max_num_batched_tokens=tokens, prefix_caching=caching
    ),
    st.sampled_from([1600, 3000, 20_000]),
    st.sampled_from([2, 16, 256]),
    st.sampled_from([256, 2048]),
    st.booleans(),
)
jobs = st.lists(
    st.tuples(st.integers(0, 20 * S), st.sampled_from([3, 60, 400, 1000]), st.sampled_from([1, 2, 30, 250])),
    min_size=1,
    max_size=60,
)


def busy_and_good(
    engine_spec: EngineSpec, work: list[tuple[int, int, int]], itl_us: int
) -> tuple[float, list[tuple[int, int]]]:
    """Seconds that one engine was busy with all of it, and (prompt, output) of those within their ITL."""
    work = sorted(work)
    outcomes = Outcomes(len(work))
    engine = Engine(engine_spec, outcomes, start_us=0, start_id="e", replica=0)
    for index, (at_us, prompt, output) in enumerate(work):
        engine.advance(at_us)
        engine.submit(index, prompt, output, (), at_us)
    engine.advance(100_000 * S)
    good = [
        (prompt, output)
        for (_, prompt, output), first, last in zip(
            work, outcomes.first_token_us, outcomes.finished_us, strict=True
        )
        if last - first <= itl_us * (output - 1)
    ]
    return engine.busy_us() / 1e6, good


@settings(max_examples=150, deadline=None)
@given(specs, jobs, st.sampled_from([75.0, 100.0, 300.0, 3000.0]))
def test_an_engine_is_busy_for_longer_than_any_claim(
    engine_spec: EngineSpec, work: list[tuple[int, int, int]], itl_ms: float
) -> None:
    busy_s, good = busy_and_good(engine_spec, work, round(itl_ms * 1000))
    assert blind_tokens(engine_spec.step) == 0
    for claim in claims(engine_spec, Slo(itl_ms=itl_ms)):
        assert sum(claim.work_s(facts_of(*each)) for each in good) <= busy_s * (1 + 1e-9) + 1e-6


def test_a_full_engine_is_hardly_longer_busy_than_the_best_claim() -> None:
    """200 alike requests at once fill an H100 engine's cache: what is lost are its first and last steps."""
    full = resolve(EngineOptions(kv_tokens=100_000))
    busy_s, good = busy_and_good(full, [(0, 1000, 400)] * 200, 10 * S)
    best = max(
        sum(claim.work_s(facts_of(*each)) for each in good) for claim in claims(full, Slo(itl_ms=10_000))
    )
    assert 0.65 * busy_s < best <= busy_s


def test_facts_add_up() -> None:
    one, other = facts_of(100, 10), facts_of(300, 1)
    claim = claims(spec(), Slo())[7]
    both = tuple(a + b for a, b in zip(one, other, strict=True))
    assert claim.work_s(both) == pytest.approx(claim.work_s(one) + claim.work_s(other))
    assert len(one) == len(Facts().values())


@pytest.mark.parametrize(
    ("kv_ps", "prefill_ps", "half_pair_ps", "blind"),
    [(40, 50, 1, 0), (40, 0, 1, 10), (40, 0, 0, 1 << 40)],
)
def test_context_that_a_resumed_request_may_get_for_less(
    kv_ps: int, prefill_ps: int, half_pair_ps: int, blind: int
) -> None:
    step = StepTime(
        tokens_ps=(0, 1),
        sequence_ps=0,
        kv_token_ps=kv_ps,
        prefill_token_ps=prefill_ps,
        half_pair_ps=half_pair_ps,
    )
    assert blind_tokens(step) == blind
    if blind < 1000:
        for chunk, before in ((c, p) for c in range(1, 200) for p in (0, 16, 320)):
            resumed = chunk * (prefill_ps + half_pair_ps * (2 * before + chunk)) + kv_ps * before
            assert resumed >= kv_ps * (before + chunk - blind)


def test_claims_lie_under_every_step_that_the_table_has() -> None:
    """One step of T alike sequences: k + g·T and the per-sequence parts, against the table, for every T."""
    engine_spec = replace(spec(max_num_seqs=256), prefix_caching=False)
    table = engine_spec.step.tokens_ps
    assert list(accumulate(table, max)) == list(table)
    for claim in claims(engine_spec, Slo(itl_ms=1e9)):
        per_token_s = claim.weights[3] - engine_spec.step.sequence_ps / 1e12
        assert all(per_token_s * tokens <= table[tokens] / 1e12 for tokens in range(1, 257))
