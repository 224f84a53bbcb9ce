"""Requests in, tokens out, against whatever clock calls it: the live engine without a network.

Pure but for the listeners that it calls: the caller says what time it is, in µs since the engine's start.
Times that go back are taken as no time passing.
"""

from dataclasses import dataclass
from typing import Protocol

from simulations.engine.request import Request
from simulations.engine.spec import EngineSpec
from simulations.live.engine import LiveEngine, Sink
from simulations.live.pace import step_at_speed
from simulations.live.slots import Slots
from simulations.live.tally import Tally

WAKE_TAGS = frozenset({"weights", "kv_cache"})
"""What a sleeping vLLM can get back one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to serve: lengths in tokens, the prompt's blocks, and what it will be said to have ended for."""

    prompt: int
    output: int
    max_tokens: int
    """As asked for, for the metrics."""
    reason: str
    """``stop`` or ``length``."""
    blocks: tuple[tuple[int, int], ...] = ()
    """(hash of the block and all before it, its tokens), full blocks only."""


class Listener(Protocol):
    """Whoever waits for the end of a request. Its calls must not raise."""

    def done(self, total: int, reason: str) -> None:
        """The request has all its ``total`` tokens, or no more will come (reason ``abort``)."""
        ...


class Driver:
    """One engine and the requests in it."""

    def __init__(self, spec: EngineSpec, *, start_id: str) -> None:
        self.spec = spec
        self._slots = Slots()
        self.engine = LiveEngine(spec, self._slots.outcomes, start_us=0, start_id=start_id)
        self.tally = Tally(spec.max_model_len)
        self.now_us = 0
        self.asleep: int | None = None
        """Level of sleep; None: awake."""
        self._lacking: frozenset[str] = frozenset()
        """What a sleeper must get back before it is awake."""
        self._hung = False
        self._last_us = 0
        """The latest arrival."""
        self._stalled_us: int | None = None
        self._jobs: dict[int, tuple[Job, Listener]] = {}
        self._sinks: dict[int, Sink] = {}
        self._arrived: list[tuple[int, int]] = []
        """(index, µs) of requests that came while the engine stood still."""

    def __len__(self) -> int:
        return len(self._jobs)

    def submit(
        self, job: Job, listener: Listener, now_us: int, sink: Sink | None = None, since_us: int | None = None
    ) -> int:
        """Take a request; its index, for :meth:`abort`. ``sink`` gets tokens as they come.

        ``since_us``: when it began to come in. What was spent on it since is part of the spec's ingest time,
        which stands for HTTP and tokenising, and as much less is left of that.
        """
        self.tick(now_us)
        at_us = self._began(now_us if since_us is None else since_us)
        index = self._slots.take()
        self._jobs[index] = (job, listener)
        if sink is not None:
            self._sinks[index] = sink
        if self._stalled_us is not None:
            self._arrived.append((index, at_us))
        else:
            self._enter(index, at_us)
        return index

    def _began(self, since_us: int) -> int:
        """The time that a request counts from: it is not ready before now, nor before those ahead of it."""
        self._last_us = max(min(since_us, self.now_us), self.now_us - self.spec.ingest_us, self._last_us)
        return self._last_us

    def _enter(self, index: int, at_us: int) -> None:
        job = self._jobs[index][0]
        self.engine.submit(index, job.prompt, job.output, job.blocks, at_us)

    def abort(self, index: int, listener: Listener, now_us: int) -> None:
        """The client went away: blocks are free at once. Nothing to do where the request is over.

        ``listener`` says whose it was: the index of a request that is over belongs to somebody else soon.
        vLLM shows aborted requests in no metric of finished ones (vllm-project/vllm#31503, #55634); what
        they computed stays counted.
        """
        self.tick(now_us)
        if index not in self._jobs or self._jobs[index][1] is not listener:
            return
        if self._stalled_us is None:
            self.engine.abort(index, self.now_us)
        elif any(arrived == index for arrived, _ in self._arrived):
            self._arrived = [pair for pair in self._arrived if pair[0] != index]
        else:
            self._abort_standing(index)
        self._forget(index)

    def _abort_standing(self, index: int) -> None:
        """An engine that stands still takes requests off without moving."""
        assert self._stalled_us is not None
        self.engine.abort(index, self._stalled_us)

    def _forget(self, index: int) -> None:
        del self._jobs[index]
        self._sinks.pop(index, None)
        self.engine.preempted.pop(index, None)
        self._slots.give_back(index)

    def tick(self, now_us: int) -> None:
        """Let the time be ``now_us``: tokens go to sinks, ends to listeners."""
        self.now_us = now_us = max(now_us, self.now_us)
        if self._stalled_us is not None:
            return
        engine = self.engine
        engine.advance(now_us)
        for request in engine.ended():
            self._end(request)
        if self._sinks:
            engine.emit(self._sinks)

    def next_us(self) -> int | None:
        """When to tick next; None: not before something is submitted."""
        if self._stalled_us is not None:
            return None
        return self.engine.next_token_us() if self._sinks else self.engine.next_us()

    def _end(self, request: Request) -> None:
        index = request.index
        job, listener = self._jobs[index]
        outcomes = self._slots.outcomes
        self.tally.observe(
            job,
            request,
            first_us=outcomes.first_token_us[index],
            finished_us=outcomes.finished_us[index],
            preemptions=self.engine.preempted.get(index, 0),
        )
        self._forget(index)
        listener.done(request.output, job.reason)

    def hang(self, now_us: int) -> None:
        """The engine stands still until :meth:`unhang`."""
        self._hold(now_us)
        self._hung = True

    def unhang(self, now_us: int) -> None:
        """It goes on, unless it sleeps too."""
        self._hung = False
        self._release(now_us)

    def _hold(self, now_us: int) -> None:
        self.tick(now_us)
        if self._stalled_us is None:
            self._stalled_us = self.now_us

    def _release(self, now_us: int) -> None:
        """The step that was under way ends as much later, and who came meanwhile enters."""
        self.tick(now_us)
        if self._stalled_us is None or self._hung or self.asleep is not None:
            return
        self.engine.stall(self._stalled_us, self.now_us)
        self._stalled_us = None
        arrived, self._arrived = self._arrived, []
        for index, at_us in arrived:
            self._enter(index, at_us)

    def abort_all(self, now_us: int) -> None:
        """Every request ends now, with the tokens that it has; its listener is told."""
        self.tick(now_us)
        for index, (_, listener) in list(self._jobs.items()):
            self.call_off(index, listener, now_us)

    def call_off(self, index: int, listener: Listener, now_us: int) -> None:
        """A request that is not over ends now, with the tokens that it has; its listener is told."""
        total = self.engine.generated(index)
        self.abort(index, listener, now_us)
        listener.done(total, "abort")

    def sleep(self, level: int, now_us: int) -> None:
        """Requests are aborted and nothing runs until :meth:`wake`; from level 1 on the KV cache goes too.

        What comes meanwhile waits, as behind vLLM's paused scheduler.
        """
        self.abort_all(now_us)
        if level:
            self.engine.forget_prefixes()
        self._hold(now_us)
        self.asleep = level
        self._lacking = WAKE_TAGS if level else frozenset()

    def wake(self, tags: frozenset[str], now_us: int) -> bool:
        """Give back what ``tags`` name, everything without any; True if it is awake then."""
        self._lacking = self._lacking - tags if tags else frozenset()
        if not self._lacking:
            self.asleep = None
            self._release(now_us)
        return not self._lacking

    def set_pace(self, slower: float, now_us: int) -> None:
        """Steps take ``slower`` times as long from the next one on."""
        self.tick(now_us)
        self.engine.set_pace(step_at_speed(self.spec.step, 1 / slower))
