"""A small fluid plant: continuous requests, exact counters, replicas that start late. No randomness.

It closes the loop around ``decide`` with the HPA's tolerance and nothing else of it. It is not the
simulator: queues are
means and every request is the mean request, which is enough to see whether a law settles, oscillates or runs
away.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scaler.decision.decide import decide
from scaler.decision.model import (
    Decision,
    Demand,
    Histogram,
    Hold,
    Pod,
    PodPhase,
    Samples,
    Scale,
    Snapshot,
    Supply,
    Target,
)
from scaler.decision.policy import Policy
from scaler.decision.state import State

INF = float("inf")
TTFT_LE = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, INF)
ITL_LE = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, INF)


@dataclass(slots=True, kw_only=True)
class Speed:
    """Step time of the plant's engines (s): the truth that the law has to find. Default: 8B on an H100."""

    base_s: float = 0.006
    prefill_s: float = 2e-5
    sequence_s: float = 1e-5
    context_s: float = 4e-8
    kv_tokens: float = 420_000.0
    budget: float = 8192.0


@dataclass(slots=True, kw_only=True)
class Engine:
    """One replica: a queue, a running batch, and the counters that vLLM would expose."""

    speed: Speed
    start_id: str
    waiting: float = 0.0
    running: float = 0.0
    prompt: float = 0.0
    generation: float = 0.0
    finished: float = 0.0
    iterations: float = 0.0
    queue_sum: float = 0.0
    ttft: list[float] = field(default_factory=lambda: [0.0] * len(TTFT_LE))
    ttft_sum: float = 0.0
    itl: list[float] = field(default_factory=lambda: [0.0] * len(ITL_LE))
    itl_sum: float = 0.0
    limit_s: float = 1.0
    missed: float = 0.0

    def advance(self, dt: float, tokens_in: float, tokens_out: float) -> float:
        """Serve for ``dt``; returns the requests that got their first token."""
        s = self.speed
        context = tokens_in + tokens_out / 2.0
        fixed = s.base_s + self.running * (s.sequence_s + s.context_s * context)
        room = max(0.0, s.kv_tokens / context - self.running)
        budget = dt * s.budget / (fixed + s.prefill_s * s.budget) / tokens_in
        admitted = min(self.waiting, room, budget)
        steps = max(0.0, dt - admitted * tokens_in * s.prefill_s) / fixed
        step_s = dt / steps if self.running > 0.01 and steps > 0.0 else fixed
        self._first_tokens(admitted, dt, step_s, tokens_in)
        produced = min(self.running * steps, self.running * tokens_out)
        self._tokens(produced, step_s)
        done = produced / tokens_out
        self.waiting = max(0.0, self.waiting - admitted)
        self.running = max(0.0, self.running + admitted - done)
        self.finished += done
        self.prompt += admitted * tokens_in
        self.iterations += min(steps, dt / fixed)
        return admitted

    def _first_tokens(self, count: float, dt: float, step_s: float, tokens_in: float) -> None:
        if count <= 0.0:
            return
        queued = self.waiting / count * dt if self.waiting > count else 0.0
        seconds = queued + 1.5 * step_s + self.speed.prefill_s * tokens_in
        self.queue_sum += count * queued
        self.ttft_sum += count * seconds
        for i in range(bisect_left(TTFT_LE, seconds), len(TTFT_LE)):
            self.ttft[i] += count
        if seconds > self.limit_s:
            self.missed += count

    def _tokens(self, count: float, step_s: float) -> None:
        self.generation += count
        self.itl_sum += count * step_s
        for i in range(bisect_left(ITL_LE, step_s), len(ITL_LE)):
            self.itl[i] += count

    def samples(self, age_s: float, tokens_in: float, tokens_out: float) -> Samples:
        """What a scrape would see."""
        used = self.running * (tokens_in + tokens_out / 2.0) / self.speed.kv_tokens
        count = self.ttft[-1]
        return Samples(
            age_s=age_s,
            start_id=self.start_id,
            running=self.running,
            waiting=self.waiting,
            kv_usage_ratio=min(1.0, used),
            kv_capacity_tokens=self.speed.kv_tokens,
            prompt_tokens_total=self.prompt,
            generation_tokens_total=self.generation,
            requests_finished_total=self.finished,
            preemptions_total=0.0,
            iterations_total=self.iterations,
            ttft_s=Histogram(le=TTFT_LE, counts=tuple(self.ttft), sum=self.ttft_sum),
            itl_s=Histogram(le=ITL_LE, counts=tuple(self.itl), sum=self.itl_sum),
            queue_s=Histogram(le=(INF,), counts=(count,), sum=self.queue_sum),
        )


@dataclass(slots=True, kw_only=True)
class Replica:
    """A pod of the plant."""

    name: str
    created_s: float
    ready_s: float
    engine: Engine


def _water_level(loads: list[float], poured: float) -> float:
    """Load of the least loaded after ``poured`` requests went to whoever was least loaded."""
    below = 0.0
    for i, load in enumerate(sorted(loads)):
        if i and load * i - below >= poured:
            return (below + poured) / i
        below += load
    return (below + poured) / len(loads)


@dataclass(slots=True, kw_only=True, repr=False)
class Plant:
    """The fleet, its load and its loop; ``run`` returns what happened tick by tick."""

    rate: Callable[[float], float]
    policy: Policy = field(default_factory=Policy)
    speed: Speed = field(default_factory=Speed)
    tokens_in: float = 1000.0
    tokens_out: float = 250.0
    cold_s: float = 100.0
    low: int = 1
    high: int = 20
    tick_s: float = 5.0
    state: State = field(default_factory=State.initial)
    now_s: float = 0.0
    spec: int = 0
    serial: int = 0
    queue: float = 0.0
    replicas: list[Replica] = field(default_factory=list)
    asks: list[int] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    first_tokens: float = 0.0
    gone_missed: float = 0.0
    decisions: list[Decision] = field(default_factory=list)
    hide: Callable[[float, Pod], Pod] | None = None

    def __post_init__(self) -> None:
        self.spec = self.low
        for _ in range(self.low):
            self._add(0.0)

    def __repr__(self) -> str:
        return (
            f"Plant at {self.now_s:g} s, {self.rate(0.0):g} to {self.rate(self.now_s):g}/s of "
            f"{self.tokens_in:g}/{self.tokens_out:g}, low {self.low}, cold {self.cold_s:g}, {self.speed}"
        )

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """For hypothesis, which would print every counter of every engine."""
        printer.text(repr(self))

    def _add(self, cold_s: float) -> None:
        self.serial += 1
        idle_s = self.speed.base_s + self.speed.prefill_s * self.tokens_in
        limit_s = max(self.policy.ttft_slo_ms / 1000.0, 2.0 * idle_s)
        engine = Engine(speed=self.speed, start_id=f"s{self.serial}", limit_s=limit_s)
        self.replicas.append(
            Replica(name=f"p{self.serial}", created_s=self.now_s, ready_s=self.now_s + cold_s, engine=engine)
        )

    def serving(self) -> list[Replica]:
        """Replicas that are ready."""
        return [r for r in self.replicas if r.ready_s <= self.now_s]

    def _flow(self, dt: float) -> None:
        ready = self.serving()
        self.queue += self.rate(self.now_s) * dt
        if ready:
            loads = [r.engine.waiting + r.engine.running for r in ready]
            level = _water_level(loads, self.queue)
            for r, load in zip(ready, loads, strict=True):
                r.engine.waiting += max(0.0, level - load)
            self.queue = 0.0
        for r in ready:
            self.first_tokens += r.engine.advance(dt, self.tokens_in, self.tokens_out)

    def _pod(self, r: Replica) -> Pod:
        is_ready = r.ready_s <= self.now_s
        pod = Pod(
            name=r.name,
            target="t",
            phase=PodPhase.READY if is_ready else PodPhase.STARTING,
            since_s=r.ready_s if is_ready else r.created_s,
            created_s=r.created_s,
            node_class="n",
            config_id="c",
            samples=r.engine.samples(0.5, self.tokens_in, self.tokens_out) if is_ready else None,
        )
        return pod if self.hide is None else self.hide(self.now_s, pod)

    def snapshot(self) -> Snapshot:
        """What the law sees now."""
        return Snapshot(
            now_s=self.now_s,
            model="m",
            targets=(
                Target(
                    name="t",
                    spec_replicas=self.spec,
                    status_replicas=len(self.replicas),
                    min_replicas=self.low,
                    max_replicas=self.high,
                ),
            ),
            pods=tuple(self._pod(r) for r in self.replicas),
            demand=(Demand(source="router", waiting=self.queue),),
            supply=(Supply(node_class="n", weights="disk", free=self.high),),
        )

    def step(self) -> Decision:
        """One tick: decide, apply, serve until the next one."""
        decision, self.state = decide(self.snapshot(), self.state, self.policy)
        outcome = decision.targets[0].outcome
        assert isinstance(outcome, Scale | Hold)
        self._scale(outcome.replicas)
        self.decisions.append(decision)
        self.asks.append(outcome.replicas)
        self.ready.append(len(self.serving()))
        parts = 5
        for _ in range(parts):
            self._flow(self.tick_s / parts)
            self.now_s += self.tick_s / parts
        return decision

    def _scale(self, wanted: int) -> None:
        status = len(self.replicas)
        if status and abs(wanted / status - 1.0) <= 0.1:
            wanted = status
        self.spec = wanted
        while len(self.replicas) < wanted:
            self._add(self.cold_s)
        while len(self.replicas) > wanted:
            gone = self.replicas.pop()
            self.gone_missed += gone.engine.missed
            self.queue += gone.engine.waiting

    def run(self, seconds: float) -> "Plant":
        """Tick for ``seconds``."""
        end = self.now_s + seconds
        while self.now_s < end - 1e-6:
            self.step()
        return self

    def met(self) -> float:
        """Share of first tokens within max(TTFT objective, 2 × an idle engine's) so far."""
        missed = self.gone_missed + sum(r.engine.missed for r in self.replicas)
        return 1.0 - missed / self.first_tokens if self.first_tokens else 1.0

    def mean_ready(self) -> float:
        """Mean number of ready replicas."""
        return sum(self.ready) / len(self.ready)
