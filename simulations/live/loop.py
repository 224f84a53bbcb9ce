"""An event loop that wakes on time: asyncio's own rounds its timeouts up to whole milliseconds.

``epoll_wait`` counts in milliseconds, ``select`` in microseconds, and an epoll descriptor can itself be
waited for. At 10 ms a step a millisecond of delay would be a tenth.
"""

import asyncio
import select
import selectors

_SelectorList = list[tuple[selectors.SelectorKey, int]]


class PreciseSelector(selectors.EpollSelector):
    """An epoll whose timeouts are met within tens of microseconds."""

    def select(self, timeout: float | None = None) -> _SelectorList:
        """As the base class."""
        if timeout is not None and timeout > 0:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0
        return super().select(timeout)


def precise_loop() -> asyncio.AbstractEventLoop:
    """For ``asyncio.Runner(loop_factory=precise_loop)``."""
    return asyncio.SelectorEventLoop(PreciseSelector())
