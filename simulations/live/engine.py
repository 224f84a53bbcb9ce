"""The simulator's engine with what a live server needs of it: progress of requests under way, what has ended,
and the accidents of real life (a stall, another pace, sleep)."""

from typing import Protocol

from simulations.engine.engine import Engine
from simulations.engine.prefix import PrefixCache
from simulations.engine.request import NEVER, Request
from simulations.engine.spec import PS_PER_US, EngineSpec, StepTime
from simulations.live.tally import Iterations
from simulations.requests import Outcomes


class Sink(Protocol):
    """Whoever wants the tokens of one request as they come."""

    sent: int
    """Tokens that it has had."""

    def send(self, total: int) -> None:
        """The request has ``total`` tokens now; more than ``sent``. Must not raise."""
        ...


class LiveEngine(Engine):
    """An engine that runs beside a clock. Nothing of its timing differs from the simulator's."""

    def __init__(self, spec: EngineSpec, outcomes: Outcomes, *, start_us: int, start_id: str) -> None:
        super().__init__(spec, outcomes, start_us=start_us, start_id=start_id, replica=0)
        self.iterations = Iterations()
        self._ended: list[Request] = []
        self.preempted: dict[int, int] = {}
        """Times that a request lost its seat, by index; only those that did and are still here."""

    def ended(self) -> list[Request]:
        """Requests that have finished since the last call, in order."""
        ended, self._ended = self._ended, []
        return ended

    def emit(self, sinks: dict[int, Sink]) -> None:
        """Give every sink (by index) the tokens that its request has by the last ``advance``.

        The newest come first: nobody's first token waits for the writing of everybody else's.
        """
        self._settle()
        active, total_of = self._active, self._total
        for index, sink in reversed(sinks.items()):
            request = active.get(index)
            if request is None:
                continue
            total = total_of(request)
            if total > sink.sent:
                sink.send(total)

    def generated(self, index: int) -> int:
        """Output tokens of a request by the last ``advance``; 0 if it does not run now."""
        self._settle()
        request = self._active.get(index)
        return 0 if request is None else self._total(request)

    def _total(self, request: Request) -> int:
        """Closed form inside a run of decode steps: a request that finishes at decode step f has
        ``output - f + c`` tokens at step c of the engine's clock."""
        finish = request.finish_step
        return request.generated if finish == NEVER else request.output - finish + self._clock

    def next_token_us(self) -> int | None:
        """End of the step under way; else as :meth:`next_us`."""
        if not self._steps:
            return self.next_us()
        self._settle()
        return (self._start_ps + self._first_ps) // PS_PER_US

    def stall(self, from_us: int, to_us: int) -> None:
        """The step under way at ``from_us``, the last ``advance``, ends later by the time to ``to_us``.

        An idle engine starts nothing before ``to_us``.
        """
        self._settle()
        late_ps = (to_us - from_us) * PS_PER_US
        if self._steps:
            self._limit(1)
            self._first_ps += late_ps
            self._end_ps += late_ps
            self._wake_us = self._end_ps // PS_PER_US
            return
        self._end_ps = max(self._end_ps, to_us * PS_PER_US)
        if self.next_us() is not None:
            self._wake_us = to_us + 1

    def set_pace(self, step: StepTime) -> None:
        """Steps that start from now on take what ``step`` says."""
        if self._steps:
            self._settle()
            self._limit(1)
        self._prefill_ps = step.prefill_token_ps
        self._half_pair_ps = step.half_pair_ps
        self._tokens_ps = step.tokens_ps
        self._sequence_ps = step.sequence_ps
        self._kv_ps = step.kv_token_ps
        self._mixed_kv_ps = step.kv_token_ps + step.mixed_kv_token_ps
        self._mixed_sequence_ps = step.mixed_sequence_ps

    def forget_prefixes(self) -> None:
        """Empty the prefix cache of an engine without requests (sleep frees the KV cache)."""
        assert not self.unfinished()
        self._cache = PrefixCache(self._blocks)

    def _book(self, steps: int) -> None:
        super()._book(steps)
        tokens = self._meter.count
        for request in self._completing:  # a flight with prompts is one step, and lands as a whole
            tokens += 1
            if not request.generated:
                tokens += request.prompt - request.hit_tokens
        if tokens:
            self.iterations.observe(tokens, steps)

    def _seat(self, request: Request, known_us: int) -> None:
        if request.scheduled_us != NEVER:
            self.preempted[request.index] = self.preempted.get(request.index, 0) + 1
        super()._seat(request, known_us)

    def _finish(self, request: Request, end_ps: int) -> None:
        super()._finish(request, end_ps)
        self._ended.append(request)
