"""Sends a plan, open loop: each request at its time and in a task of its own, whatever the server does.

Connections are fresh and unlimited, as from as many callers: no request waits for another one's connection,
none meets one that the server is about to close, and a Service spreads each anew.
"""

import asyncio
import errno
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from yarl import URL

from simulations.load.plan import Plan
from simulations.load.recording import Failure, Recording
from simulations.load.stream import Stream

LAG_PERIOD_S = 0.05
_MESSAGE_BYTES = 600
_HEADERS = {"Content-Type": "application/json", "Accept": "text/event-stream"}
_WORTH_RETRYING = frozenset({408, 429})
"""Of the 4xx: the same request may be welcome later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the plan goes, and how patient its callers are."""

    url: str
    """Of the server, without ``/v1``."""
    timeout_s: float | None = None
    """Of one attempt, connecting included; None: callers wait."""
    retries: int = 0
    retry_delay_s: float = 1.0
    grace_s: float = 300.0
    """How long after the last arrival answers are waited for: the simulator judges that span too."""


@dataclass(slots=True)
class Live:
    """How far a run is, for whoever shows it meanwhile."""

    sent: int = 0
    in_flight: int = 0
    completed: int = 0
    failed: int = 0
    tokens_out: int = 0


async def replay(
    plan: Plan, target: Target, *, stop: asyncio.Event | None = None, live: Live | None = None
) -> Recording:
    """Send everything and wait for the answers; ``stop`` ends it early with what came by then.

    What goes wrong with a request is recorded, never raised.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None),
        headers=_HEADERS,
    ) as session:
        return await _Run(plan, target, session, live or Live()).play(stop or asyncio.Event())


class _AttemptError(Exception):
    """An attempt ended without a whole answer."""

    def __init__(self, failure: Failure, message: str) -> None:
        self.failure, self.message = failure, message
        super().__init__(message)


class _Run:
    def __init__(self, plan: Plan, target: Target, session: aiohttp.ClientSession, live: Live) -> None:
        self._plan = plan
        self._target = target
        self._session = session
        self._live = live
        self._url = URL(target.url + plan.path)
        self._recording = Recording(plan.trace)
        self._requests: set[asyncio.Task[None]] = set()
        self._start_ns = time.monotonic_ns()

    def _now_us(self) -> int:
        return (time.monotonic_ns() - self._start_ns) // 1000

    async def play(self, stop: asyncio.Event) -> Recording:
        recording = self._recording
        recording.started_unix_s, cpu_s = time.time(), time.process_time()
        self._start_ns = time.monotonic_ns()
        async with asyncio.TaskGroup() as group:
            lag = group.create_task(_watch_lag(recording.lag_us))
            sender = group.create_task(self._send_all(group))
            stopped = group.create_task(stop.wait())
            await asyncio.wait({sender, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if self._requests and not stop.is_set():
                answers = group.create_task(asyncio.wait(set(self._requests)))
                await asyncio.wait(
                    {answers, stopped}, timeout=self._target.grace_s, return_when=asyncio.FIRST_COMPLETED
                )
                answers.cancel()
            for task in (lag, sender, stopped, *self._requests):
                task.cancel()
        recording.ended_us, recording.cpu_s = self._now_us(), time.process_time() - cpu_s
        recording.interrupted = stop.is_set()
        return recording

    async def _send_all(self, group: asyncio.TaskGroup) -> None:
        for index, due_us in enumerate(self._plan.trace.arrival_us):
            wait_us = due_us - self._now_us()
            if wait_us > 0:
                await asyncio.sleep(wait_us / 1e6)
            task = group.create_task(self._request(index))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    async def _request(self, index: int) -> None:
        live = self._live
        live.sent += 1
        live.in_flight += 1
        try:
            if await self._until_answered(index):
                live.completed += 1
                live.tokens_out += self._recording.tokens_out[index]
            else:
                live.failed += 1
                self._recording.gave_up(index, self._now_us())
        finally:
            live.in_flight -= 1

    async def _until_answered(self, index: int) -> bool:
        """Whether a whole answer came, within the retries."""
        for attempt in range(1 + self._target.retries):
            if attempt:
                await asyncio.sleep(self._target.retry_delay_s)
            if await self._attempt(index):
                return True
            if self._final(index):
                return False
        return False

    def _final(self, index: int) -> bool:
        """The server understood, and refused: a 4xx."""
        status = self._recording.status[index]
        refused = self._recording.failures[index] is Failure.STATUS and 400 <= status < 500
        return refused and status not in _WORTH_RETRYING

    async def _attempt(self, index: int) -> bool:
        recording, answer = self._recording, Stream()
        recording.began(index, self._now_us())
        try:
            with _failures():
                async with asyncio.timeout(self._target.timeout_s):
                    await self._exchange(index, answer)
        except _AttemptError as failed:
            recording.failed(index, failed.failure, failed.message, answer)
            return False
        except asyncio.CancelledError:
            recording.cut(index, answer)
            raise
        recording.succeeded(index, answer, self._now_us())
        return True

    async def _exchange(self, index: int, answer: Stream) -> None:
        recording = self._recording
        async with self._session.post(self._url, data=self._plan.body(index)) as response:
            recording.status[index] = response.status
            if response.status != 200:
                body = await response.content.read(_MESSAGE_BYTES)
                raise _AttemptError(Failure.STATUS, body.decode(errors="replace"))
            read = response.content.readany
            while not answer.done and (data := await read()):
                answer.feed(data, self._now_us())
        if answer.error is not None:
            raise _AttemptError(Failure.ERROR, answer.error)
        if answer.finished == "abort":
            raise _AttemptError(Failure.ABORTED, f"the server gave it up after {answer.tokens_out} tokens")
        if answer.finished is None:
            raise _AttemptError(
                Failure.BROKEN, f"the stream ended after {answer.tokens_out} tokens, unfinished"
            )


@contextmanager
def _failures() -> Iterator[None]:
    """What can go wrong with one attempt, by class."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        refused = error.os_error.errno == errno.ECONNREFUSED
        raise _AttemptError(Failure.REFUSED if refused else Failure.UNREACHABLE, str(error)) from None
    except TimeoutError:
        raise _AttemptError(Failure.TIMEOUT, "no whole answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise _AttemptError(Failure.BROKEN, f"{type(error).__name__}: {error}".rstrip(": ")) from None
    except ValueError as error:
        raise _AttemptError(Failure.ERROR, f"no event stream: {error}") from None


async def _watch_lag(lag_us: "array[int]") -> None:
    """Note every 50 ms how late the loop wakes up. Up to 1 ms is the resolution of its timers."""
    while True:
        asleep_ns = time.monotonic_ns()
        await asyncio.sleep(LAG_PERIOD_S)
        lag_us.append(max(0, (time.monotonic_ns() - asleep_ns) // 1000 - round(LAG_PERIOD_S * 1e6)))
