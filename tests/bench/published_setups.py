"""The rivals' own experiments as far as their texts say: loads, engines and fleets.

Sources are named at each; what a text leaves open is said where it is filled in.
"""

import json
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulations.policies.base import Parameters
from simulations.requests import Trace
from simulations.rng import stream
from simulations.scenario import Cluster, ColdStart, Engine, Scenario, Slo

Stages = Sequence[tuple[float, float]]
"""(requests per second, seconds)."""

QWEN_32B_TP2 = Engine(model="Qwen/Qwen3-32B", gpu="h100-sxm", tensor_parallel=2, kv_tokens=350_208)
"""llm-d-benchmark docs/token-aware autoscaling: a 350,208-token KV cache on this stack."""
QWEN_32B_TP1 = Engine(model="Qwen/Qwen3-32B", gpu="h100-sxm", tensor_parallel=1, kv_tokens=48_000)
"""llm-d's token-aware guide, Sizing: about 48k tokens of KV cache on TP 1."""

SLO_RAMP: Stages = ((2, 330), (4, 360), (6, 360), (8, 360), (10, 360), (4, 360), (1, 300))
"""llm-d/llm-d guides/workload-autoscaling/slo-aware/benchmark-templates/scored-config.yml."""
BURSTY: Stages = tuple((rate, 150.0) for rate in (15, 2, 10, 15, 5, 2))
"""llm-d-autoscaling#1118: 900 s in all; equal stages are our reading."""
AIBRIX: Stages = tuple((rate, 250.0) for rate in (1, 4, 8, 10, 2, 6))
"""vllm-project/aibrix autoscaling benchmark: 25 min; equal stages are our reading."""

QWEN_06B = {
    "architectures": ["Qwen3ForCausalLM"],
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151_936,
    "tie_word_embeddings": True,
    "max_position_embeddings": 40_960,
    "torch_dtype": "bfloat16",
}
"""Fields of Qwen/Qwen3-0.6B's config.json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Tokens of a request: normal with this spread, cut at three of it (0: constant)."""

    prompt: float
    answer: float
    prompt_sd: float = 0.0
    answer_sd: float = 0.0

    def draw(self, draws: random.Random) -> tuple[int, int]:
        """One request."""
        return _cut(draws, self.prompt, self.prompt_sd), _cut(draws, self.answer, self.answer_sd)


def _cut(draws: random.Random, mean: float, sd: float) -> int:
    value = draws.gauss(mean, sd) if sd else mean
    return max(1, round(max(mean - 3 * sd, min(mean + 3 * sd, value))))


SLO_LENGTHS = Lengths(prompt=4000, answer=1000, prompt_sd=300, answer_sd=80)
"""The same file: 3,500-4,500 and 900-1,100 tokens."""


def staged(
    name: str, stages: Stages, lengths: Lengths, seed: int, *, poisson: bool, silence_s: float = 0.0
) -> Trace:
    """Requests at the stages' rates, evenly spaced or Poisson.

    ``silence_s``: a last request of one token, that long after the load, lets a run go on until queues are
    empty.
    """
    draws = stream(seed, name)
    times = _times(stages, draws, poisson=poisson)
    sizes = [lengths.draw(draws) for _ in times]
    if silence_s:
        times.append(sum(seconds for _, seconds in stages) + silence_s)
        sizes.append((1, 1))
    return Trace(
        name=name,
        arrival_us=array("q", [round(time * 1e6) for time in times]),
        input_tokens=array("q", [prompt for prompt, _ in sizes]),
        output_tokens=array("q", [answer for _, answer in sizes]),
    )


def _times(stages: Stages, draws: random.Random, *, poisson: bool) -> list[float]:
    times, start_s = [], 0.0
    for rate, seconds in stages:
        at_s = start_s
        while True:
            at_s += draws.expovariate(rate) if poisson else 1.0 / rate
            if at_s >= start_s + seconds:
                break
            times.append(at_s)
        start_s += seconds
    return times


def fleet(
    engine: Engine,
    *,
    least: int,
    most: int,
    startup_s: float,
    slo: Slo | None = None,
    policy: Parameters | None = None,
) -> Scenario:
    """A scenario with one start-up figure for every pod."""
    return Scenario(
        engine=engine,
        cluster=Cluster(min_replicas=least, max_replicas=most),
        cold_start=ColdStart(seconds=startup_s, jitter=0.05),
        slo=slo or Slo(ttft_ms=3000.0, itl_ms=100.0),
        policy=dict(policy or {}),
    )


def at_published_velocity(folder: Path) -> Engine:
    """The TP 2 stack with the one efficiency that makes V_P the published 15,928 tok/s (here 15,924)."""
    path = folder / "published-velocity.yaml"
    path.write_text("efficiency: {compute: 0.65}\n", encoding="utf-8")
    return QWEN_32B_TP2.model_copy(update={"calibration": str(path)})


def qwen_06b(folder: Path) -> Engine:
    """Qwen3-0.6B on one H100, from its config."""
    path = folder / "qwen3-0.6b.json"
    path.write_text(json.dumps(QWEN_06B), encoding="utf-8")
    return Engine(model=str(path), gpu="h100-sxm")


def aibrix_engine() -> Engine:
    """DeepSeek-7B on a V100, as near as the data file comes.

    Multi-head attention like Llama-2-7B; an L40S has a V100's bandwidth (864 and 900 GB/s), and 28,000 KV
    tokens are what 32 GB leave beside 14 GB of weights.
    """
    return Engine(model="meta-llama/Llama-2-7b-hf", gpu="l40s", kv_tokens=28_000)
