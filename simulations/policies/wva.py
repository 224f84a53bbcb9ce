"""``wva``: llm-d's Workload Variant Autoscaler, V2 token analyser, actuated by KEDA.

Source: llm-d-incubation/workload-variant-autoscaler internal/engines/analyzers/saturation_v2/analyzer.go
(capacity and demand), internal/engines/saturation/engine_v2.go (thresholds),
pipeline/cost_aware_optimizer.go (replicas), internal/config/saturation_scaling.go (0.85, 0.70, KV 0.80,
queue 5); the ScaledObject of llm-d/llm-d
guides/workload-autoscaling/optimized-baseline-autoscaling/keda/wva-scaledobject.yaml.

Per replica, from 1-minute maxima of KV usage and queue and 5-minute mean lengths I and O: demand = tokens
in use + waiting·(I+O); capacity = min(k1, k2), k1 = 0.80 of the KV tokens, k2 = tokens in use while the
queue is at least 5 (remembered: mean of 10, by short, medium or long answers), else derived from the
engine's arguments, N = min(B·O/(I+O), S), k2 = N·(I+O/2).

The fleet's capacity is replicas times the median; requests queued at the gateway add their prompt (less
the prefix hits) and answer.

required = demand/0.85 − supply with pending replicas: add ceil(required/capacity); otherwise spare =
supply − demand/0.70: remove floor(spare/capacity), keeping one.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import fmean, median

from scaler.decision.model import Pod, Samples, Snapshot
from simulations.policies import averaged, profiling, signals
from simulations.policies.base import Actuation, Ask, Gateway, Metric, Parameters, Policy
from simulations.policies.parameters import knob, read
from simulations.scenario import Direction, Rule, Scenario

REMEMBERED = 10
"""``RollingAverageWindowSize``."""
SHORT_TOKENS, MEDIUM_TOKENS = 100, 500
"""``ShortOutputThreshold``, ``MediumOutputThreshold``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The saturation ConfigMap, with its defaults."""

    kv_threshold: float = knob(0.80, above=0.0, most=1.0)
    queue_threshold: float = knob(5.0, least=0.0)
    up: float = knob(0.85, above=0.0, most=1.0)
    """``scaleUpThreshold``."""
    down: float = knob(0.70, above=0.0, most=1.0)
    """``scaleDownBoundary``."""
    interval_s: float = knob(30.0, least=5.0)
    """The engine's optimisation loop."""
    peak_window_s: float = knob(60.0, above=0.0)
    length_window_s: float = knob(300.0, above=0.0)
    retention_s: float = knob(600.0, above=0.0)
    """To zero after this long without a completed request."""


@dataclass(slots=True, kw_only=True)
class Replica:
    """What is remembered of one pod."""

    kv: signals.Window
    queue: signals.Window
    lengths: signals.Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One replica's peaks and mean lengths."""

    tokens_in_use: float
    capacity_tokens: float
    queue: float
    prompt: float
    answer: float


@dataclass(slots=True)
class Capacity:
    """min(k1, k2) of one replica, with the compute-bound capacities seen under saturation."""

    settings: Settings
    profile: profiling.Profile
    seen: dict[str, deque[float]] = field(default_factory=dict)

    def of(self, load: Load) -> float:
        """Tokens: KV 400,000·0.80 = 320,000, unless the engine saturated at fewer."""
        memory = load.capacity_tokens * self.settings.kv_threshold
        return min(memory, self._compute(load, memory))

    def _compute(self, load: Load, memory: float) -> float:
        history = self.seen.setdefault(_bucket(load.answer), deque(maxlen=REMEMBERED))
        if load.queue >= self.settings.queue_threshold and load.tokens_in_use > 0.0:
            history.append(load.tokens_in_use)
            return load.tokens_in_use
        if history:
            return fmean(history)
        return self.derived(load.prompt, load.answer) or memory

    def derived(self, prompt: float, answer: float) -> float:
        """From the engine's arguments; 0 when the lengths are not known."""
        if answer <= 0.0:
            return 0.0
        steady = self.profile.max_num_batched_tokens * answer / (prompt + answer)
        return min(steady, self.profile.max_num_seqs) * (prompt + answer / 2.0)


def _bucket(answer: float) -> str:
    if answer < SHORT_TOKENS:
        return "short"
    return "medium" if answer < MEDIUM_TOKENS else "long"


def behaviour() -> Actuation:
    """The ScaledObject of the guide."""
    rules = (Rule(type="Percent", value=100, period_s=30), Rule(type="Pods", value=5, period_s=15))
    return Actuation(
        polling_s=5.0,
        cooldown_s=30.0,
        scale_up=Direction(stabilization_s=0, rules=rules),
        scale_down=Direction(stabilization_s=60, rules=rules),
        fallback_replicas=2,
        fallback_failures=3,
        fallback_behavior="currentReplicasIfHigher",
    )


class Wva:
    """Token demand against token supply."""

    def __init__(self, settings: Settings, profile: profiling.Profile) -> None:
        self.name = "wva"
        self.actuation = behaviour()
        self.tick_s = 5.0
        self._settings = settings
        self._capacity = Capacity(settings, profile)
        self._pods: dict[str, Replica] = {}
        self._per_replica = 0.0
        self._next_s = -math.inf
        self._finished_s: float | None = None
        self._ask = Ask(metrics=(Metric(name=self.name, value=None, target=1.0),), reason="nothing known yet")

    def tick(self, snapshot: Snapshot, gateway: Gateway) -> Ask:
        """Scrape; decide when the loop is due; in between its last answer stands."""
        self._observe(snapshot)
        if snapshot.now_s >= self._next_s:
            self._next_s = snapshot.now_s + self._settings.interval_s
            self._ask = self._decide(snapshot, gateway)
        return self._ask

    def _observe(self, snapshot: Snapshot) -> None:
        present = {pod.name for pod, _ in signals.scraped(snapshot)}
        self._pods = {name: one for name, one in self._pods.items() if name in present}
        for pod, samples in signals.scraped(snapshot):
            replica = self._pods.get(pod.name)
            if replica is None:
                replica = self._pods[pod.name] = self._new()
            replica.kv.add(snapshot.now_s, signals.or_zero(samples.kv_usage_ratio))
            replica.queue.add(snapshot.now_s, signals.or_zero(samples.waiting))
            replica.lengths.observe_pod(snapshot.now_s, pod, samples, _finished)

    def _new(self) -> Replica:
        return Replica(
            kv=signals.Window(self._settings.peak_window_s),
            queue=signals.Window(self._settings.peak_window_s),
            lengths=signals.Counters(self._settings.length_window_s),
        )

    def _loads(self, snapshot: Snapshot) -> list[Load]:
        return [
            load
            for pod, samples in signals.scraped(snapshot)
            if (load := self._load(snapshot.now_s, pod, samples)) is not None
        ]

    def _load(self, now_s: float, pod: Pod, samples: Samples) -> Load | None:
        capacity, replica = samples.kv_capacity_tokens, self._pods[pod.name]
        if not capacity:
            return None
        count, prompt, answer = replica.lengths.rate(now_s) or (0.0, 0.0, 0.0)
        return Load(
            tokens_in_use=signals.or_zero(replica.kv.most()) * capacity,
            capacity_tokens=capacity,
            queue=signals.or_zero(replica.queue.most()),
            prompt=prompt / count if count else 0.0,
            answer=answer / count if count else 0.0,
        )

    def _decide(self, snapshot: Snapshot, gateway: Gateway) -> Ask:
        target = signals.one_target(snapshot)
        current = target.spec_replicas
        if current is None:
            return Ask(metrics=(Metric(name=self.name, value=None, target=1.0),), reason="replicas unknown")
        loads = self._loads(snapshot)
        if loads:
            self._per_replica = float(median(map(self._capacity.of, loads)))
        demand = sum(one.tokens_in_use + one.queue * (one.prompt + one.answer) for one in loads)
        demand += self._queued(gateway, loads, snapshot)
        asked = self._replicas(current, len(loads), demand)
        wanted = self._awake(asked, current, self._idle(snapshot, target.min_replicas), snapshot, gateway)
        value = float(signals.bounded(wanted, target))
        return Ask(
            metrics=(Metric(name=self.name, value=value, target=1.0),),
            wanted=float(wanted),
            active=value > 0.0,
            reason=f"demand {demand:,.0f} tokens, {len(loads)} × {self._per_replica:,.0f} ready: {wanted}",
        )

    def _replicas(self, current: int, reporting: int, demand: float) -> int:
        """Demand 700k, 2 × 320k ready, none pending: 700/0.85 − 640 = 184k required: one more."""
        each, settings = self._per_replica, self._settings
        if each <= 0.0:
            return current
        supply, pending = reporting * each, max(0, current - reporting) * each
        required = demand / settings.up - (supply + pending)
        if required > 0.0:
            return current + math.ceil(required / each)
        spare = max(0.0, supply - demand / settings.down)
        return current - math.floor(spare / each)

    def _awake(self, asked: int, current: int, idle: bool, snapshot: Snapshot, gateway: Gateway) -> int:
        """The enforcer lets an idle model go to zero; the scale-from-zero engine sees the gateway's queue."""
        if current == 0:
            return 1 if gateway.queued or averaged.held(snapshot) else 0
        return 0 if idle else max(1, asked)

    def _queued(self, gateway: Gateway, loads: list[Load], snapshot: Snapshot) -> float:
        known = [one for one in loads if one.prompt > 0.0 or one.answer > 0.0]
        if not gateway.queued or not known:
            return 0.0
        hit = _hit_share(snapshot)
        prompt, answer = fmean(one.prompt for one in known), fmean(one.answer for one in known)
        return gateway.queued * (prompt * (1.0 - hit) + answer)

    def _idle(self, snapshot: Snapshot, least: int) -> bool:
        if least > 0:
            return False
        rates = [one.lengths.rate(snapshot.now_s) for one in self._pods.values()]
        if self._finished_s is None or any(rate is not None and rate[0] > 0.0 for rate in rates):
            self._finished_s = snapshot.now_s
        return snapshot.now_s - self._finished_s >= self._settings.retention_s


def _finished(samples: Samples) -> tuple[float, ...] | None:
    counters = (
        samples.requests_finished_total,
        samples.finished_prompt_tokens_total,
        samples.finished_generation_tokens_total,
    )
    return tuple(one for one in counters if one is not None) if None not in counters else None


def _hit_share(snapshot: Snapshot) -> float:
    hits = signals.total(snapshot, lambda samples: samples.prefix_hits_tokens_total)
    asked = signals.total(snapshot, lambda samples: samples.prefix_queries_tokens_total)
    return hits / asked if hits and asked else 0.0


def build(parameters: Parameters, scenario: Scenario) -> Policy:
    """The law with the given parameters."""
    return Wva(read(Settings, "wva", parameters), profiling.measure(scenario.engine))
