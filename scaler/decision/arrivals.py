"""How many requests arrive, and what the mean one looks like (scaling-law 15.2 and 18.1).

Arrivals are counted in 5-s buckets: first tokens plus growth of the queues, clipped at zero only after 30 s
were
summed, so that a request that left the queue and has no token yet does not count twice.
"""

import math
from typing import NamedTuple

from scaler.decision.capacity import Mix
from scaler.decision.flows import Flow

BUCKET_S = 5.0
WINDOW = 6
"""Buckets in the rate: 30 s."""
KEPT = 24
"""Buckets remembered: 2 min."""
HELD_S = 120.0
"""Time constant with which a rate falls while requests wait: those who give up were demand, too."""
MIX_S = 120.0
"""Time constant of the mean request."""
ENOUGH = 30.0
"""Requests that the mean request rests on before it forgets."""
HIT_CAP = 0.9
UNFINISHED = 2.0
"""Answers of which none is finished are on average half done when requests come evenly."""
DISPERSION_KEEP = 0.97
"""A bucket's share of the burstiness stays 33 buckets, 165 s."""


class Arrivals(NamedTuple):
    """Arrivals of the last minutes (live state)."""

    bucket_s: float
    """When the open bucket began."""
    open: float
    counts: tuple[float, ...]
    """Closed buckets, newest last."""
    held_per_s: float
    """The rate that may not fall faster than ``HELD_S`` while requests wait."""
    variance: float
    """Smoothed squared difference of neighbouring buckets, halved: the variance of a bucket without its
    trend."""
    mean: float


def begin(now_s: float) -> Arrivals:
    """Nothing counted yet."""
    return Arrivals(now_s, 0.0, (), 0.0, 0.0, 0.0)


def _spread(
    arrivals: Arrivals, count: float, from_s: float, now_s: float
) -> tuple[float, float, list[float]]:
    """(start of the open bucket, its count, buckets closed) after ``count`` came evenly over
    ``from_s..now_s``."""
    start, opened = arrivals.bucket_s, arrivals.open
    closed: list[float] = []
    rate = count / (now_s - from_s)
    while now_s - start >= BUCKET_S - 1e-6:
        end = start + BUCKET_S
        share = rate * max(0.0, min(end, now_s) - from_s)
        closed.append(opened + share)
        opened, from_s, start = 0.0, max(from_s, end), end
    return start, opened + rate * max(0.0, now_s - from_s), closed


def count(arrivals: Arrivals, arrived: float, from_s: float, now_s: float) -> tuple[Arrivals, list[float]]:
    """Add ``arrived`` requests of ``from_s..now_s``; also returns the values of :func:`rate` at buckets that
    closed.

    A gap longer than everything remembered starts anew.
    """
    if now_s <= from_s:
        return arrivals, []
    if now_s - arrivals.bucket_s > KEPT * BUCKET_S + (now_s - from_s):
        arrivals = arrivals._replace(bucket_s=from_s, open=0.0, counts=())
    start, opened, closed = _spread(arrivals, arrived, from_s, now_s)
    if not closed:
        return arrivals._replace(open=opened), []
    counts, rates = arrivals.counts, []
    variance, mean = arrivals.variance, arrivals.mean
    for value in closed:
        if counts:
            step = value - counts[-1]
            variance += (1.0 - DISPERSION_KEEP) * (step * step / 2.0 - variance)
            mean += (1.0 - DISPERSION_KEEP) * (max(0.0, value) - mean)
        counts = (*counts[-KEPT + 1 :], value)
        rates.append(_window_rate(counts))
    return Arrivals(start, opened, counts, arrivals.held_per_s, variance, mean), rates


def _window_rate(counts: tuple[float, ...]) -> float:
    window = counts[-WINDOW:]
    return max(0.0, math.fsum(window)) / (len(window) * BUCKET_S)


def rate(arrivals: Arrivals, now_s: float) -> float:
    """Requests/s over the last 30 s (over what there is when less was seen)."""
    if arrivals.counts:
        return _window_rate(arrivals.counts)
    seconds = now_s - arrivals.bucket_s
    return max(0.0, arrivals.open) / seconds if seconds > 0.0 else 0.0


def hold(arrivals: Arrivals, rate_per_s: float, queued: bool, dt_s: float) -> Arrivals:
    """Let the rate fall slowly only while requests wait for longer than they should."""
    floor = arrivals.held_per_s * math.exp(-dt_s / HELD_S) if queued else 0.0
    return arrivals._replace(held_per_s=max(rate_per_s, floor))


def dispersion(arrivals: Arrivals) -> float:
    """Variance over mean of 5-s counts: 1 for Poisson arrivals, more for bursts (bounded: few buckets say
    little)."""
    if len(arrivals.counts) < WINDOW or arrivals.mean <= 0.0:
        return 1.0
    return min(20.0, max(1.0, arrivals.variance / arrivals.mean))


class Sizes(NamedTuple):
    """Decaying sums behind the mean request (learned state)."""

    requests: float = 0.0
    prompt: float = 0.0
    computed: float = 0.0
    sized_prompt: float = 0.0
    """Prompt tokens of which ``computed`` were worked on."""
    generation: float = 0.0
    finished: float = 0.0
    finished_generation: float = 0.0
    deviation: float = 0.0
    """Squared deviations of a tick's prompt tokens from its requests' expected ones."""
    deviating: float = 0.0
    """Requests in them."""
    recomputed: float = 0.0
    """Tokens computed again after preemptions."""
    watched: float = 0.0
    """Requests that got their first token where finished answers are counted, too."""


UNSIZED = Sizes()


def _forget(requests: float, dt_s: float) -> float:
    return math.exp(-dt_s / MIX_S) if requests > ENOUGH else 1.0


def _context(sizes: Sizes) -> float:
    """Tokens that a preempted request computes again: its prompt, and half of its answer on average."""
    return (sizes.prompt + sizes.generation / 2.0) / sizes.requests if sizes.requests >= 1.0 else 0.0


def learn_sizes(sizes: Sizes, flow: Flow, dt_s: float) -> Sizes:
    """Add this tick's requests to the mean request."""
    if flow.pod_seconds <= 0.0 or (flow.first_tokens <= 0.0 and flow.generation <= 0.0):
        return sizes
    keep = _forget(sizes.requests, dt_s)
    keep_finished = _forget(sizes.finished, dt_s)
    told = flow.computed is not None
    deviation = 0.0
    if sizes.requests >= 1.0:
        deviation = (flow.prompt - flow.first_tokens * sizes.prompt / sizes.requests) ** 2
    return Sizes(
        keep * sizes.requests + flow.first_tokens,
        keep * sizes.prompt + flow.prompt,
        keep * sizes.computed + (flow.computed or 0.0),
        keep * sizes.sized_prompt + (flow.prompt if told else 0.0),
        keep * sizes.generation + flow.generation,
        keep_finished * sizes.finished + flow.finished,
        keep_finished * sizes.finished_generation + flow.finished_generation,
        keep * sizes.deviation + deviation,
        keep * sizes.deviating + (flow.first_tokens if sizes.requests >= 1.0 else 0.0),
        keep * sizes.recomputed + flow.preemptions * _context(sizes),
        keep * sizes.watched + (flow.first_tokens if flow.sized else 0.0),
    )


def computed_share(sizes: Sizes) -> float:
    """Share of prompt tokens that the GPU works on (1 - hit ratio, which is capped at 0.9; scaling-law
    15.2)."""
    if sizes.sized_prompt <= 0.0:
        return 1.0
    return min(1.0, max(1.0 - HIT_CAP, sizes.computed / sizes.sized_prompt))


def mean_request(sizes: Sizes, running: float) -> Mix | None:
    """The mean request, None before one was seen.

    Output: what finished requests had (short answers finish first while load rises), or generated tokens per
    first token (which lag while load rises): the larger.
    """
    if sizes.requests < 1.0:
        return None
    prompt = sizes.prompt / sizes.requests
    output = _output(sizes, running)
    prompt = max(1.0, prompt)
    computed = prompt * computed_share(sizes) + sizes.recomputed / sizes.requests
    return Mix(prompt, computed, max(1.0, output), _prompt_spread(sizes, prompt))


def _output(sizes: Sizes, running: float) -> float:
    """Tokens of the mean answer.

    At first contact nothing has finished, and what was generated tells only how young the answers are: 8
    replicas that got 20 requests/s of 1,000 tokens looked after 20 s as if 250 tokens each were all. That is
    so while all that run were seen to begin; whoever joins later sees old answers grow, too.
    """
    begun = sizes.generation / sizes.requests
    if sizes.finished >= 1.0:
        return max(begun, sizes.finished_generation / sizes.finished)
    return UNFINISHED * begun if sizes.watched >= max(1.0, running) else begun


def _prompt_spread(sizes: Sizes, prompt: float) -> float:
    """Squared coefficient of variation of prompt sizes: n requests deviate from n means by n variances.

    Starts from 1 (an exponential's), worth ten requests.
    """
    variance = (sizes.deviation + 10.0 * prompt * prompt) / (sizes.deviating + 10.0)
    return min(10.0, variance / (prompt * prompt))
