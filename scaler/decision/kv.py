"""KV tokens in use and about to be, in replicas (scaling-law 15.4)."""

from scaler.decision.capacity import Mix

GROWTH_CAP = 1.5
"""KV demand follows arrivals, but only so far: requests that run now grow no faster when more arrive."""


def replicas(
    kv_ratios: float,
    waiting: float,
    mix: Mix | None,
    kv_capacity_tokens: float | None,
    growth: float,
    target: float,
    cap_share: float,
) -> float:
    """Replicas whose KV caches hold what runs and what waits, each filled to ``target``.

    ``kv_ratios`` is the sum of usages (a pod that preempted counts 1), ``growth`` the expected rate over the
    present. Usage saturates at 1, so without the waiting requests the term could grow by 1/target per cold
    start
    only. They count up to ``cap_share`` of what is held, and one replica: the queue of a cold start (5,000
    requests
    after 100 s at 60/s instead of 10/s: 13 replicas' worth) is worked off, never held at once.
    Example: usages .62·5, 3 waiting of 4,500 tokens, 300k tokens each: (3.1 + .045)/.85 = 3.7.
    """
    queued = 0.0
    if mix is not None and kv_capacity_tokens:
        queued = waiting * (mix.computed_tokens + mix.output_tokens / 2.0) / kv_capacity_tokens
    queued = min(queued, cap_share * kv_ratios + 1.0)
    return (kv_ratios * min(GROWTH_CAP, max(1.0, growth)) + queued) / target
