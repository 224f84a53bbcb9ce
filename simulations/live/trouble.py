"""Makes the faults happen that were asked for."""

import asyncio
import random
from collections.abc import Callable

from simulations.live.driver import Driver
from simulations.live.faults import Faults
from simulations.live.logs import LOGGER
from simulations.live.pump import CRASHED, Pump
from simulations.live.refusals import broken


class Trouble:
    """The faults of one engine. ``crash`` ends the process with a code."""

    def __init__(self, pump: Pump, driver: Driver, luck: random.Random, crash: Callable[[int], None]) -> None:
        self._pump = pump
        self._driver = driver
        self._luck = luck
        self._crash = crash
        self._timer: asyncio.TimerHandle | None = None
        self._taken = 0
        self.faults = Faults()

    def set(self, wanted: Faults) -> None:
        """From now on these, and no others. What stays as it was does not begin anew."""
        old, self.faults = self.faults, wanted
        if wanted.hang and not old.hang:
            self._pump.do(self._driver.hang)
        if old.hang and not wanted.hang:
            self._pump.do(self._driver.unhang)
        if wanted.slow != old.slow:
            self._pump.do(lambda now_us: self._driver.set_pace(wanted.slow, now_us))
        if wanted.crash_after_requests != old.crash_after_requests:
            self._taken = 0
            self._die_if_due()
        if wanted.crash_after_s != old.crash_after_s:
            self._die_after(wanted.crash_after_s)

    def take(self) -> None:
        """A completion has arrived: crash or refuse it if that is to happen."""
        self._taken += 1
        self._die_if_due()
        if self.unlucky(self.faults.error_rate):
            raise broken("A fault that was asked for: error_rate.")

    def unlucky(self, share: float) -> bool:
        """True for that share of the calls."""
        return share > 0 and self._luck.random() < share

    def _die_if_due(self) -> None:
        after = self.faults.crash_after_requests
        if after is not None and self._taken >= after:
            self._die()

    def _die_after(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._die)

    def _die(self) -> None:
        LOGGER.error("EngineCore encountered a fatal error: a fault that was asked for")
        self._crash(CRASHED)
