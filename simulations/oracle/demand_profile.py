"""How many replicas the work of each moment would keep busy: where the search begins.

A fluid: the prompt's work falls where a request arrives, its decoding is spread over the time that it takes
at half the ITL limit. The level is only a guess (the search tries multiples of it), the shape is what
counts.
"""

from collections.abc import Sequence

from simulations.engine.spec import EngineSpec
from simulations.oracle.least_work import Claim, Facts, claims
from simulations.requests import Trace
from simulations.scenario import Slo

_PACE = 0.5
"""Share of the ITL limit that a token takes in a fleet that is neither idle nor overrun."""
_REST = len(Facts().values()) - 3


def busy_replicas(spec: EngineSpec, slo: Slo, trace: Trace, bin_us: int, bins: int) -> list[float]:
    """Replicas kept busy in each bin."""
    claim = _dearest(claims(spec, slo), trace)
    load, slope = [0.0] * (bins + 1), [0.0] * (bins + 1)
    pace_us = slo.itl_ms * 1000 * _PACE
    for arrival, prompt, output in zip(
        trace.arrival_us, trace.input_tokens, trace.output_tokens, strict=True
    ):
        facts = facts_of(prompt, output)
        prompt_s = claim.work_s((*facts[:3], *(0.0,) * _REST))
        at = arrival // bin_us
        load[at] += prompt_s
        until = min(bins - 1, int(arrival + pace_us * (output - 1)) // bin_us)
        each_s = (claim.work_s(facts) - prompt_s) / (until - at + 1)
        slope[at] += each_s
        slope[until + 1] -= each_s
    total = 0.0
    for at in range(bins):
        total += slope[at]
        load[at] += total
    return [work_s * 1e6 / bin_us for work_s in load[:bins]]


def facts_of(prompt: int, output: int) -> tuple[float, ...]:
    """A request's :class:`Facts` where nothing is shared and nothing is cut."""
    steps = output - 1
    context = steps * prompt + steps * output / 2
    return Facts(
        prompt_tokens=prompt,
        squared_tokens=prompt**2,
        requests=1,
        steps=steps,
        context_tokens=context,
        own_context_tokens=context,
        first_context_tokens=steps * (prompt + 1),
        bound_steps=steps,
    ).values()


def _dearest(tried: Sequence[Claim], trace: Trace) -> Claim:
    """The claim that asks most for the mean request, which stands for all."""
    n = max(1, len(trace))
    mean = facts_of(max(1, sum(trace.input_tokens) // n), max(1, sum(trace.output_tokens) // n))
    return max(tried, key=lambda claim: claim.work_s(mean))


def smoothed(values: Sequence[float], bins: int) -> list[float]:
    """Mean over ``bins`` bins to either side, as many as there are."""
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    n = len(values)
    result = []
    for at in range(n):
        low, high = max(0, at - bins), min(n, at + bins + 1)
        result.append((sums[high] - sums[low]) / (high - low))
    return result
