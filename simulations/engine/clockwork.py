"""The clock of an engine: flights, the boundaries between them, and what is counted on the way.

A *flight* is one step, or a run of equal decode steps in closed form. At a boundary between steps the flight
before has landed and the next one is launched.
"""

from collections import deque

from simulations.engine.blocks import BlockMeter
from simulations.engine.counters import ITL_LE_S, QUEUE_LE_S, TTFT_LE_S, Buckets, observe_run
from simulations.engine.prefix import PrefixCache
from simulations.engine.request import Request
from simulations.engine.runs import run_length, steps_to_reach
from simulations.engine.spec import PS_PER_US, EngineSpec
from simulations.requests import Outcomes

FOREVER_US = 1 << 62
INDEX_BITS = 40
"""In the heap of finishes a key is finish step << bits | request index."""


class Clockwork:
    """State of one engine and its motion from flight to flight."""

    def __init__(self, spec: EngineSpec, outcomes: Outcomes, start_us: int, micro: bool) -> None:
        self.spec = spec
        self._outcomes = outcomes
        self._micro = micro
        self._prefill_ps = spec.step.prefill_token_ps
        self._half_pair_ps = spec.step.half_pair_ps
        self._tokens_ps = spec.step.tokens_ps
        self._sequence_ps = spec.step.sequence_ps
        self._kv_ps = spec.step.kv_token_ps
        self._mixed_kv_ps = spec.step.kv_token_ps + spec.step.mixed_kv_token_ps
        self._mixed_sequence_ps = spec.step.mixed_sequence_ps
        self._block = spec.block_tokens
        self._seats = spec.max_num_seqs
        self._budget = spec.max_num_batched_tokens
        self._async = spec.async_scheduling
        self._caching = spec.prefix_caching
        self._blocks = spec.kv_blocks - 1  # vLLM's null block holds nothing
        self._now_us = start_us
        self._wake_us = FOREVER_US
        """Nothing happens inside before this time."""
        self._ingest: deque[Request] = deque()
        self._waiting: deque[Request] = deque()
        self._active: dict[int, Request] = {}
        """Running requests in order of admission."""
        self.running = 0
        self._partial: Request | None = None
        self._completing: list[Request] = []
        """Prompts that end with the step in flight."""
        self._clock = 0
        """Decode steps landed."""
        self._finishes: list[int] = []
        """Heap of finish_step << bits | index; entries of aborted and preempted requests go stale."""
        self._meter = BlockMeter(spec.block_tokens)
        self._context = 0
        """Σ offsets: decoding requests hold _context + count·_clock tokens."""
        self._held = 0
        """Blocks of prompts that are being prefilled."""
        self._freed = 0
        """Blocks freed since the start."""
        self._cache: PrefixCache | None = None
        # The flight: `_steps` steps (0: none) from `_start_ps`, the first `_first_ps` long, each `_inc_ps`
        # longer.
        self._steps = 0
        self._start_ps = start_us * PS_PER_US
        self._first_ps = 0
        self._inc_ps = 0
        self._end_ps = start_us * PS_PER_US
        """End of the flight, or the boundary at which the engine stands."""
        self._previous_us = start_us
        """Start of the last step that landed."""
        self._landed_blocks = -1
        """Blocks freed at this boundary; -1 at an idle engine, whose decisions wait for no step in flight."""
        self._landed_seats = 0
        self._cold_left = 0
        self._cold_extra_ps = 0
        self._reset_counters()

    def _reset_counters(self) -> None:
        self._submitted = 0
        self._busy_ps = 0
        self._iterations = 0
        self._generated = 0
        self._prompts = 0
        self._computed = 0
        self._finished = 0
        self._finished_prompts = 0
        self._finished_outputs = 0
        self._preemptions = 0
        self._prefix_queries = 0
        self._prefix_hits = 0
        self._ttft = Buckets(TTFT_LE_S, 1_000_000)
        self._itl = Buckets(ITL_LE_S, 1_000_000 * PS_PER_US)
        self._queue = Buckets(QUEUE_LE_S, 1_000_000)

    def _work(self, to_us: int) -> None:
        """Land and launch until nothing more happens up to ``to_us``."""
        while self._wake_us <= to_us:
            if self._steps:
                self._land()
            start_us = self._next_start_us()
            if start_us >= to_us:
                # At one instant: completions, then what callers do, and only then a step.
                self._wake_us = start_us + 1 if start_us < FOREVER_US else FOREVER_US
                return
            self._launch(start_us)

    def _next_start_us(self) -> int:
        """When the next step may start; an idle engine stands at its next request's time."""
        boundary_us = self._end_ps // PS_PER_US
        if self._active:
            return boundary_us
        queue = self._waiting or self._ingest
        if not queue:
            return FOREVER_US
        ready_us = queue[0].ready_us
        return ready_us if ready_us > boundary_us else boundary_us

    def _collect(self, now_us: int) -> None:
        """Requests whose ingest is over join the waiting queue."""
        ingest, waiting = self._ingest, self._waiting
        while ingest and ingest[0].ready_us <= now_us:
            waiting.append(ingest.popleft())

    def _cut(self, ready_us: int) -> None:
        """Let the flight end where a request that becomes ready then can be admitted."""
        goal_ps = ready_us * PS_PER_US - self._start_ps
        # Not positive: settled in the µs of a boundary, and ready at that boundary.
        steps = steps_to_reach(self._first_ps, self._inc_ps, goal_ps) if goal_ps > 0 else 0
        if self._async:
            steps += 1
        if not steps:
            self._stand()
        elif steps < self._steps:
            self._limit(steps)

    def _stand(self) -> None:
        """Back at the boundary of this µs: its step starts only after what callers do."""
        self._end_ps = self._start_ps
        self._steps = 0
        self._landed_blocks = self._landed_seats = 0
        self._wake_us = self._now_us + 1

    def _limit(self, steps: int) -> None:
        self._steps = steps
        self._end_ps = self._start_ps + run_length(self._first_ps, self._inc_ps, steps)
        self._wake_us = self._end_ps // PS_PER_US

    def _settle(self) -> None:
        """Book the steps of a run that are over by now; the rest stays in flight."""
        if self._steps < 2:
            return
        elapsed = (self._now_us + 1) * PS_PER_US - self._start_ps
        over = steps_to_reach(self._first_ps, self._inc_ps, elapsed) - 1
        if over <= 0:
            return
        self._book(over)
        self._start_ps += run_length(self._first_ps, self._inc_ps, over)
        self._first_ps += self._inc_ps * over
        self._steps -= over
        self._previous_us = (self._start_ps - self._first_ps + self._inc_ps) // PS_PER_US

    def _book(self, steps: int) -> None:
        """Count ``steps`` steps of the flight, from its first."""
        count = self._meter.count
        if count:
            observe_run(self._itl, self._first_ps, self._inc_ps, steps, count)
        self._clock += steps
        self._iterations += steps
        self._generated += count * steps
        self._busy_ps += run_length(self._first_ps, self._inc_ps, steps)

    def _land(self) -> None:
        """The flight is over."""
        raise NotImplementedError

    def _launch(self, start_us: int) -> None:
        """Compose the next flight at a boundary."""
        raise NotImplementedError
