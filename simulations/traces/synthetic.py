"""Seeded synthetic loads: the five that laws are tuned on, one around zero, one at first contact, one crowd.

Arrivals are Poisson with a rate that changes in time; lengths are lognormal with sigma 0.4 around a mean.
Rates and mean lengths are those of the loads on which the scaling law was first compared (ramp is llm-d's
published one, llm-d/llm-d guides/workload-autoscaling); where a figure was left open the table says so.

| load | rate, requests/s | mean input / output tokens | span |
|---|---|---|---|
| ramp | 2, 4, 6, 8, 10, 4, 1: 4 min each | 4000 / 1000 | 28 min |
| sine | 1 to 10, period 30 min, from the trough | 4000 / 1000 | 60 min |
| burst | 2; 10 for 60-120 s, every 4-5 min | 4000 / 1000 | 60 min |
| prefill | 3, 6, 9, 12, 15, 18, 9, 3: 4 min each | 6000 / 16 | 32 min |
| decode | 2, 4, 6, 8, 10, 12, 6, 2: 4 min each | 300 / 2000 | 32 min |
| sparse | sessions of 1-6 requests, 15 min apart on average | 1000 / 200 | 4 h |
| rush | 12 from the first second | 4000 / 1000 | 16 min |
| surge | 0.5, doubling every 90 s up to 16; from minute 12 halving every 2 min | 4000 / 1000 | 25 min |

Of these, the lengths of sine and burst, the spans and the steps down of prefill and decode are ours, and so
are sparse, rush and surge.
"""

import math
import random
from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from simulations.requests import Trace
from simulations.rng import stream

LENGTH_SIGMA = 0.4
_LONGEST = 8
"""Lengths are cut at this many times their median (5.2 sigma): a guard, not a shape."""
_STEP_S = 240.0

Rate = Callable[[float], float]
"""Requests per second at a time in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One synthetic load; ``arrivals`` draws sorted times in seconds."""

    arrivals: Callable[[random.Random], list[float]]
    input_tokens: int
    output_tokens: int


def generate(name: str, seed: int) -> Trace:
    """The load ``name`` of :data:`LOADS`; the same name and seed always give the same trace."""
    load = LOADS[name]
    times = load.arrivals(stream(seed, f"synthetic.{name}.arrivals"))
    lengths = stream(seed, f"synthetic.{name}.lengths")
    return Trace(
        name=f"synthetic:{name}",
        arrival_us=array("q", [round(time * 1e6) for time in times]),
        input_tokens=_lengths(lengths, load.input_tokens, len(times)),
        output_tokens=_lengths(lengths, load.output_tokens, len(times)),
    )


def _lengths(draws: random.Random, mean: int, n: int) -> "array[int]":
    """Lognormal whole numbers with this mean: the median is mean × exp(-sigma²/2), 92 % of it."""
    mu = math.log(mean) - LENGTH_SIGMA**2 / 2
    longest = round(_LONGEST * math.exp(mu))
    return array("q", [min(longest, max(1, round(draws.lognormvariate(mu, LENGTH_SIGMA)))) for _ in range(n)])


def _poisson(rate: Rate, peak: float, span_s: float, draws: random.Random) -> list[float]:
    """Arrivals by thinning (Lewis and Shedler 1979): draw at the peak rate, keep with rate / peak."""
    times = []
    now = draws.expovariate(peak)
    while now < span_s:
        if draws.random() * peak < rate(now):
            times.append(now)
        now += draws.expovariate(peak)
    return times


def _staircase(*rates: float) -> Callable[[random.Random], list[float]]:
    def arrivals(draws: random.Random) -> list[float]:
        return _poisson(lambda now: rates[int(now // _STEP_S)], max(rates), len(rates) * _STEP_S, draws)

    return arrivals


def _sine(low: float, high: float, period_s: float, span_s: float) -> Callable[[random.Random], list[float]]:
    def rate(now: float) -> float:
        return low + (high - low) * (1 - math.cos(2 * math.pi * now / period_s)) / 2

    return lambda draws: _poisson(rate, high, span_s, draws)


def _crowd(
    low: float, high: float, doubling_s: float, turn_s: float, halving_s: float, span_s: float
) -> Callable[[random.Random], list[float]]:
    def rate(now: float) -> float:
        if now < turn_s:
            return min(high, low * 2 ** (now / doubling_s))
        return max(low, high * 2 ** (-(now - turn_s) / halving_s))

    return lambda draws: _poisson(rate, high, span_s, draws)


def _bursts(low: float, high: float, span_s: float) -> Callable[[random.Random], list[float]]:
    def arrivals(draws: random.Random) -> list[float]:
        edges: list[float] = []
        start = draws.uniform(240, 300)
        while start < span_s:
            edges += (start, start + draws.uniform(60, 120))
            start += draws.uniform(240, 300)
        return _poisson(lambda now: high if bisect_right(edges, now) % 2 else low, high, span_s, draws)

    return arrivals


def _sessions(mean_gap_s: float, span_s: float) -> Callable[[random.Random], list[float]]:
    """A person comes, asks one to six times with 5-30 s of reading between, and goes."""

    def arrivals(draws: random.Random) -> list[float]:
        times: list[float] = []
        start = 10.0
        while start < span_s:
            now = start
            for _ in range(draws.randint(1, 6)):
                times.append(now)
                now += draws.uniform(5, 30)
            start += draws.expovariate(1 / mean_gap_s)
        return sorted(time for time in times if time < span_s)

    return arrivals


LOADS: dict[str, Load] = {
    "ramp": Load(arrivals=_staircase(2, 4, 6, 8, 10, 4, 1), input_tokens=4000, output_tokens=1000),
    "sine": Load(arrivals=_sine(1, 10, 1800, 3600), input_tokens=4000, output_tokens=1000),
    "burst": Load(arrivals=_bursts(2, 10, 3600), input_tokens=4000, output_tokens=1000),
    "prefill": Load(arrivals=_staircase(3, 6, 9, 12, 15, 18, 9, 3), input_tokens=6000, output_tokens=16),
    "decode": Load(arrivals=_staircase(2, 4, 6, 8, 10, 12, 6, 2), input_tokens=300, output_tokens=2000),
    "sparse": Load(arrivals=_sessions(900, 4 * 3600), input_tokens=1000, output_tokens=200),
    "surge": Load(arrivals=_crowd(0.5, 16, 90, 720, 120, 1500), input_tokens=4000, output_tokens=1000),
    "rush": Load(arrivals=_staircase(12, 12, 12, 12), input_tokens=4000, output_tokens=1000),
}
