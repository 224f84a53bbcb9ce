"""``dynamo``: NVIDIA Dynamo's planner on aggregated engines, SLA mode, with both of its loops.

Source: ai-dynamo/dynamo
components/src/dynamo/planner/core/{state_machine,load_scaling,throughput_scaling}.py,
config/{planner_config,defaults}.py, docs/dynosim/planner-benchmarking.md (both loops on, as benchmarked;
what ships by default, ``optimization_target: throughput``, has no forecast and no objective).

Throughput loop, every 180 s: requests, prompt and answer lengths of the interval feed one-step predictors
(ARIMA by default); ceil(demand / engine rps at the SLA) is a floor.

Load loop, every 5 s: estimated TTFT and inter-token time of every engine from the iteration-time plane;
one more replica only when *all* exceed the objective; one fewer when, with its load on the N−1 others,
both stay within 80 % and the KV fits; held while a scaling is in flight or an engine does not report.

Iterations are observed through scrapes: prompt tokens per iteration from the counters, wall time from the
inter-token histogram (an engine's forward-pass events would give single iterations). ``max_gpu_budget``
is the scenario's ``max_replicas``; prefill/decode roles are not modelled.
"""

import math
from dataclasses import dataclass

from scaler.decision.model import Samples, Snapshot
from simulations.policies import profiling, signals
from simulations.policies.base import Actuation, Ask, Gateway, Parameters, Policy
from simulations.policies.dynamo_model import IterationTime, Limits, sweep
from simulations.policies.forecasts import PREDICTORS, Forecast
from simulations.policies.parameters import knob, read
from simulations.scenario import Scenario, Slo

SWEEP_CONTEXT = 1024.0
"""Context of each decoding sequence in the pre-deployment sweep, tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``PlannerConfig``, with its defaults."""

    predictor: str = knob("arima", choices=tuple(PREDICTORS))
    throughput_interval_s: float = knob(180.0, above=0.0)
    sensitivity: float = knob(0.8, least=0.0, most=1.0)
    """``load_scaling_down_sensitivity``."""
    load_loop: bool = knob(default=True)
    throughput_loop: bool = knob(default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine's load as its forward passes show it, tokens."""

    queued_prompt: float
    kv: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """One engine's counters at a scrape."""

    start_id: str
    iterations: float
    prompt_tokens: float
    gaps: float
    gap_s: float


class Dynamo:
    """Two loops over one performance model."""

    def __init__(self, settings: Settings, slo: Slo, profile: profiling.Profile) -> None:
        self.name = "dynamo"
        self.actuation = Actuation(direct=True)
        self.tick_s = 5.0
        self._settings = settings
        self._ttft_s, self._itl_s = slo.ttft_ms / 1e3, slo.itl_ms / 1e3
        self._limits = Limits(
            max_num_batched_tokens=profile.max_num_batched_tokens,
            max_kv_tokens=profile.kv_tokens,
            max_num_seqs=profile.max_num_seqs,
        )
        self._model = IterationTime()
        for point in sweep(profile.step_s, self._limits, SWEEP_CONTEXT):
            self._model.learn(point)
        make = PREDICTORS[settings.predictor]
        self._requests: Forecast = make()
        self._prompt: Forecast = make()
        self._answer: Forecast = make()
        self._hits: Forecast = make()
        self._hit_share = 0.0
        self._finished = signals.Counters(settings.throughput_interval_s)
        self._looked_up = signals.Counters(settings.throughput_interval_s)
        self._before: dict[str, Totals] = {}
        self._next_throughput_s: float | None = None
        self._floor = 1
        self._mean_prompt = 0.0

    def tick(self, snapshot: Snapshot, gateway: Gateway) -> Ask:
        """One turn of the load loop, and of the throughput loop when it is due."""
        self._mean_prompt = gateway.input_tokens_total / max(1, gateway.arrivals_total)
        self._finished.observe(snapshot, _completions)
        self._looked_up.observe(snapshot, _lookups)
        self._observe(snapshot)
        self._throughput(snapshot.now_s)
        target, ready = signals.one_target(snapshot), signals.ready_count(snapshot)
        if target.spec_replicas is None:
            return Ask(reason="replicas unknown")
        if target.spec_replicas != ready:
            return Ask(replicas=target.spec_replicas, reason="scaling in flight, observing only")
        engines = self._engines(snapshot)
        if len(engines) != ready or not engines:
            return Ask(replicas=target.spec_replicas, reason="not every engine reports, no change")
        asked = self._load(engines, ready) if self._settings.load_loop else ready
        wanted = max(asked, self._floor if self._settings.throughput_loop else 1, 1)
        if not self._settings.load_loop:
            wanted = self._floor
        return Ask(
            replicas=signals.bounded(wanted, target),
            wanted=float(wanted),
            reason=f"load loop {asked}, throughput floor {self._floor}",
        )

    def _observe(self, snapshot: Snapshot) -> None:
        seen: dict[str, Totals] = {}
        for pod, samples in signals.scraped(snapshot):
            now, before = _totals(samples), self._before.get(pod.name)
            if now is None:
                continue
            seen[pod.name] = now
            if before is not None and before.start_id == now.start_id:
                self._iteration(before, now, samples)
        self._before = seen

    def _iteration(self, before: Totals, now: Totals, samples: Samples) -> None:
        iterations, gaps = now.iterations - before.iterations, now.gaps - before.gaps
        kv = signals.kv_tokens(samples)
        if iterations <= 0.0 or gaps <= 0.0 or kv is None:
            return
        prefill = (now.prompt_tokens - before.prompt_tokens) / iterations
        wall_s = (now.gap_s - before.gap_s) / gaps
        self._model.observe(prefill, kv, wall_s, signals.or_zero(samples.running))

    def _throughput(self, now_s: float) -> None:
        interval_s = self._settings.throughput_interval_s
        if self._next_throughput_s is None:
            self._next_throughput_s = now_s + interval_s
        if now_s < self._next_throughput_s:
            return
        self._next_throughput_s = now_s + interval_s
        count, prompt, answer = self._finished.rate(now_s) or (0.0, 0.0, 0.0)
        self._requests.add(count * interval_s)
        if count > 0.0:
            self._prompt.add(prompt / count)
            self._answer.add(answer / count)
        self._predict_hits(now_s)
        self._set_floor(self._requests.next() / interval_s)

    def _predict_hits(self, now_s: float) -> None:
        hits, queries = self._looked_up.rate(now_s) or (0.0, 0.0)
        if queries > 0.0:
            self._hits.add(hits / queries)
        self._hit_share = min(1.0, self._hits.next())

    def _set_floor(self, demand_rps: float) -> None:
        prompt, answer = self._prompt.next(), self._answer.next()
        if prompt <= 0.0 or answer <= 0.0 or not self._model.ready():
            return
        objectives = (self._ttft_s, self._itl_s)
        rps = self._model.best_rps(prompt, answer, self._limits, objectives, self._hit_share)
        if rps > 0.0:
            self._floor = max(1, math.ceil(demand_rps / rps))

    def _engines(self, snapshot: Snapshot) -> list[Engine]:
        return [
            Engine(queued_prompt=signals.or_zero(samples.waiting) * self._mean_prompt, kv=kv)
            for _, samples in signals.scraped(snapshot)
            if (kv := signals.kv_tokens(samples)) is not None
        ]

    def _load(self, engines: list[Engine], ready: int) -> int:
        """±1, and only up when either estimate exceeds its objective on every engine."""
        if not self._model.ready():
            return ready
        if all(self._ttft(one, 1.0) > self._ttft_s for one in engines):
            return ready + 1
        if all(self._model.itl_s(one.kv) > self._itl_s for one in engines):
            return ready + 1
        return ready - 1 if ready > 1 and all(self._spare(one, ready) for one in engines) else ready

    def _ttft(self, engine: Engine, share: float) -> float:
        budget, prompt = self._limits.max_num_batched_tokens, self._mean_prompt
        return self._model.ttft_s(
            engine.queued_prompt * share, prompt, engine.kv * share, budget, self._hit_share
        )

    def _spare(self, engine: Engine, ready: int) -> bool:
        """With this engine's load times N/(N−1): the queue within 80 % of what TTFT leaves, ITL within 80 %.

        3 engines, ITL 30 ms predicted at 1.5 × the KV, objective 50 ms: 30 < 40, one may go.
        """
        share, sensitivity = ready / (ready - 1), self._settings.sensitivity
        alone = Engine(queued_prompt=0.0, kv=engine.kv)
        own_s = self._ttft(alone, share)
        left_s = (self._ttft_s - own_s) * sensitivity
        if left_s <= 0.0 or self._ttft(engine, share) - own_s >= left_s:
            return False
        combined = (engine.kv + engine.queued_prompt) * share
        return (
            combined < self._limits.max_kv_tokens and self._model.itl_s(combined) < self._itl_s * sensitivity
        )


def _completions(samples: Samples) -> signals.Vector | None:
    counters = (
        samples.requests_finished_total,
        samples.finished_prompt_tokens_total,
        samples.finished_generation_tokens_total,
    )
    return tuple(one for one in counters if one is not None) if None not in counters else None


def _lookups(samples: Samples) -> signals.Vector | None:
    if samples.prefix_hits_tokens_total is None or samples.prefix_queries_tokens_total is None:
        return None
    return samples.prefix_hits_tokens_total, samples.prefix_queries_tokens_total


def _totals(samples: Samples) -> Totals | None:
    gaps, prompt = samples.itl_s, samples.prompt_tokens_computed_total
    if prompt is None:
        prompt = samples.prompt_tokens_total
    if gaps is None or prompt is None or samples.iterations_total is None:
        return None
    return Totals(
        start_id=samples.start_id,
        iterations=samples.iterations_total,
        prompt_tokens=prompt,
        gaps=gaps.counts[-1],
        gap_s=gaps.sum,
    )


def build(parameters: Parameters, scenario: Scenario) -> Policy:
    """The law with the given parameters, its model swept on the scenario's engine."""
    settings = read(Settings, "dynamo", parameters)
    return Dynamo(settings, scenario.slo, profiling.measure(scenario.engine))
