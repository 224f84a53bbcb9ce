"""Launching: the scheduler of vLLM V1 composes a step, or a run of equal ones.

Decoding requests get one token each, a prompt under way goes on, and requests are admitted from the waiting
queue while tokens, seats and blocks last (vllm v1/core/sched/scheduler.py, 0.19). At most one prompt is
partly prefilled, and it is the last of the running ones, since it used the whole budget when admitted.
"""

from simulations.engine.batch import Batch, Pool
from simulations.engine.clockwork import INDEX_BITS
from simulations.engine.landing import Landing
from simulations.engine.request import NEVER, Request
from simulations.engine.spec import PS_PER_US


class Scheduler(Landing):
    """Composes flights at the boundaries between steps."""

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
        return 1 if self._micro else (self._finishes[0] >> INDEX_BITS) - self._clock

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
        batch = Batch(self._meter.count, self._budget)
        if self._partial is not None:
            self._prefill(self._partial, batch)
        may_change = preempted
        if not preempted and self._waiting:
            may_change = self._admit(start_us, batch)
        if not batch.prompts:
            self._launch_decode(start_us, 1 if may_change else self._longest())
            return
        count = self._meter.count
        self._steps = 1
        self._inc_ps = 0
        self._first_ps = first = (
            self._tokens_ps[batch.tokens]
            + self._sequence_ps * (count + batch.prompts)
            + self._mixed_sequence_ps * count
            + self._mixed_kv_ps * (self._context + count * (self._clock + 1))
            + batch.prefill_ps
        )
        self._end_ps = end = self._start_ps + first
        self._wake_us = end // PS_PER_US

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

    def _admit(self, start_us: int, batch: Batch) -> bool:
        """Admit from the head of the queue; True if the next boundary may admit what this one could not."""
        behind = self._async and self._landed_blocks >= 0 and self.running > 0
        # The batch that starts now was composed when the last step began: it knows nothing newer.
        known_us = self._previous_us if behind else start_us
        seats = self._seats - self.running
        withheld = 0
        if behind:
            seats -= self._landed_seats
            withheld = self._landed_blocks
        pool = Pool(self._room(), self._meter, self._clock + 1, withheld)
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

    def _take_blocks(self, request: Request, pool: Pool) -> bool:
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

    def _prefill(self, request: Request, batch: Batch) -> None:
        """The next chunk of a prompt, as long as the budget allows."""
        at = request.computed
        chunk = min(request.tokens - at, batch.budget)
        batch.tokens += chunk
        batch.budget -= chunk
        batch.prompts += 1
        batch.prefill_ps += (
            chunk * (self._prefill_ps + self._half_pair_ps * (2 * at + chunk)) + self._kv_ps * at
        )
        request.computed = at + chunk
        if request.computed == request.tokens:
            self._partial = None
            self._completing.append(request)
        else:
            self._partial = request
