"""Drivers on a clock of their own, and listeners that remember."""

from simulations.engine.spec import EngineSpec
from simulations.live.driver import Driver, Job


class Heard:
    """Sink and listener of one request: the count at each time, and the end."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.sent = 0
        self.at: list[tuple[int, int]] = []
        """(µs, tokens by then)."""
        self.end: tuple[int, str] | None = None

    def send(self, total: int) -> None:
        """As a stream does."""
        self.sent = total
        self.at.append((self._driver.now_us, total))

    def done(self, total: int, reason: str) -> None:
        """The last tokens."""
        if reason != "abort":
            self.send(total)
        assert self.end is None
        self.end = (total, reason)


def a_job(
    prompt: int = 8, output: int = 5, *, reason: str = "length", blocks: tuple[tuple[int, int], ...] = ()
) -> Job:
    """A small request."""
    return Job(prompt=prompt, output=output, max_tokens=output, reason=reason, blocks=blocks)


def a_driver(spec: EngineSpec) -> Driver:
    """A driver at time 0."""
    return Driver(spec, start_id="test")


def run_out(driver: Driver) -> None:
    """Tick at every time that the driver names until it has nothing to do."""
    while (next_us := driver.next_us()) is not None:
        driver.tick(next_us)
