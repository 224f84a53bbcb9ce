"""The process: bind, start up, serve, and end the way vLLM ends."""

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import Coroutine

from aiohttp import web

from simulations.errors import InputError
from simulations.live.app import build
from simulations.live.logs import LOGGER, set_up
from simulations.live.loop import precise_loop
from simulations.live.service import Service
from simulations.live.settings import Settings
from simulations.live.startup import phases, spread

EXIT_INTERRUPTED = 130
KEEP_ALIVE_S = 5.0
"""Idle connections are closed after it (vLLM's VLLM_HTTP_TIMEOUT_KEEP_ALIVE)."""
BACKLOG = 2048
"""Connections that may wait to be accepted (uvicorn's default)."""
CUT_OFF_S = 0.1
"""Handlers that are cancelled have this long to close."""
POLL_S = 0.02


def serve(settings: Settings) -> int:
    """Serve until a signal ends it; the exit code."""
    set_up(settings.log_format)
    settings.spec()  # what cannot be is said before anything is bound
    with bound(settings.host, settings.port) as listener, asyncio.Runner(loop_factory=precise_loop) as runner:
        return runner.run(_Process(settings, listener).run())


def bound(host: str, port: int) -> socket.socket:
    """A socket that holds the port and does not listen: as vLLM does, so that a port in use is told at once
    and connections are refused until the engine serves."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        listener.close()
        raise _unbound(error, host, port) from None
    return listener


def _unbound(error: Exception, host: str, port: int) -> InputError:
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return InputError(f"--port {port}", "is in use", "stop what listens there, or choose another port")
    if code == errno.EACCES:
        return InputError(f"--port {port}", "is not for everybody", "choose one above 1023")
    return InputError(f"--host {host}", "is no address of this machine", "give one, such as 127.0.0.1")


class _Process:
    """One run, from start-up to its exit code."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._ending = asyncio.Event()
        self._code = 0
        self._signals = 0

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        service = Service(self._settings)
        await self._until_ending(self._start_up(service))
        if not self._ending.is_set():
            runner = await self._open(service)
            await self._ending.wait()
            await self._stop(service, runner)
        return self._code

    def _signalled(self, number: signal.Signals) -> None:
        self._signals += 1
        if not self._ending.is_set():
            self._code = EXIT_INTERRUPTED if number == signal.SIGINT else 0
        self._ending.set()

    async def _until_ending(self, work: Coroutine[None, None, None]) -> None:
        """Do it, or as much of it as there is time for before a signal comes."""
        doing, ending = asyncio.create_task(work), asyncio.create_task(self._ending.wait())
        done, pending = await asyncio.wait((doing, ending), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()

    async def _start_up(self, service: Service) -> None:
        settings = self._settings
        seconds: dict[str, float] = {str(name): s for name, s in settings.startup_phases.items()}
        if settings.startup_seconds:
            seconds = spread(settings.startup_seconds, service.spec.weights_bytes)
        for phase in phases(service.spec, seconds, settings.time_scale):
            for line in phase.before:
                LOGGER.info("%s", line)
            await asyncio.sleep(phase.seconds)
            for line in phase.after:
                LOGGER.info("%s", line)

    async def _open(self, service: Service) -> web.AppRunner:
        """Listen from now on."""
        runner = web.AppRunner(
            build(service),
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE_S,
            shutdown_timeout=CUT_OFF_S,
        )
        await runner.setup()
        try:
            await web.SockSite(runner, self._listener, backlog=BACKLOG).start()
        except OSError as error:  # another process bound the port too, and listened first
            await runner.cleanup()
            raise _unbound(error, self._settings.host, self._settings.port) from None
        host, port = self._listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        LOGGER.info("Starting vLLM API server 0 on http://%s:%d", shown, port)
        LOGGER.info("Application startup complete.")
        gc.collect()
        gc.freeze()  # what is here stays: later collections need not look at it
        return runner

    async def _stop(self, service: Service, runner: web.AppRunner) -> None:
        """As vLLM: nothing new is served; what runs is aborted, or may end within --shutdown-timeout."""
        LOGGER.info("Shutting down; %d requests under way", len(service.driver))
        service.leaving = True
        for site in list(runner.sites):
            await site.stop()
        now_s = asyncio.get_running_loop().time
        deadline_s = now_s() + self._settings.shutdown_timeout
        while len(service.driver) and self._signals < 2 and now_s() < deadline_s:
            await asyncio.sleep(POLL_S)
        service.pump.do(service.driver.abort_all)
        await runner.shutdown()
        await runner.cleanup()
        late = service.pump.lateness.snapshot()
        pairs = (f"{count:.0f} <= {le:g} s" for le, count in zip(late.le, late.counts, strict=True))
        LOGGER.info("Wake-ups of the engine's clock by lateness: %s", ", ".join(pairs))
        LOGGER.info("Application shutdown complete.")
