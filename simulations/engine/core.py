"""The scheduler of vLLM V1 and its clock: steps are composed, flown and landed.

A *flight* is one step, or a run of equal decode steps in closed form. At a boundary between steps the next
flight is
launched: decoding requests get one token each, a prompt under way goes on, and requests are admitted from
the waiting
queue while tokens, seats and blocks last (vllm v1/core/sched/scheduler.py, 0.19). At most one prompt is
partly
prefilled, and it is the last of the running ones, since it used the whole budget when it was admitted.
"""

from collections import deque
from heapq import heappop, heappush

from simulations.engine.blocks import BlockMeter
from simulations.engine.counters import ITL_LE_S, QUEUE_LE_S, TTFT_LE_S, Buckets, observe_run
from simulations.engine.prefix import PrefixCache
from simulations.engine.request import NEVER, Request
from simulations.engine.runs import run_length, steps_to_reach
from simulations.engine.spec import PS_PER_US, EngineSpec
from simulations.requests import Outcomes

FOREVER_US = 1 << 62
_INDEX_BITS = 40
_INDEX_MASK = (1 << _INDEX_BITS) - 1


class Core:
    """State and motion of one engine; :class:`simulations.engine.engine.Engine` is its face."""

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

    # --- the clock -----------------------------------------------------------------------------------------

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
        steps = steps_to_reach(self._first_ps, self._inc_ps, ready_us * PS_PER_US - self._start_ps)
        if self._async:
            steps += 1
        if steps < self._steps:
            self._limit(steps)

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

    # --- landing -------------------------------------------------------------------------------------------

    def _land(self) -> None:
        """The flight is over: tokens out, requests finished."""
        steps = self._steps
        self._book(steps)
        end_ps = self._end_ps
        self._previous_us = (end_ps - self._first_ps - self._inc_ps * (steps - 1)) // PS_PER_US
        self._steps = 0
        freed, running, finishes = self._freed, self.running, self._finishes
        if finishes and finishes[0] >> _INDEX_BITS <= self._clock:
            self._retire(end_ps)
        if self._completing:
            self._first_tokens(end_ps)
        self._landed_blocks = self._freed - freed if self._active else -1
        self._landed_seats = running - self.running

    def _retire(self, end_ps: int) -> None:
        """Requests whose last token came by this clock."""
        finishes, clock, active = self._finishes, self._clock, self._active
        while finishes and finishes[0] >> _INDEX_BITS <= clock:
            key = heappop(finishes)
            request = active.get(key & _INDEX_MASK)
            if request is not None and request.finish_step == key >> _INDEX_BITS:
                self._leave_decoding(request)
                self._finish(request, end_ps)

    def _first_tokens(self, end_ps: int) -> None:
        """Prompts that ended with this step have made a token, and decode from now on."""
        completing, self._completing = self._completing, []
        end_us = end_ps // PS_PER_US
        for request in completing:
            self._held -= request.blocks
            self._generated += 1
            if request.generated:
                self._itl.observe(end_ps - request.last_token_ps)
            else:
                self._first_token(request, end_us)
            request.generated += 1
            if request.generated >= request.output:
                self._free(request, request.tokens)
                self._finish(request, end_ps)
            else:
                self._begin_decoding(request)

    def _first_token(self, request: Request, end_us: int) -> None:
        self._outcomes.first_token_us[request.index] = end_us
        self._ttft.observe(end_us - request.at_us)
        self._prompts += request.prompt
        self._computed += request.prompt - request.hit_tokens

    def _begin_decoding(self, request: Request) -> None:
        offset = request.offset = request.tokens - self._clock
        self._context += offset
        self._meter.add(offset - request.shared)
        request.finish_step = finish = self._clock + request.output - request.generated
        heappush(self._finishes, finish << _INDEX_BITS | request.index)

    def _leave_decoding(self, request: Request) -> None:
        offset = request.offset
        self._context -= offset
        self._meter.remove(offset - request.shared)
        request.generated = request.output - request.finish_step + self._clock
        request.finish_step = NEVER
        self._free(request, offset + self._clock)

    def _free(self, request: Request, tokens: int) -> None:
        """Give back the blocks of ``tokens`` tokens."""
        blocks = -(-(tokens - request.shared) // self._block)
        self._freed += blocks
        if self._cache is not None:
            self._cache.release(request.chain if request.shared else (), blocks)
            request.shared = 0

    def _finish(self, request: Request, end_ps: int) -> None:
        index = request.index
        del self._active[index]
        self.running -= 1
        self._outcomes.finished_us[index] = end_ps // PS_PER_US
        self._finished += 1
        self._finished_prompts += request.prompt
        self._finished_outputs += request.output
        self._queue.observe(request.scheduled_us - request.ready_us)

    # --- launching -----------------------------------------------------------------------------------------

    def _launch(self, start_us: int) -> None:
        """Compose the next flight at a boundary; ``start_us`` is its µs."""
        if start_us * PS_PER_US > self._end_ps:  # an idle engine wakes up
            self._end_ps = start_us * PS_PER_US
        self._start_ps = self._end_ps
        if self._ingest:
            self._collect(start_us)
        if self._waiting or self._partial:
            self._launch_mixed(start_us)
        else:
            self._launch_decode(start_us, self._longest())
        self._landed_blocks = 0

    def _longest(self) -> int:
        """Decode steps until somebody finishes."""
        return 1 if self._micro else (self._finishes[0] >> _INDEX_BITS) - self._clock

    def _launch_decode(self, start_us: int, steps: int) -> None:
        """A run of decode steps, as long as nothing else can happen."""
        meter, clock = self._meter, self._clock
        count, block = meter.count, self._block
        room = self._room()
        if meter.sum + count * (clock + steps + block - 1) > room * block:
            steps = meter.most_steps(clock, steps, room)
            if steps == 0:
                self._preempt(room)
                self._launch_decode(start_us, 1)  # the next boundary may take the victim back
                return
        # The first step reads every context and the token that it adds to each.
        self._inc_ps = inc = self._kv_ps * count
        self._first_ps = first = (
            self._tokens_ps[count]
            + self._sequence_ps * count
            + self._kv_ps * self._context
            + inc * (clock + 1)
        )
        self._steps = steps
        self._end_ps = end = self._start_ps + first * steps + (inc * steps * (steps - 1) >> 1)
        self._wake_us = end // PS_PER_US
        if steps > 1 and self._ingest and not self._waiting and self.running < self._seats:
            self._cut(self._ingest[0].ready_us)

    def _room(self) -> int:
        """Blocks that decoding requests may hold."""
        room = self._blocks - self._held
        return room if self._cache is None else room - self._cache.referenced

    def _launch_mixed(self, start_us: int) -> None:
        """Decode, go on with the prompt under way, admit; without any prompt it is a decode run after all."""
        preempted = self._make_room()
        batch = _Batch(self._meter.count, self._budget)
        if self._partial is not None:
            self._prefill(self._partial, batch)
        may_change = preempted
        if not preempted and self._waiting:
            may_change = self._admit(start_us, batch)
        if not batch.prompts:
            self._launch_decode(start_us, 1 if may_change else self._longest())
            return
        count = self._meter.count
        self._inc_ps = 0
        self._first_ps = (
            self._tokens_ps[batch.tokens]
            + self._sequence_ps * (count + batch.prompts)
            + self._mixed_sequence_ps * count
            + self._mixed_kv_ps * (self._context + count * (self._clock + 1))
            + batch.prefill_ps
        )
        self._limit(1)

    def _make_room(self) -> bool:
        """Preempt until every decoding request can have its next token; True if anybody had to go."""
        meter, clock = self._meter, self._clock + 1
        room = self._room()
        if meter.sum + meter.count * (clock + self._block - 1) <= room * self._block:
            return False
        if meter.used(clock) <= room:
            return False
        self._preempt(room)
        return True

    def _preempt(self, room: int) -> None:
        """Send the last running requests back to the head of the queue until one more step fits.

        vLLM finds the shortage request by request; since victims come from the tail, the outcome is the same.
        """
        while self._meter.used(self._clock + 1) > room:
            _, request = self._active.popitem()
            self.running -= 1
            self._preemptions += 1
            if request is self._partial:
                self._partial = None
                self._held -= request.blocks
                written = request.computed
                self._free(request, request.tokens)
            else:
                written = request.offset + self._clock
                self._leave_decoding(request)
                request.last_token_ps = self._end_ps
            request.tokens = request.prompt + request.generated
            # Deep blocks are freed first: its full blocks are the last of the queue now.
            full = written // self._block
            request.own = (self._blocks + self._freed - full, full)
            self._waiting.appendleft(request)
            room = self._room()

    def _admit(self, start_us: int, batch: "_Batch") -> bool:
        """Admit from the head of the queue; True if the next boundary may admit what this one could not."""
        behind = self._async and self._landed_blocks >= 0 and self.running > 0
        # The batch that starts now was composed when the last step began: it knows nothing newer.
        known_us = self._previous_us if behind else start_us
        seats = self._seats - self.running
        withheld = 0
        if behind:
            seats -= self._landed_seats
            withheld = self._landed_blocks
        pool = _Pool(self._room(), self._meter, self._clock + 1, withheld)
        waiting = self._waiting
        cold = False
        while waiting and batch.budget and seats > 0:
            request = waiting[0]
            if request.ready_us > known_us:
                return True
            if not self._take_blocks(request, pool):
                break
            waiting.popleft()
            seats -= 1
            self._seat(request, known_us)
            if self._cold_left and not request.generated:
                self._cold_left -= 1
                cold = True
            self._prefill(request, batch)
        if cold:
            batch.prefill_ps += self._cold_extra_ps
        return behind and bool(self._landed_seats or self._landed_blocks)

    def _take_blocks(self, request: Request, pool: "_Pool") -> bool:
        """Reserve the whole prompt's blocks (``scheduler_reserve_full_isl``), those in the prefix cache
        first."""
        whole = -(-request.tokens // self._block)
        hit = 0
        shared = 0
        need = whole
        if self._cache is not None:
            self._cache.settle(pool.exact())
            hit = self._cache.hit_blocks(request.chain)
            shared = sum(span[2] for span in request.chain)
            need += self._cache.cost_blocks(request.chain) - shared
        elif request.own is not None and self._caching:
            hit = self._own_blocks(request.own)
        if not pool.take(need):
            return False
        if self._cache is not None:
            self._cache.hold(request.chain)
        request.shared = shared * self._block
        request.blocks = whole - shared
        self._held += request.blocks
        # The last token is always computed: it is what the first new token is sampled from.
        request.computed = min(hit, (request.tokens - 1) // self._block) * self._block
        return True

    def _own_blocks(self, own: tuple[int, int]) -> int:
        """Blocks that a preempted request finds again: those that no allocation has overwritten."""
        overwritten = self._used() + self._freed - own[0]
        return own[1] - min(max(overwritten, 0), own[1])

    def _used(self) -> int:
        """Blocks in use."""
        return self._blocks - self._room() + self._meter.used(self._clock)

    def _seat(self, request: Request, known_us: int) -> None:
        """A request begins to run; the first time it is counted as scheduled."""
        self._active[request.index] = request
        self.running += 1
        if request.scheduled_us != NEVER:
            return
        request.scheduled_us = max(known_us, request.ready_us)
        self._outcomes.scheduled_us[request.index] = request.scheduled_us
        if self._caching:
            request.hit_tokens = request.computed
            self._prefix_queries += request.prompt
            self._prefix_hits += request.computed

    def _prefill(self, request: Request, batch: "_Batch") -> None:
        """The next chunk of a prompt, as long as the budget allows."""
        at = request.computed
        chunk = min(request.tokens - at, batch.budget)
        compute_ps = chunk * (self._prefill_ps + self._half_pair_ps * (2 * at + chunk))
        batch.add(chunk, compute_ps + self._kv_ps * at)
        request.computed = at + chunk
        if request.computed == request.tokens:
            self._partial = None
            self._completing.append(request)
        else:
            self._partial = request


class _Batch:
    """A step being composed."""

    __slots__ = ("budget", "prefill_ps", "prompts", "tokens")

    def __init__(self, tokens: int, budget: int) -> None:
        self.tokens = tokens
        self.budget = budget - tokens
        self.prompts = 0
        self.prefill_ps = 0

    def add(self, chunk: int, prefill_ps: int) -> None:
        self.tokens += chunk
        self.budget -= chunk
        self.prompts += 1
        self.prefill_ps += prefill_ps


class _Pool:
    """Free blocks beside those of the decoding requests: bounded at once, counted exactly only when it
    matters."""

    __slots__ = ("_clock", "_exact", "_free", "_meter", "_withheld")

    def __init__(self, room: int, meter: BlockMeter, clock: int, withheld: int) -> None:
        self._meter = meter
        self._clock = clock
        self._exact = False
        self._withheld = withheld
        """Free, but not known to be when the batch was composed."""
        self._free = room - self._most()

    def _most(self) -> int:
        meter = self._meter
        return (meter.sum + meter.count * (self._clock + meter.block - 1)) // meter.block

    def exact(self) -> int:
        """Free blocks, those withheld included."""
        if not self._exact:
            self._free += self._most() - self._meter.used(self._clock)
            self._exact = True
        return self._free

    def take(self, blocks: int) -> bool:
        """Take ``blocks`` if there are as many."""
        least = blocks + self._withheld
        if self._free < least and self.exact() < least:
            return False
        self._free -= blocks
        return True
