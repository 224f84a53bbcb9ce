"""Sums of counter differences over the pods that were scraped anew.

Counters are summed as columns, in C: Σnew - Σold. Absent counts as 0, which is right in both cases that
reach this
place: a series that appears later began at zero, and one that never appears adds nothing.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import NamedTuple

from scaler.decision.differences import Pair
from scaler.decision.model import Histogram, Samples


class Steps(NamedTuple):
    """Step-time features of one configuration in this tick, as a decoded token sees them."""

    tokens: float
    step_s: float
    prefill: float
    """Prompt tokens in a step, cached ones included."""
    sequences: float


class Flow(NamedTuple):
    """What happened since the scrapes before."""

    pod_seconds: float = 0.0
    first_tokens: float = 0.0
    """Requests that got their first token (or, without that histogram, that finished)."""
    ttft_sum_s: float = 0.0
    ttft_known: bool = False
    queue_count: float = 0.0
    queue_sum_s: float = 0.0
    prompt: float = 0.0
    computed: float | None = None
    """Prompt tokens worked on; None when neither the counter nor the prefix cache's tells."""
    generation: float = 0.0
    finished: float = 0.0
    """Finished requests, counted only where finished sizes are told, too."""
    finished_generation: float = 0.0
    preemptions: float = 0.0
    sized: bool = False
    """Whether finished answers are told."""


NOTHING = Flow()


_GET = {f.name: attrgetter(f.name) for f in fields(Samples)}


def _difference(new: Sequence[Samples], old: Sequence[Samples], name: str) -> float:
    get = _GET[name]
    total: float = sum(filter(None, map(get, new))) - sum(filter(None, map(get, old)))
    return total


def _exposed(new: Sequence[Samples], name: str) -> bool:
    return [*map(_GET[name], new)].count(None) < len(new)


def _histograms(samples: Sequence[Samples], name: str) -> list[Histogram]:
    return [h for h in map(_GET[name], samples) if h is not None]


def _count_and_sum(later: list[Histogram], earlier: list[Histogram]) -> tuple[float, float]:
    count = sum([h.counts[-1] for h in later]) - sum([h.counts[-1] for h in earlier])
    return count, sum([h.sum for h in later]) - sum([h.sum for h in earlier])


def _computed(new: Sequence[Samples], old: Sequence[Samples], prompt: float) -> float | None:
    """Prompt tokens that the GPU worked on (scaling-law 18.1)."""
    if _exposed(new, "prompt_tokens_computed_total"):
        return _difference(new, old, "prompt_tokens_computed_total")
    if not _exposed(new, "prefix_queries_tokens_total"):
        return None
    queries = _difference(new, old, "prefix_queries_tokens_total")
    hits = _difference(new, old, "prefix_hits_tokens_total")
    return prompt * max(0.0, 1.0 - hits / queries) if queries > 0.0 else None


def flow(pairs: Sequence[Pair]) -> Flow:
    """Sum the differences of all pairs."""
    if not pairs:
        return NOTHING
    new, old = [p.new for p in pairs], [p.old for p in pairs]
    ttft, ttft_before = _histograms(new, "ttft_s"), _histograms(old, "ttft_s")
    first_tokens, ttft_sum_s = _count_and_sum(ttft, ttft_before)
    finished = _difference(new, old, "requests_finished_total")
    prompt = _difference(new, old, "prompt_tokens_total")
    queue_count, queue_sum_s = _count_and_sum(_histograms(new, "queue_s"), _histograms(old, "queue_s"))
    sized = _exposed(new, "finished_generation_tokens_total")
    return Flow(
        sum(p.seconds for p in pairs),
        first_tokens if ttft else finished,
        ttft_sum_s,
        bool(ttft),
        queue_count,
        queue_sum_s,
        prompt,
        _computed(new, old, prompt),
        _difference(new, old, "generation_tokens_total"),
        finished if sized else 0.0,
        _difference(new, old, "finished_generation_tokens_total"),
        _difference(new, old, "preemptions_total"),
        sized,
    )


def _above(histogram: Histogram | None, limit_s: float) -> float:
    """Observations above ``limit_s``, interpolated evenly within the bucket that it falls into.

    Buckets are coarse (0.5, 0.75, 1, 2.5 s in vLLM), so a limit between two edges is a guess; beyond the last
    finite edge nothing tells how far above observations are, and all of them count as above.
    """
    if histogram is None:
        return 0.0
    le, counts = histogram.le, histogram.counts
    i = bisect_left(le, limit_s)
    below, edge = (counts[i - 1], le[i - 1]) if i else (0.0, 0.0)
    if i < len(le) - 1:
        below += (counts[i] - below) * (limit_s - edge) / (le[i] - edge)
    return counts[-1] - below


def late(pairs: Sequence[Pair], limit_s: float) -> float:
    """First tokens that came later than ``limit_s``."""
    return sum([_above(p.new.ttft_s, limit_s) - _above(p.old.ttft_s, limit_s) for p in pairs])


def steps(pairs: Sequence[Pair]) -> dict[str, Steps]:
    """Step-time features per configuration.

    The mean inter-token latency T is the step time that a token sees. In that time the engine computes T
    times
    its rate of prompt tokens, and by Little's law Σ latencies / elapsed requests decode at once, beside the
    one
    that looks. Nothing else is needed: no iteration counter (whose steps without decodes no token sees), and
    no
    gauge, which is a moment.
    """
    sums: dict[str, list[float]] = {}
    for new, old, elapsed, config_id in pairs:
        itl, before = new.itl_s, old.itl_s
        if itl is None:
            tokens = (new.generation_tokens_total or 0.0) - (old.generation_tokens_total or 0.0)
            seconds = elapsed * ((new.running or 0.0) + (old.running or 0.0)) / 2.0
        elif before is None:
            tokens, seconds = itl.counts[-1], itl.sum
        else:
            tokens, seconds = itl.counts[-1] - before.counts[-1], itl.sum - before.sum
        if tokens <= 0.0 or seconds <= 0.0:
            continue
        prompt = (new.prompt_tokens_total or 0.0) - (old.prompt_tokens_total or 0.0)
        acc = sums.setdefault(config_id, [0.0, 0.0, 0.0, 0.0])
        acc[0] += tokens
        acc[1] += seconds
        acc[2] += prompt * seconds / elapsed
        acc[3] += tokens * (1.0 + seconds / elapsed)
    return {key: Steps(n, s / n, p / n, b / n) for key, (n, s, p, b) in sums.items()}
