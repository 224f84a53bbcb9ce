"""Histograms that vLLM's frontend keeps and the simulator does not need: by iteration, and by finished
request."""

from bisect import bisect_left
from collections import Counter
from typing import Protocol

from scaler.decision.model import Histogram
from simulations.engine.counters import ITL_LE_S, QUEUE_LE_S, Buckets
from simulations.engine.request import Request

ITERATION_LE = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
PARAMS_N_LE = (1, 2, 5, 10, 20)
PREEMPTIONS_LE = (1, 2, 3, 4, 5, 10, 20)
REASONS = ("stop", "length", "abort", "error", "repetition")
"""``finished_reason`` of vllm:request_success_total, as a real 0.32 lists them."""


def length_bounds(longest: int) -> tuple[int, ...]:
    """1, 2, 5, 10, 20, 50 … up to ``longest``: bounds of token counts follow ``max_model_len``."""
    bounds, decade = [], 1
    while decade <= longest:
        bounds += [bound for bound in (decade, 2 * decade, 5 * decade) if bound <= longest]
        decade *= 10
    return tuple(bounds)


class Counts(Buckets):
    """A histogram of whole numbers that are no times."""

    __slots__ = ()

    def __init__(self, bounds: tuple[int, ...]) -> None:
        super().__init__(tuple(float(bound) for bound in bounds), 1)


class Iterations:
    """vllm:iteration_tokens_total: tokens of each step, a prompt counted in the step that ends it."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets = Counts(ITERATION_LE)

    def observe(self, tokens: int, steps: int) -> None:
        """``steps`` iterations of ``tokens`` tokens each."""
        buckets = self._buckets
        buckets.counts[bisect_left(buckets.le, tokens)] += steps
        buckets.sum += tokens * steps

    def snapshot(self) -> Histogram:
        """As Prometheus shows it."""
        return self._buckets.snapshot()


class Tally:
    """What is observed when a request finishes, in µs and tokens."""

    def __init__(self, max_model_len: int) -> None:
        lengths = length_bounds(max_model_len)
        self.reasons: Counter[str] = Counter()
        self.prompt_tokens = Counts(lengths)
        self.generation_tokens = Counts(lengths)
        self.max_generation_tokens = Counts(lengths)
        self.max_tokens = Counts(lengths)
        self.computed_tokens = Counts(lengths)
        self.n = Counts(PARAMS_N_LE)
        self.preemptions = Counts(PREEMPTIONS_LE)
        self.time_per_token = Buckets(ITL_LE_S, 1_000_000)
        self.e2e = Buckets(QUEUE_LE_S, 1_000_000)
        self.inference = Buckets(QUEUE_LE_S, 1_000_000)
        self.prefill = Buckets(QUEUE_LE_S, 1_000_000)
        self.decode = Buckets(QUEUE_LE_S, 1_000_000)

    def observe(
        self, asked: "Asked", request: Request, *, first_us: int, finished_us: int, preemptions: int
    ) -> None:
        """A request has finished. vLLM's phases: queue, then prefill up to the first token, then decode."""
        output, decode_us = request.output, finished_us - first_us
        self.reasons[asked.reason] += 1
        self.prompt_tokens.observe(request.prompt)
        self.generation_tokens.observe(output)
        self.max_generation_tokens.observe(output)
        self.max_tokens.observe(asked.max_tokens)
        self.computed_tokens.observe(request.prompt - request.hit_tokens)
        self.n.observe(1)
        self.preemptions.observe(preemptions)
        self.time_per_token.observe(decode_us // (output - 1) if output > 1 else 0)
        self.e2e.observe(finished_us - request.at_us)
        self.inference.observe(finished_us - request.scheduled_us)
        self.prefill.observe(first_us - request.scheduled_us)
        self.decode.observe(decode_us)


class Asked(Protocol):
    """What the tally wants to know of the question itself."""

    @property
    def max_tokens(self) -> int: ...

    @property
    def reason(self) -> str: ...
