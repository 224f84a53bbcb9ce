"""Drives the driver by the wall clock: the only place where live time enters."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from simulations.engine.counters import Buckets
from simulations.live.driver import Driver, Job, Listener
from simulations.live.engine import Sink
from simulations.live.logs import LOGGER

CRASHED = 1
"""Exit code of an engine that failed, by itself or by request."""
LATE_LE_S = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

_Done = TypeVar("_Done")


class Pump:
    """Wakes at the times that the driver names. ``lateness`` says how late that was: the machine's noise."""

    def __init__(self, driver: Driver, loop: asyncio.AbstractEventLoop, crash: Callable[[int], None]) -> None:
        """``crash`` ends the process with a code: an engine that failed must not go on looking well."""
        self._driver = driver
        self._loop = loop
        self._crash = crash
        self._zero_s = loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._due_us: int | None = None
        self.lateness = Buckets(LATE_LE_S, 1_000_000)

    def now_us(self) -> int:
        """Whole µs since the engine's start."""
        return int((self._loop.time() - self._zero_s) * 1_000_000)

    def submit(self, job: Job, listener: Listener, since_us: int, sink: Sink | None = None) -> int:
        """As the driver's, now."""
        index = self._driven(lambda: self._driver.submit(job, listener, self.now_us(), sink, since_us))
        self._arm()
        return index

    def abort(self, index: int, listener: Listener) -> None:
        """As the driver's, now."""
        self.do(lambda now_us: self._driver.abort(index, listener, now_us))

    def call_off(self, index: int, listener: Listener) -> None:
        """As the driver's, now."""
        self.do(lambda now_us: self._driver.call_off(index, listener, now_us))

    def do(self, act: Callable[[int], None]) -> None:
        """Do something to the driver that needs the time and may change what comes next."""
        self._driven(lambda: act(self.now_us()))
        self._arm()

    def _driven(self, act: Callable[[], _Done]) -> _Done:
        """Whatever the driver fails at is the end of the process."""
        try:
            return act()
        except Exception:
            LOGGER.exception("EngineCore encountered a fatal error.")
            self._crash(CRASHED)
            raise

    def _arm(self) -> None:
        due_us = self._driver.next_us()
        if due_us == self._due_us and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due_us = due_us
        if due_us is not None:
            # One µs more: floats must not wake it a hair too early, for nothing.
            self._timer = self._loop.call_at(self._zero_s + (due_us + 1) / 1_000_000, self._fire)

    def _fire(self) -> None:
        self._timer = None
        now_us = self.now_us()
        if self._due_us is not None:
            self.lateness.observe(max(0, now_us - self._due_us))
        self._driven(lambda: self._driver.tick(now_us))
        self._arm()
