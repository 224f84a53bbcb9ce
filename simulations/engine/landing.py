"""Landing: what the end of a flight does to the requests in it."""

from heapq import heappop, heappush

from simulations.engine.clockwork import INDEX_BITS, Clockwork
from simulations.engine.request import NEVER, Request
from simulations.engine.spec import PS_PER_US

_INDEX_MASK = (1 << INDEX_BITS) - 1


class Landing(Clockwork):
    """Tokens out, first tokens, requests finished, blocks freed."""

    def _land(self) -> None:
        """The flight is over: tokens out, requests finished."""
        steps = self._steps
        self._book(steps)
        end_ps = self._end_ps
        self._previous_us = (end_ps - self._first_ps - self._inc_ps * (steps - 1)) // PS_PER_US
        self._steps = 0
        freed, running, finishes = self._freed, self.running, self._finishes
        if finishes and finishes[0] >> INDEX_BITS <= self._clock:
            self._retire(end_ps)
        if self._completing:
            self._first_tokens(end_ps)
        self._landed_blocks = self._freed - freed if self._active else -1
        self._landed_seats = running - self.running

    def _retire(self, end_ps: int) -> None:
        """Requests whose last token came by this clock."""
        finishes, clock, active = self._finishes, self._clock, self._active
        while finishes and finishes[0] >> INDEX_BITS <= clock:
            key = heappop(finishes)
            request = active.get(key & _INDEX_MASK)
            if request is not None and request.finish_step == key >> INDEX_BITS:
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
        heappush(self._finishes, finish << INDEX_BITS | request.index)

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
