"""A cost that no schedule can undercut at a given attainment: a relaxation, and why it is one.

Not a fleet: nothing in it routes, queues or rounds. What it keeps of the plant, each kept exactly or in the
cheaper direction (the full argument, with the algebra, is in docs/designs/0007-oracle-and-lower-bound.md):

1. *Work.* An engine step of T tokens, B sequences and C tokens of context lasts
   ``tokens_ps[T] + sequence_ps·B + kv_token_ps·C + prefill terms`` (``simulations.engine.spec.StepTime``).
   Any line ``k + g·T`` under the table turns that into a constant per step and a sum over the requests in
   it. Summed over all steps of all replicas, the second part is a cost of each request by itself, whoever
   serves it.
2. *Sharing.* The constant part cannot be shared by arbitrarily many: contexts fit the KV cache, sequences the
   seats, and a good request's steps last ``itl`` on average or less. With u_s the decode cost in step s of
   good requests, Σ u_s·(k + u_s) <= itl·Σ u_s, and by Cauchy and Schwarz there are at least Σ u / (itl - k)
   steps. So every good request carries its part of the constants, and a set of good requests costs at least
   its sum.
3. *Deadlines.* A good request has its first token within its TTFT limit and the others within ``itl`` each on
   average. So its whole work, or its prompt's, lies in a known window, and replicas that can work must be
   there for it: the integral of their number over a window is at least the certain work in it.
4. *Starts.* The number of replicas that can work is a whole number, begins at ``min_replicas``, never falls
   below it, and each rise costs the GPU time of a start, at least the shortest of the run's first 4,096
   pods. (A schedule that creates more pods than that is outside of the claim; at one start a second it takes
   over an hour.)
5. *Misses.* At most (1 - attainment) of the requests may be missed, and the relaxation may choose which.
   That is priced by a Lagrange multiplier, so the answer holds whatever multiplier is used.

The bound is the largest over several widths of windows, and each is a bound by itself. With prefix caching,
prompt tokens that another request shares count as free. Floats are rounded down by one part in 10⁹ at the
end.
"""

import dataclasses
import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from simulations.accounting import judged_until_us
from simulations.engine.idle import idle_ttft_s
from simulations.engine.spec import EngineSpec, StepTime
from simulations.fleet.revisions import revisions
from simulations.oracle.least_fleet import Least, Rules, Window, Work, least_fleet
from simulations.oracle.least_work import Claim, Facts, blind_tokens, claims
from simulations.oracle.partition import improved
from simulations.oracle.sharing import sparable_tokens
from simulations.oracle.starts import starts_us
from simulations.requests import Trace
from simulations.scenario import Scenario

_PODS = 4096
"""A schedule that creates more pods than this in one run is outside of the claim."""
_WIDTHS_S = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 1800.0, 7200.0)
_MOST_WINDOWS = 1000
_MOVED = 2
"""Of the even widths, the best ones whose cuts are moved."""
_SWEEPS = 3
_WORTH = 1.001
"""A sweep that proves less more than this is the last one."""
_ROUNDING = 1 - 1e-9
_STAMP_S = 2e-6
"""Stamps are floored to whole µs, so the true times may be as much later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LowerBound:
    """What no schedule undercuts that reaches ``attainment_ratio``."""

    attainment_ratio: float
    gpu_hours: float
    mean_replicas: float
    windows: int
    """How many windows of time proved it."""
    reachable: bool
    """False: more requests than may be missed can never be served (too long for the context)."""


def lower_bound(scenario: Scenario, trace: Trace, seed: int, attainment_ratio: float) -> LowerBound:
    """The bound for this trace, fleet and attainment (0-1). ``seed`` fixes how long starts take."""
    span_s = judged_until_us(trace) / 1e6
    specs = [revision.spec for _, revision in revisions(scenario)]
    requests = _Requests(_fastest(specs), scenario, trace, specs, span_s)
    spare = misses_allowed(len(trace), attainment_ratio) - requests.hopeless
    rules = Rules(
        floor=scenario.cluster.min_replicas,
        start_s=min(starts_us(scenario, seed, _PODS)) / 1e6,
        misses=max(0, spare),
    )
    best = _best_cuts(requests, rules, span_s)
    replica_s = min(best.least.replica_s * _ROUNDING, scenario.cluster.max_replicas * span_s)
    return LowerBound(
        attainment_ratio=attainment_ratio,
        gpu_hours=replica_s * specs[0].tensor_parallel / 3600,
        mean_replicas=replica_s / span_s,
        windows=len(best.cuts) - 1,
        reachable=spare >= 0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A way to cut the span into windows, and what it proves."""

    cuts: tuple[float, ...]
    least: Least


def _best_cuts(requests: "_Requests", rules: Rules, span_s: float) -> _Cut:
    """The best of even windows of several widths, its cuts then moved to where they prove more."""
    even = [_proved(requests, rules, _even(width_s, span_s)) for width_s in _widths(span_s)]
    even.sort(key=lambda cut: cut.least.replica_s)
    return max((_moved(requests, rules, cut) for cut in even[-_MOVED:]), key=lambda cut: cut.least.replica_s)


def _moved(requests: "_Requests", rules: Rules, cut: _Cut) -> _Cut:
    for _ in range(_SWEEPS):
        most = max(Work(requests.window(a, b)).most_replicas for a, b in pairwise(cut.cuts)) + 1
        moved = improved(cut.cuts, requests.window, rules, most, cut.least.price_s)
        tried = _proved(requests, rules, moved)
        if tried.least.replica_s <= cut.least.replica_s * _WORTH:
            break
        cut = tried
    return cut


def _proved(requests: "_Requests", rules: Rules, cuts: tuple[float, ...]) -> _Cut:
    return _Cut(cuts=cuts, least=least_fleet([requests.window(a, b) for a, b in pairwise(cuts)], rules))


def _even(width_s: float, span_s: float) -> tuple[float, ...]:
    return (*(width_s * i for i in range(math.ceil(span_s / width_s))), span_s)


def misses_allowed(requests: int, attainment_ratio: float) -> int:
    """Most requests that may miss: 2 % of 1,000 are 20, of 1,049 also 20. Guarded against 0.98 · 50 =
    49.000…01."""
    return requests - math.ceil(requests * attainment_ratio - 1e-9)


def _widths(span_s: float) -> Iterator[float]:
    """Widths of windows that are worth their time, and one window over everything."""
    for width_s in _WIDTHS_S:
        if width_s < span_s <= width_s * _MOST_WINDOWS:
            yield width_s
    yield span_s


def _fastest(specs: Sequence[EngineSpec]) -> EngineSpec:
    """No slower and no smaller than any of ``specs`` in anything: what holds for it holds for a mixed
    fleet."""
    steps = [spec.step for spec in specs]
    longest = max(spec.max_num_batched_tokens for spec in specs)
    step = StepTime(
        tokens_ps=tuple(
            min(s.tokens_ps[t] for s in steps if t < len(s.tokens_ps)) for t in range(longest + 1)
        ),
        sequence_ps=min(s.sequence_ps for s in steps),
        kv_token_ps=min(s.kv_token_ps for s in steps),
        prefill_token_ps=min(s.prefill_token_ps for s in steps),
        half_pair_ps=min(s.half_pair_ps for s in steps),
    )
    return dataclasses.replace(
        specs[0],
        step=step,
        block_tokens=1,
        kv_blocks=max(spec.kv_tokens for spec in specs),
        max_num_seqs=max(spec.max_num_seqs for spec in specs),
        max_num_batched_tokens=longest,
        max_model_len=max(spec.max_model_len for spec in specs),
        prefix_caching=any(spec.prefix_caching for spec in specs),
    )


class _Requests:
    """Certain work and deadlines of every request that can be good at all."""

    def __init__(
        self, spec: EngineSpec, scenario: Scenario, trace: Trace, specs: Sequence[EngineSpec], span_s: float
    ) -> None:
        self._span_s = span_s
        self._spec, self._slo, self._trace = spec, scenario.slo, trace
        self._blind = blind_tokens(spec.step)
        self._sparable = sparable_tokens(trace) if spec.prefix_caching else None
        self._idle_s = cache(lambda tokens: max(idle_ttft_s(each, tokens) for each in specs))
        self._possible = [i for i, tokens in enumerate(trace.input_tokens) if tokens < spec.max_model_len]
        self.hopeless = len(trace) - len(self._possible)
        self._claim = self._best(claims(spec, scenario.slo))
        self._price()

    def _best(self, tried: Sequence[Claim]) -> Claim:
        """The claim that asks most for the whole trace."""
        totals = [0.0] * len(Facts().values())
        for i in self._possible:
            for at, value in enumerate(self._facts(i)):
                totals[at] += value
        whole = tuple(totals)
        return max(tried, key=lambda claim: claim.work_s(whole))

    def _facts(self, i: int) -> tuple[float, ...]:
        trace, most = self._trace, self._spec.max_model_len
        prompt, wished = trace.input_tokens[i], trace.output_tokens[i]
        spared = self._sparable[i] if self._sparable is not None else 0
        steps = min(wished, most - prompt) - 1
        cut = steps < wished - 1  # then its steps are fewer than those that its mean ITL is taken over
        fresh = max(1, prompt - spared)
        first = max(0, prompt + 1 - self._blind)
        context = steps * first + steps * (steps - 1) / 2 if first else 0
        return Facts(
            prompt_tokens=fresh,
            squared_tokens=prompt**2 - (prompt - fresh) ** 2,
            requests=1,
            steps=steps,
            context_tokens=context,
            own_context_tokens=max(0, context - steps * (prompt - fresh)),
            first_context_tokens=0 if cut else steps * first,
            bound_steps=0 if cut else steps,
        ).values()

    def _price(self) -> None:
        """Work of the whole request, of its prompt alone, and when each must be over (seconds, in
        columns)."""
        self._whole_s, self._prompt_s = array("d"), array("d")
        self._arrival_s, self._end_s, self._first_s = array("d"), array("d"), array("d")
        itl_s, nothing = self._slo.itl_ms / 1000, (0.0,) * (len(Facts().values()) - 3)
        for i in self._possible:
            facts = self._facts(i)
            self._whole_s.append(self._claim.work_s(facts))
            self._prompt_s.append(self._claim.work_s((*facts[:3], *nothing)))
            arrival_s = self._trace.arrival_us[i] / 1e6
            first_s = arrival_s + self._limit_s(self._trace.input_tokens[i]) + _STAMP_S
            end_s = first_s + itl_s * (self._trace.output_tokens[i] - 1)
            self._arrival_s.append(arrival_s)
            self._first_s.append(min(first_s, self._span_s))
            self._end_s.append(min(end_s, self._span_s))

    def _limit_s(self, prompt: int) -> float:
        return max(self._slo.ttft_ms / 1000, 2 * self._idle_s(prompt))

    def window(self, start_s: float, stop_s: float) -> Window:
        """What is certain to be done between two times, which has to end by the judged span's end."""
        arrivals, works = self._arrival_s, []
        for at in range(bisect_left(arrivals, start_s), bisect_left(arrivals, stop_s)):
            if self._end_s[at] <= stop_s:
                works.append(self._whole_s[at])
            elif self._first_s[at] <= stop_s:
                works.append(self._prompt_s[at])
        works.sort(reverse=True)
        return Window(length_s=stop_s - start_s, works_s=tuple(works))
