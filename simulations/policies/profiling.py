"""What an operator measures on one idle replica before choosing a law's thresholds, one function each.

The rivals' authors ask for such figures: llm-d's token recipe for ``peakPrefillThroughput``
(``calibrate.sh``), Knative for the concurrency that a load test finds, Dynamo for a pre-deployment sweep.
Each function computes from the engine model what that measurement would show, so no rival runs on a
figure borrowed from elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from simulations.engine.idle import idle_ttft_s
from simulations.engine.resolve import resolve
from simulations.engine.spec import EngineSpec, StepTime
from simulations.policies.mix import Mix
from simulations.scenario import Engine, Slo

StepSeconds = Callable[[float, float, float], float]
"""(prompt tokens in the step, sequences that decode, KV tokens that they attend to) -> seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One replica, as a profiling run sees it."""

    kv_tokens: int
    max_num_seqs: int
    max_num_batched_tokens: int
    step_s: StepSeconds
    idle_ttft_s: Callable[[int], float]
    """Seconds to the first token of a prompt of so many tokens, alone on the server."""


def prefill_velocity(profile: Profile) -> float:
    """Prompt tokens per second of one replica: chunk / median TTFT on an idle stack.

    llm-d/llm-d guides/recipes/router/calibration/calibrate.sh, with CHUNK_SIZE equal to the server's
    ``--max-num-batched-tokens`` as it demands (published: 15,928 tok/s for Qwen3-32B on 2 H100s, chunk 8192).
    """
    chunk = profile.max_num_batched_tokens
    return chunk / profile.idle_ttft_s(chunk)


def concurrency_limit(profile: Profile, mix: Mix, slo: Slo) -> int:
    """Requests in flight at which one replica still meets the SLO: what a closed-loop load test finds.

    At concurrency b each step decodes b sequences and carries b·I/O prompt tokens (as many requests enter as
    leave), so the inter-token time is step(b·I/O, b, b·(I+O/2)); b ends where that reaches the ITL objective,
    where the KV cache or ``max_num_seqs`` is full, or where the chunk of a new prompt makes TTFT miss.
    """
    most = min(profile.max_num_seqs, int(profile.kv_tokens / (mix.prompt_tokens + mix.output_tokens)))
    low, high = 1, max(1, most)
    while low < high:
        middle = (low + high + 1) // 2
        if _meets(profile, mix, slo, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _meets(profile: Profile, mix: Mix, slo: Slo, batch: int) -> bool:
    kv = batch * mix.resident_tokens
    prompt_per_step = batch * mix.prompt_tokens / mix.output_tokens
    if prompt_per_step + batch > profile.max_num_batched_tokens:
        return False
    itl_s = profile.step_s(prompt_per_step, batch, kv)
    chunk = min(mix.prompt_tokens, profile.max_num_batched_tokens - batch)
    ttft_s = mix.prompt_tokens / chunk * profile.step_s(chunk, batch, kv)
    return itl_s <= slo.itl_ms / 1e3 and ttft_s <= slo.ttft_ms / 1e3


def measure(engine: Engine) -> Profile:
    """The profile of the scenario's engine."""
    return of_spec(resolve(engine))


@lru_cache(maxsize=8)
def of_spec(spec: EngineSpec) -> Profile:
    """The profile of an engine: its own step-time formula and idle server."""
    return Profile(
        kv_tokens=spec.kv_tokens,
        max_num_seqs=spec.max_num_seqs,
        max_num_batched_tokens=spec.max_num_batched_tokens,
        step_s=lambda prompt, batch, kv: _step_s(spec.step, prompt, batch, kv),
        idle_ttft_s=lambda prompt: idle_ttft_s(spec, prompt),
    )


def _step_s(step: StepTime, prompt_tokens: float, batch: float, kv_tokens: float) -> float:
    """One step with one prompt chunk at the start of its prompt, interpolated between whole tokens."""
    tokens = min(prompt_tokens + batch, len(step.tokens_ps) - 1.0)
    low = int(tokens)
    high = min(low + 1, len(step.tokens_ps) - 1)
    shared_ps = step.tokens_ps[low] + (step.tokens_ps[high] - step.tokens_ps[low]) * (tokens - low)
    chunk_ps = prompt_tokens * (step.prefill_token_ps + step.half_pair_ps * prompt_tokens)
    return (shared_ps + step.sequence_ps * batch + step.kv_token_ps * kv_tokens + chunk_ps) / 1e12
