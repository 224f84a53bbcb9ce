"""Dynamo's performance model of an aggregated engine: iteration time over prompt tokens and decode KV.

Source: ai-dynamo/dynamo components/src/dynamo/planner/core/perf_model/{base,agg}.py: a plane ``wall = c0
+ c1·prefill tokens + c2·decode KV tokens`` by least squares over at most 64 observations, spread over a 4
× 4 grid of buckets whose fullest retires first; a fit with a negative slope is rejected; five
observations are needed. It is bootstrapped by a pre-deployment sweep (mode ``rapid``: simulated).
"""

import math
from collections import deque
from dataclasses import dataclass

from simulations.policies import profiling
from simulations.policies.least_squares import solve

MOST_SAMPLES = 64
"""``max_num_fpm_samples``."""
BUCKETS = 4
"""Per axis: the square root of ``fpm_sample_bucket_size`` 16."""
LEAST_SAMPLES = 5
"""``load_min_observations``."""

Point = tuple[float, float, float]
"""Prefill tokens, decode KV tokens, seconds of one iteration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the engine reports of itself."""

    max_num_batched_tokens: int
    max_kv_tokens: int
    max_num_seqs: int


class IterationTime:
    """The plane, its samples, and the averages that the estimates use."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[int, int], deque[Point]] = {}
        self._size = 0
        self._bounds = ((math.inf, -math.inf), (math.inf, -math.inf))
        self._plane: tuple[float, ...] | None = None
        self._fresh = False
        self._prefill: deque[float] = deque(maxlen=MOST_SAMPLES)
        self._decode_length: deque[float] = deque(maxlen=MOST_SAMPLES)

    def observe(self, prefill: float, kv: float, wall_s: float, decoding: float) -> None:
        """One engine's iteration, and how many requests it decoded."""
        self._prefill.append(prefill)
        if decoding > 0.0:
            self._decode_length.append(kv / decoding)
        self.learn((prefill, kv, wall_s))

    def learn(self, point: Point) -> None:
        """Add a sample to the regression alone (the bootstrap does)."""
        bounds = tuple(
            (min(low, x), max(high, x)) for (low, high), x in zip(self._bounds, point, strict=False)
        )
        if bounds != self._bounds:
            self._bounds = (bounds[0], bounds[1])
            self._spread()
        self._buckets.setdefault(self._key(point), deque()).append(point)
        self._size += 1
        if self._size > MOST_SAMPLES:
            self._retire()
        self._fresh = False

    def _key(self, point: Point) -> tuple[int, int]:
        places = []
        for (low, high), x in zip(self._bounds, point, strict=False):
            place = int((x - low) / (high - low) * BUCKETS) if high > low else 0
            places.append(max(0, min(BUCKETS - 1, place)))
        return places[0], places[1]

    def _spread(self) -> None:
        points = [point for bucket in self._buckets.values() for point in bucket]
        self._buckets = {}
        for point in points:
            self._buckets.setdefault(self._key(point), deque()).append(point)

    def _retire(self) -> None:
        fullest = max(self._buckets, key=lambda key: len(self._buckets[key]))
        self._buckets[fullest].popleft()
        self._size -= 1

    def ready(self) -> bool:
        """Whether a physically possible plane fits the samples."""
        if not self._fresh:
            points = [point for bucket in self._buckets.values() for point in bucket]
            rows = [(1.0, prefill, kv) for prefill, kv, _ in points]
            plane = solve(rows, [wall for _, _, wall in points]) if len(points) >= LEAST_SAMPLES else None
            self._plane = plane if plane is not None and min(plane[1:]) >= 0.0 else None
            self._fresh = True
        return self._plane is not None

    def seconds(self, prefill: float, kv: float) -> float:
        """One iteration; call only when :meth:`ready`."""
        assert self._plane is not None
        return max(1e-6, self._plane[0] + self._plane[1] * prefill + self._plane[2] * kv)

    def ttft_s(self, queued: float, prompt: float, kv: float, budget: int, hit_share: float) -> float:
        """The next request's: the queue and itself, chunk after chunk, beside the present decodes."""
        left = (queued + prompt) * (1.0 - hit_share)
        spent_s = 0.0
        while left > 0.0:
            spent_s += self.seconds(min(left, budget), kv)
            left -= budget
        return spent_s

    def itl_s(self, kv: float) -> float:
        """One more request's iterations, with the usual prompt tokens beside."""
        usual = math.fsum(self._prefill) / len(self._prefill) if self._prefill else 0.0
        length = math.fsum(self._decode_length) / len(self._decode_length) if self._decode_length else 0.0
        return self.seconds(usual, kv + length)

    def best_rps(
        self,
        prompt: float,
        answer: float,
        limits: Limits,
        objectives_s: tuple[float, float],
        hit_share: float,
    ) -> float:
        """Requests per second of one engine within TTFT and ITL objectives (``find_best_engine_agg_rps``).

        The largest batch within them, by Little's law: 50 of 200 tokens at 25 ms -> 50/(200·0.025) = 10.
        """
        ttft_slo_s, itl_slo_s = objectives_s
        best = 0.0
        for batch in range(1, _most_batch(prompt, answer, limits) + 1):
            kv = batch * (prompt + answer / 2.0)
            prefill = min(
                batch * prompt * (1.0 - hit_share) / max(1.0, answer), limits.max_num_batched_tokens
            )
            wall_s = self.seconds(prefill, kv)
            ttft_s = self.ttft_s(float(int(prefill)), prompt, kv, limits.max_num_batched_tokens, 0.0)
            if wall_s > itl_slo_s or ttft_s > ttft_slo_s:
                return best or 1.0 / (answer * wall_s)
            best = batch / (answer * wall_s)
        return best


def _most_batch(prompt: float, answer: float, limits: Limits) -> int:
    """Bounds of the sweep: the KV cache, ``max_num_seqs``, and prompts admitted as fast as answers end."""
    cached = max(1, int(limits.max_kv_tokens / max(1.0, prompt + answer / 2.0)))
    balanced = int(answer * limits.max_num_batched_tokens / (prompt + answer))
    return max(1, min(cached, limits.max_num_seqs, limits.max_num_batched_tokens - 1, balanced))


def sweep(step_s: profiling.StepSeconds, limits: Limits, context: float) -> list[Point]:
    """A pre-deployment sweep: a grid of prompt tokens and resident KV in sequences of ``context`` tokens."""
    points = []
    for share in (0.0, 1 / 3, 2 / 3, 1.0):
        for filled in (0.0, 0.25, 0.5, 0.75):
            kv = filled * limits.max_kv_tokens
            batch = min(limits.max_num_seqs, kv / context)
            prefill = max(0.0, share * limits.max_num_batched_tokens - batch)
            if prefill or batch:
                points.append((prefill, kv, step_s(prefill, batch, kv)))
    return points
