"""Which replica gets a request, and the queue of those that find none.

A router polls its replicas' load (running + waiting) every ``cluster.router_view_s``, at multiples of it,
and adds what it has dispatched since: a real one knows its own dispatches, and would otherwise send a whole
second of arrivals to one replica. When a replica comes or goes it looks at all of them afresh.

The periodic look is lazy: with one replica, or while nothing happens, there is nobody to tell. Whoever moves
an engine's clock first calls :meth:`Router.catch_up`, so that no look at an earlier time is ever missed.
"""

from collections.abc import Callable, Sequence

from simulations.fleet.joint import Prefix
from simulations.fleet.pods import Pod
from simulations.kernel import FAR_US
from simulations.requests import Outcomes, Trace

PREFIX_MARGIN = 8
"""A replica that holds the prefix is passed over when it has this many requests more than the least loaded.

An estimate: a reused prefix of 1,000 tokens saves about 20 ms of prefill on an H100 with an 8B model, and
eight more sequences in a batch cost a request of 200 tokens about as much.
"""

Choose = Callable[[int], int]
"""From a request's index to the position of a replica."""


class Router:
    """``ready``: the replicas that may be sent to, in the order in which they became ready."""

    def __init__(self, trace: Trace, outcomes: Outcomes, kind: str, view_us: int) -> None:
        self.ready: list[Pod] = []
        self.queue: dict[int, int] = {}
        """Index of each request that found no replica -> when it was queued (µs); FIFO."""
        self.loads: list[int] = []
        """What the router believes: load of each of ``ready``."""
        self._view_us = view_us
        self._next_look_us = FAR_US
        self._input, self._output = trace.input_tokens, trace.output_tokens
        self._prefixes = trace.prefixes
        self._dropped_us = outcomes.dropped_us
        self._cursor = 0
        self._holders: dict[int, int] = {}
        self._choose = self._choosers()[kind]
        self._always_choose = kind == "prefix-aware"  # it remembers, even where there is no choice

    def _choosers(self) -> dict[str, Choose]:
        return {
            "least-loaded": self._least_loaded,
            "round-robin": self._round_robin,
            "prefix-aware": self._prefix_aware,
        }

    def send(self, index: int, t_us: int) -> None:
        """One request arrives, for the first time or again."""
        ready = self.ready
        if not ready:
            self.queue[index] = t_us
            return
        if t_us >= self._next_look_us:
            self.catch_up(t_us)
        at = self._choose(index) if self._always_choose or len(ready) > 1 else 0
        pod = ready[at]
        tokens = self._input[index]
        if tokens > pod.max_prompt_tokens:  # the engine answers 400 at once
            self._dropped_us[index] = t_us
            return
        self.loads[at] += 1
        engine = pod.engine
        assert engine is not None
        engine.advance(t_us)
        engine.submit(index, tokens, self._output[index], self._prefix(index), t_us)

    def catch_up(self, t_us: int) -> None:
        """Make up for the last look that was due at or before ``t_us``."""
        if t_us < self._next_look_us:
            return
        self._look(t_us - t_us % self._view_us)

    def _look(self, at_us: int) -> None:
        loads = self.loads
        for position, pod in enumerate(self.ready):
            engine = pod.engine
            assert engine is not None
            engine.advance(at_us)
            loads[position] = engine.running + engine.waiting
        next_us = at_us - at_us % self._view_us + self._view_us
        self._next_look_us = next_us if len(loads) > 1 else FAR_US

    def join(self, pod: Pod, t_us: int) -> None:
        """A replica is ready: it gets what has been waiting for one."""
        self.ready.append(pod)
        self.loads.append(0)
        self._look(t_us)
        held = list(self.queue)
        self.queue.clear()
        for index in held:
            self.send(index, t_us)

    def leave(self, pod: Pod, t_us: int) -> None:
        """A replica gets no new requests from now on; those that it has stay with it."""
        position = self.ready.index(pod)
        del self.ready[position], self.loads[position]
        self._look(t_us)

    def withdraw(self, index: int) -> bool:
        """A caller gives up; False: its request is not in the router's queue."""
        return self.queue.pop(index, None) is not None

    def oldest_wait_us(self, t_us: int) -> int | None:
        """How long the first of the queue has been there; None: nobody waits."""
        return t_us - next(iter(self.queue.values())) if self.queue else None

    def _prefix(self, index: int) -> Prefix:
        return () if self._prefixes is None else self._prefixes[index]

    # --- strategies: each returns a position in ``ready``

    def _least_loaded(self, _index: int) -> int:
        """Ties go round: an idle fleet shares its work, as routers do that shuffle equal candidates."""
        return self._next_of(self.loads, min(self.loads))

    def _next_of(self, loads: Sequence[int], least: int) -> int:
        count = len(loads)
        cursor = self._cursor % count
        for position in range(cursor, cursor + count):
            at = position if position < count else position - count
            if loads[at] == least:
                break
        self._cursor = at + 1 if at + 1 < count else 0
        return at

    def _round_robin(self, _index: int) -> int:
        at = self._cursor if self._cursor < len(self.ready) else 0
        self._cursor = at + 1
        return at

    def _prefix_aware(self, index: int) -> int:
        """The least loaded of those that saw most of the prefix; of all, if that one is too busy."""
        chain = self._prefix(index)
        holders = self._deepest_holders(chain)
        least = min(self.loads)
        seen = [at for at, pod in enumerate(self.ready) if holders >> pod.serial & 1]
        at = min(seen, key=self.loads.__getitem__, default=-1)
        if at < 0 or self.loads[at] > least + PREFIX_MARGIN:
            at = self._next_of(self.loads, least)
        self._remember(chain, self.ready[at])
        return at

    def _deepest_holders(self, chain: Prefix) -> int:
        """Bit set (by serial) of the ready replicas that were sent the longest part of ``chain``."""
        among = sum(1 << pod.serial for pod in self.ready)
        found = 0
        for block, _tokens in chain:
            among &= self._holders.get(block, 0)
            if not among:
                break
            found = among
        return found

    def _remember(self, chain: Prefix, pod: Pod) -> None:
        bit = 1 << pod.serial
        holders = self._holders
        for block, _tokens in chain:
            holders[block] = holders.get(block, 0) | bit
