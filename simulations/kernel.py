"""Discrete events in whole µs: a heap for the few, and the sorted arrivals merged in beside it.

Events are ordered by (time, priority, sequence). A day of requests (373,000) never touches the heap: the
kernel hands arrivals over in a tight loop until the next event is due.
"""

from array import array
from collections.abc import Callable, Sequence
from enum import IntEnum
from heapq import heappop, heappush

FAR_US = 1 << 62
"""Later than anything that happens."""

Action = Callable[[int], None]
"""What an event does; its argument is the time in µs."""


class Priority(IntEnum):
    """Who goes first at one instant. What engines complete at ``t`` has happened before all of these."""

    CAPACITY = 0
    """Nodes, other tenants' GPUs, engine settings: a pod that is bound at this instant sees them."""
    POD = 1
    """Pods become ready, fail, are gone: one that is ready now can take what arrives now."""
    GIVE_UP = 2
    """Callers whose time is up leave before newcomers could queue behind them."""
    ARRIVAL = 3
    """Requests of the trace, in its order."""
    RETRY = 4
    """Second attempts come after first ones: the trace's order never depends on the fleet's history."""
    SCRAPE = 5
    """A scrape sees all that the instant brought to the engines."""
    TICK = 6
    """A law sees the scrapes of its instant, as a scaler does that scrapes and then decides."""
    POLL = 7
    """KEDA reads what the law has just said."""
    SYNC = 8
    """The HPA reads what KEDA has just activated; a scripted schedule writes at the same point."""
    RECORD = 9
    """A timeline row shows the instant when everything in it has happened."""
    END = 10
    """The run ends after its last row."""


class Kernel:
    """The clock of one run. ``send(index, t_us)`` is called for each arrival, in the order of the trace."""

    def __init__(self, arrival_us: Sequence[int], send: Callable[[int, int], None]) -> None:
        self.now_us = 0
        self.arrived = 0
        """Requests of the trace that have arrived."""
        self._arrival_us = array("q", arrival_us)
        self._arrival_us.append(FAR_US)  # so that the hot loop needs no check for the end
        self._send = send
        self._heap: list[tuple[int, int, int, Action]] = []
        self._sequence = 0

    def at(self, t_us: int, priority: Priority, action: Action) -> None:
        """Call ``action(t_us)`` at ``t_us``. No cancelling: an action checks whether it still applies."""
        assert t_us >= self.now_us, f"an event at {t_us} µs cannot be planned at {self.now_us} µs"
        self._sequence += 1
        heappush(self._heap, (t_us, priority, self._sequence, action))

    def every(self, period_us: int, priority: Priority, action: Action, *, first_us: int = 0) -> None:
        """Call ``action`` at ``first_us`` and every ``period_us`` after it."""

        def again(t_us: int) -> None:
            action(t_us)
            self.at(t_us + period_us, priority, again)

        self.at(first_us, priority, again)

    def run(self, end_us: int) -> None:
        """Let everything up to and including ``end_us`` happen."""
        heap = self._heap
        self.at(end_us, Priority.END, _nothing)
        while True:
            t_us, priority, _, action = heap[0]
            # arrivals at t_us itself go first exactly where the event's priority is behind theirs
            limit_us = t_us + (priority > Priority.ARRIVAL)
            if self._arrival_us[self.arrived] < limit_us:
                self._deliver(limit_us)
                continue
            heappop(heap)
            self.now_us = t_us
            if priority == Priority.END:
                return
            action(t_us)

    def _deliver(self, limit_us: int) -> None:
        """Hand over arrivals before ``limit_us``; stop early when one of them planned an earlier event."""
        heap, send, arrival_us = self._heap, self._send, self._arrival_us
        top, index = heap[0], self.arrived
        t_us = arrival_us[index]
        while t_us < limit_us and heap[0] is top:
            self.now_us = t_us
            self.arrived = index + 1
            send(index, t_us)
            index += 1
            t_us = arrival_us[index]


def _nothing(_t_us: int) -> None:
    """The end needs no action of its own."""
