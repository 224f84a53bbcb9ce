"""Sums of counter differences over the pods that were scraped anew.

Counters are summed as columns, in C: Σnew - Σold. Absent counts as 0, which is right in both cases that
reach this
place: a series that appears later began at zero, and one that never appears adds nothing.
"""

from collections.abc import Sequence
from operator import attrgetter, sub
from typing import NamedTuple

from scaler.decision.differences import Pair
from scaler.decision.model import Histogram, Samples


class Steps(NamedTuple):
    """Step-time features of one configuration in this tick, as a decoded token sees them."""

    tokens: float
    step_s: float
    prefill: float
    """Prompt tokens computed in a step."""
    sequences: float


class Flow(NamedTuple):
    """What happened since the scrapes before."""

    pod_seconds: float = 0.0
    first_tokens: float = 0.0
    """Requests that got their first token (or, without that histogram, that finished)."""
    ttft_sum_s: float = 0.0
    ttft_le: tuple[float, ...] = ()
    ttft_counts: tuple[float, ...] = ()
    """Cumulative, as in Prometheus."""
    itl_tokens: float = 0.0
    itl_sum_s: float = 0.0
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


NOTHING = Flow()


def _difference(new: Sequence[Samples], old: Sequence[Samples], name: str) -> float:
    get = attrgetter(name)
    total: float = sum(filter(None, map(get, new))) - sum(filter(None, map(get, old)))
    return total


def _exposed(new: Sequence[Samples], name: str) -> bool:
    return getattr(new[0], name) is not None or any(getattr(s, name) is not None for s in new)


def _histograms(samples: Sequence[Samples], name: str) -> list[Histogram]:
    return [h for h in map(attrgetter(name), samples) if h is not None]


def _count_and_sum(new: Sequence[Samples], old: Sequence[Samples], name: str) -> tuple[float, float]:
    later, earlier = _histograms(new, name), _histograms(old, name)
    count = sum(h.counts[-1] for h in later) - sum(h.counts[-1] for h in earlier)
    return count, sum(h.sum for h in later) - sum(h.sum for h in earlier)


def _buckets(new: Sequence[Samples], old: Sequence[Samples]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(le, counts) of first-token times over pods whose buckets are those of the first pod that has any."""
    later = _histograms(new, "ttft_s")
    if not later:
        return (), ()
    le = later[0].le
    total = tuple(map(sum, zip(*(h.counts for h in later if h.le == le), strict=True)))
    earlier = [h.counts for h in _histograms(old, "ttft_s") if h.le == le]
    if not earlier:
        return le, total
    return le, tuple(map(sub, total, map(sum, zip(*earlier, strict=True))))


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
    le, counts = _buckets(new, old)
    first_tokens, ttft_sum_s = _count_and_sum(new, old, "ttft_s")
    finished = _difference(new, old, "requests_finished_total")
    prompt = _difference(new, old, "prompt_tokens_total")
    itl_tokens, itl_sum_s = _count_and_sum(new, old, "itl_s")
    queue_count, queue_sum_s = _count_and_sum(new, old, "queue_s")
    sized = _exposed(new, "finished_generation_tokens_total")
    return Flow(
        sum(p.seconds for p in pairs),
        first_tokens if le else finished,
        ttft_sum_s,
        le,
        counts,
        itl_tokens,
        itl_sum_s,
        queue_count,
        queue_sum_s,
        prompt,
        _computed(new, old, prompt),
        _difference(new, old, "generation_tokens_total"),
        finished if sized else 0.0,
        _difference(new, old, "finished_generation_tokens_total"),
        _difference(new, old, "preemptions_total"),
    )


def steps(pairs: Sequence[Pair], computed_share: float) -> dict[str, Steps]:
    """Step-time features per configuration; ``computed_share`` of the prompt tokens were worked on.

    The mean inter-token latency T is the step time that a token sees. In that time the engine computes T times
    its rate of prompt tokens, and by Little's law Σ latencies / elapsed requests decode at once, beside the one
    that looks. Nothing else is needed: no iteration counter (whose steps without decodes no token sees), and no
    gauge, which is a moment.
    """
    sums: dict[str, list[float]] = {}
    for new, old, elapsed, config_id in pairs:
        itl, before = new.itl_s, old.itl_s
        if itl is None:
            continue
        tokens, seconds = itl.counts[-1], itl.sum
        if before is not None:
            tokens, seconds = tokens - before.counts[-1], seconds - before.sum
        if tokens <= 0.0 or seconds <= 0.0:
            continue
        prompt = (new.prompt_tokens_total or 0.0) - (old.prompt_tokens_total or 0.0)
        acc = sums.setdefault(config_id, [0.0, 0.0, 0.0, 0.0])
        acc[0] += tokens
        acc[1] += seconds
        acc[2] += prompt * computed_share * seconds / elapsed
        acc[3] += tokens * (1.0 + seconds / elapsed)
    return {key: Steps(n, s / n, p / n, b / n) for key, (n, s, p, b) in sums.items()}
