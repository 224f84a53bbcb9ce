"""Small engines whose steps a person can add up."""

from dataclasses import replace

from simulations.engine.engine import Engine
from simulations.engine.spec import EngineSpec, StepTime
from simulations.requests import Outcomes

MS = 1_000
"""µs in a millisecond."""

SPEC = EngineSpec(
    model="toy",
    gpu="toy",
    tensor_parallel=1,
    step=StepTime(
        tokens_ps=tuple(900_000_001 + max(50_000_000 * t, 300_000_007) for t in range(65)),
        sequence_ps=1_234_567,
        kv_token_ps=345_679,
        prefill_token_ps=7_654_321,
        half_pair_ps=12_347,
    ),
    block_tokens=4,
    kv_blocks=41,
    max_num_seqs=6,
    max_num_batched_tokens=24,
    max_model_len=120,
    prefix_caching=True,
    async_scheduling=False,
    ingest_us=0,
    weights_bytes=1,
    defaults_of="0.19",
)

PLAIN = replace(
    SPEC,
    step=StepTime(
        # A step takes 1 ms and 10 µs a token, nothing else: times in a test are sums in the head.
        tokens_ps=tuple(10**9 + 10**7 * tokens for tokens in range(65)),
        sequence_ps=0,
        kv_token_ps=0,
        prefill_token_ps=0,
        half_pair_ps=0,
    ),
    prefix_caching=False,
)
"""Budget 24, 6 seats, 40 usable blocks of 4 tokens, scheduling in step with the GPU, no ingest."""


def an_engine(
    spec: EngineSpec, requests: int, *, cold_requests: int = 0, cold_extra_us: int = 0
) -> tuple[Engine, Outcomes]:
    """An engine at time 0 and the columns that it fills."""
    outcomes = Outcomes(requests)
    engine = Engine(
        spec,
        outcomes,
        start_us=0,
        start_id="a",
        replica=7,
        cold_requests=cold_requests,
        cold_extra_us=cold_extra_us,
    )
    return engine, outcomes


def run_out(engine: Engine) -> None:
    """Advance until nothing is left to do."""
    while (next_us := engine.next_us()) is not None:
        engine.advance(next_us)
