"""Small worlds for the fleet's tests: a simple engine, traces and scenarios in a line."""

from array import array
from collections import deque
from collections.abc import Callable

from scaler.decision.model import Samples
from simulations.engine.spec import EngineSpec, StepTime
from simulations.fleet.cluster import Cluster
from simulations.fleet.coldstart import typical
from simulations.fleet.joint import MakeEngine, Prefix
from simulations.fleet.pods import Revision
from simulations.requests import Outcomes, Trace
from simulations.scenario import Scenario

S = 1_000_000

SPEC = EngineSpec(
    model="tiny",
    gpu="h100-sxm",
    tensor_parallel=1,
    step=StepTime(tokens_ps=(0,), sequence_ps=0, kv_token_ps=0, prefill_token_ps=0, half_pair_ps=0),
    block_tokens=16,
    kv_blocks=1000,
    max_num_seqs=4,
    max_num_batched_tokens=1,
    max_model_len=1000,
    prefix_caching=False,
    async_scheduling=False,
    ingest_us=0,
    weights_bytes=16 * 10**9,
    defaults_of="0.19",
)


class FakeEngine:
    """A few seats, one second for each output token, first token at once: times that a person can add up."""

    seats = 2

    def __init__(
        self,
        spec: EngineSpec,
        outcomes: Outcomes,
        *,
        start_us: int,
        start_id: str,
        replica: int,
        cold_requests: int = 0,
        cold_extra_us: int = 0,
    ) -> None:
        self.running = 0
        self.start_id = start_id
        self.cold_requests = cold_requests
        self._outcomes = outcomes
        self._replica = replica
        self._now_us = start_us
        self._queue: deque[tuple[int, int]] = deque()
        self._active: list[tuple[int, int]] = []
        self._finished = 0
        self.submitted: list[tuple[int, int]] = []

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def submit(self, index: int, input_tokens: int, output_tokens: int, prefix: Prefix, at_us: int) -> None:
        assert at_us == self._now_us, "advance comes first"
        self._outcomes.replica[index] = self._replica
        self.submitted.append((index, at_us))
        self._queue.append((index, output_tokens))
        self._fill(at_us)

    def advance(self, to_us: int) -> None:
        assert to_us >= self._now_us, f"time went back from {self._now_us} to {to_us}"
        while self._active and min(self._active)[0] <= to_us:
            end_us, index = min(self._active)
            self._active.remove((end_us, index))
            self._outcomes.finished_us[index] = end_us
            self._finished += 1
            self._fill(end_us)
        self._now_us = to_us

    def _fill(self, t_us: int) -> None:
        while self._queue and len(self._active) < self.seats:
            index, output = self._queue.popleft()
            self._outcomes.scheduled_us[index] = self._outcomes.first_token_us[index] = t_us
            self._active.append((t_us + output * S, index))
        self.running = len(self._active)

    def next_us(self) -> int | None:
        return min(self._active)[0] if self._active else None

    def abort(self, index: int, at_us: int) -> bool:
        before = len(self.unfinished())
        self._queue = deque(entry for entry in self._queue if entry[0] != index)
        self._active = [entry for entry in self._active if entry[1] != index]
        self._fill(at_us)
        return len(self.unfinished()) < before

    def unfinished(self) -> list[int]:
        return [index for _, index in self._active] + [index for index, _ in self._queue]

    def kv_usage_ratio(self) -> float:
        return self.running / self.seats

    def samples(self) -> Samples:
        return Samples(
            age_s=0.0,
            start_id=self.start_id,
            running=float(self.running),
            waiting=float(self.waiting),
            kv_usage_ratio=self.kv_usage_ratio(),
            requests_finished_total=float(self._finished),
            preemptions_total=0.0,
        )


def a_trace(*rows: tuple[float, int, int], prefixes: list[Prefix] | None = None) -> Trace:
    """(arrival s, prompt, output) rows."""
    return Trace(
        name="t",
        arrival_us=array("q", [round(row[0] * S) for row in rows]),
        input_tokens=array("q", [row[1] for row in rows]),
        output_tokens=array("q", [row[2] for row in rows]),
        prefixes=prefixes,
    )


def a_scenario(**sections: dict[str, object]) -> Scenario:
    """``cluster={...}, cold_start={...}``; no jitter unless the test says so."""
    cold: dict[str, object] = {"jitter": 0.0, **sections.pop("cold_start", {})}
    return Scenario.model_validate({"cold_start": cold, **sections})


def a_cluster(
    scenario: Scenario,
    trace: Trace,
    seed: int = 1,
    *,
    make_engine: MakeEngine = FakeEngine,
    scraped: bool = True,
) -> Cluster:
    return Cluster(scenario, trace, seed, scraped=scraped, make_engine=make_engine)


def a_revision(scenario: Scenario, number: int = 0) -> Revision:
    return Revision(
        number=number,
        config_id=f"c{number}",
        spec=SPEC,
        typical=typical(scenario.cold_start, SPEC.weights_bytes, 1),
    )


def at(cluster: Cluster, t_s: float, action: Callable[[int], None]) -> None:
    """Do something at ``t_s``, after the requests of that moment."""
    from simulations.kernel import Priority

    cluster.kernel.at(round(t_s * S), Priority.SYNC, action)
