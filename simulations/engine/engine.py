"""One vLLM engine as its callers see it: submit, advance, abort, and what it exposes."""

from scaler.decision.model import Samples
from simulations.engine.clockwork import FOREVER_US
from simulations.engine.prefix import PrefixCache, spans_of
from simulations.engine.request import NEVER, Request
from simulations.engine.scheduler import Scheduler
from simulations.engine.spec import PS_PER_US, EngineSpec
from simulations.requests import Outcomes

CPU_US_PER_TOKEN = 46
"""CPU time of an output token outside the step: detokenising, streaming (BLIS ``defaults.yaml``)."""


class Engine(Scheduler):
    """A passive, lazy engine: call ``advance(t)`` before looking or submitting at ``t``; times never go back.

    ``outcomes`` gets scheduled, first-token and finish times (absolute µs, floored) and ``replica`` in its
    columns.
    The first ``cold_requests`` requests lengthen the step that first serves them by ``cold_extra_us``.
    ``micro`` flies every step by itself: slower, and equal to the last digit (the property tests hold it
    to that).
    """

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
        micro: bool = False,
    ) -> None:
        super().__init__(spec, outcomes, start_us, micro)
        self._start_id = start_id
        self._replica = replica
        self._cold_left = cold_requests
        self._cold_extra_ps = cold_extra_us * PS_PER_US

    def submit(
        self,
        index: int,
        input_tokens: int,
        output_tokens: int,
        prefix: tuple[tuple[int, int], ...],
        at_us: int,
    ) -> None:
        """A request arrives. It reaches the waiting queue ``spec.ingest_us`` later.

        The output is cut at ``max_model_len`` as vLLM does; a longer prompt is the caller's to refuse.
        """
        assert 1 <= input_tokens < self.spec.max_model_len
        assert output_tokens >= 1
        output = min(output_tokens, self.spec.max_model_len - input_tokens)
        ready_us = at_us + self.spec.ingest_us
        request = Request(index, input_tokens, output, at_us, ready_us)
        if prefix and self.spec.prefix_caching:
            self._know_prefix(request, prefix)
        self._outcomes.replica[index] = self._replica
        self._submitted += 1
        first = not self._ingest
        self._ingest.append(request)
        if not self._steps:
            boundary_us = self._end_ps // PS_PER_US
            self._wake_us = min(self._wake_us, max(ready_us, boundary_us) + 1)
        elif first and not self._waiting and self.running < self._seats:
            self._cut(ready_us)

    def _know_prefix(self, request: Request, prefix: tuple[tuple[int, int], ...]) -> None:
        if self._cache is None:
            self._cache = PrefixCache(self._blocks)
        request.chain = spans_of(prefix, request.prompt, self._block)

    def advance(self, to_us: int) -> None:
        """Completions up to and at ``to_us`` take effect; a step may start before ``to_us``, not at it."""
        self._now_us = to_us
        if self._wake_us <= to_us:
            self._work(to_us)

    def next_us(self) -> int | None:
        """No request is scheduled, gets its first token or finishes before this time, unless one is
        submitted.

        Always later than the last ``advance``. None: idle.
        """
        return self._wake_us if self._wake_us < FOREVER_US else None

    @property
    def waiting(self) -> int:
        """Requests in the capacity queue."""
        if self._ingest:
            self._collect(self._now_us)
        return len(self._waiting)

    def abort(self, index: int, at_us: int) -> bool:
        """Forget a request and free its blocks; False if it is not here. Outcome columns stay as they are."""
        self.advance(at_us)
        request = self._active.get(index)
        if request is None:
            request = self._forget_queued(index)
            if request is None:
                return False
        else:
            self._forget_running(request)
        if self._steps:
            self._stop_run()
        return True

    def _forget_queued(self, index: int) -> Request | None:
        for queue in (self._waiting, self._ingest):
            for request in queue:
                if request.index == index:
                    queue.remove(request)
                    return request
        return None

    def _forget_running(self, request: Request) -> None:
        self._settle()
        del self._active[request.index]
        self.running -= 1
        if request.finish_step != NEVER:
            self._leave_decoding(request)
            return
        self._held -= request.blocks
        self._free(request, request.tokens)
        if request is self._partial:
            self._partial = None
        else:
            self._completing.remove(request)

    def _stop_run(self) -> None:
        """End the run with the step that is under way now, or here if none has begun."""
        self._settle()
        if self._start_ps // PS_PER_US == self._now_us:
            self._stand()
        else:
            self._limit(1)

    def unfinished(self) -> list[int]:
        """Requests that are here and not done: running, waiting, being ingested."""
        return [*self._active, *(r.index for r in self._waiting), *(r.index for r in self._ingest)]

    def busy_us(self) -> int:
        """Time spent in steps so far, the one under way included."""
        self._settle()
        busy_ps = self._busy_ps
        if self._steps:
            busy_ps += max(0, self._now_us * PS_PER_US - self._start_ps)
        return busy_ps // PS_PER_US

    def kv_usage_ratio(self) -> float:
        """Share of the KV blocks in use at the last ``advance``, 0-1."""
        self._settle()
        return self._used() / self._blocks

    def samples(self) -> Samples:
        """What ``/metrics`` would show at the last ``advance``."""
        self._settle()
        generated = float(self._generated)
        return Samples(
            age_s=0.0,
            start_id=self._start_id,
            running=float(self.running),
            waiting=float(self.waiting),
            waiting_deferred=0.0,
            kv_usage_ratio=self._used() / self._blocks,
            kv_capacity_tokens=float(self.spec.kv_tokens),
            prompt_tokens_total=float(self._prompts),
            prompt_tokens_computed_total=float(self._computed),
            generation_tokens_total=generated,
            requests_finished_total=float(self._finished),
            preemptions_total=float(self._preemptions),
            prefix_queries_tokens_total=float(self._prefix_queries),
            prefix_hits_tokens_total=float(self._prefix_hits),
            iterations_total=float(self._iterations),
            iteration_tokens_total=self._computed + generated,
            finished_prompt_tokens_total=float(self._finished_prompts),
            finished_generation_tokens_total=float(self._finished_outputs),
            cpu_seconds_total=self._cpu_us() / 1_000_000,
            ttft_s=self._ttft.snapshot(),
            itl_s=self._itl.snapshot(),
            queue_s=self._queue.snapshot(),
        )

    def _cpu_us(self) -> int:
        """The engine loop spins while the GPU works; ingest and each output token cost CPU beside it."""
        return self.busy_us() + self._submitted * self.spec.ingest_us + self._generated * CPU_US_PER_TOKEN
