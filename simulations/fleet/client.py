"""Callers that lose patience: time-outs, retries, and what becomes of requests that a killed replica lost.

A time-out is on the whole answer of one attempt. A caller that gives up closes its connection: the engine
aborts the request, or it leaves the router's queue. A retry is the same request, timed from its first
arrival.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from simulations.fleet.router import Router
from simulations.kernel import Kernel, Priority
from simulations.requests import ABSENT, Outcomes
from simulations.scenario import Client

Leave = Callable[[int, int], None]
"""``(index, t_us)``: the attempt under way ends; engines up to date."""


class Callers:
    """All callers of one run. Attempts begin in order of time, so their deadlines are a queue, not a heap."""

    def __init__(self, options: Client, router: Router, outcomes: Outcomes, abort: Leave) -> None:
        self._timeout_us = None if options.timeout_s is None else round(options.timeout_s * 1e6)
        self._retries = options.retries
        self._delay_us = round(options.retry_delay_s * 1e6)
        self._router = router
        self._outcomes = outcomes
        self._abort = abort
        self._deadlines: deque[tuple[int, int, int]] = deque()
        """(time, index, number of the attempt)."""
        self._kernel: Kernel | None = None
        self.between = 0
        """Requests whose callers wait to try again."""

    @property
    def patient(self) -> bool:
        """Nobody ever gives up, so nobody needs to be watched."""
        return self._timeout_us is None

    def use(self, kernel: Kernel) -> None:
        """Where time-outs and retries are planned."""
        self._kernel = kernel

    def send(self, index: int, t_us: int) -> None:
        """An attempt begins."""
        self._watch(index, t_us)
        self._router.send(index, t_us)

    def lost(self, indices: Iterable[int], t_us: int) -> None:
        """A replica died with these requests."""
        for index in indices:
            self._again_or_drop(index, t_us)

    # --- deadlines

    def _watch(self, index: int, t_us: int) -> None:
        if self._timeout_us is None:
            return
        deadline_us = t_us + self._timeout_us
        self._deadlines.append((deadline_us, index, self._outcomes.attempts[index]))
        if len(self._deadlines) == 1:
            self._plan(deadline_us, Priority.GIVE_UP, self._expire)

    def _expire(self, t_us: int) -> None:
        """The first deadline has come: that caller gives up if it still waits for that attempt."""
        deadlines = self._deadlines
        _, index, attempt = deadlines[0]
        if attempt == self._outcomes.attempts[index]:
            self._give_up(index, t_us)
        deadlines.popleft()
        if deadlines:
            self._plan(max(t_us, deadlines[0][0]), Priority.GIVE_UP, self._expire)

    def _give_up(self, index: int, t_us: int) -> None:
        outcomes = self._outcomes
        if outcomes.dropped_us[index] != ABSENT or outcomes.finished_us[index] != ABSENT:
            return
        if not self._router.withdraw(index):
            self._abort(index, t_us)
            if outcomes.finished_us[index] != ABSENT:  # its last token came just in time
                return
        self._again_or_drop(index, t_us)

    # --- second attempts

    def _again_or_drop(self, index: int, t_us: int) -> None:
        outcomes = self._outcomes
        if outcomes.attempts[index] > self._retries:
            outcomes.dropped_us[index] = t_us
            return
        outcomes.attempts[index] += 1
        outcomes.scheduled_us[index] = outcomes.first_token_us[index] = outcomes.replica[index] = ABSENT
        self.between += 1
        self._plan(t_us + self._delay_us, Priority.RETRY, partial(self._retry, index))

    def _retry(self, index: int, t_us: int) -> None:
        self.between -= 1
        self.send(index, t_us)

    def _plan(self, t_us: int, priority: Priority, action: Callable[[int], None]) -> None:
        assert self._kernel is not None, "use() comes first"
        self._kernel.at(t_us, priority, action)
