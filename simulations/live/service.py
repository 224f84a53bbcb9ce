"""What the handlers share: the engine behind its pump, the model's name, faults and the metrics' body."""

import asyncio
import os
import time
import uuid
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from simulations.engine.models import load_model
from simulations.live.driver import Driver, Job
from simulations.live.families import Source, VllmCollector
from simulations.live.faults import Faults
from simulations.live.http_metrics import HttpMetrics
from simulations.live.lengths import Wish, draw
from simulations.live.logs import LOGGER
from simulations.live.prompts import Prompt, blocks
from simulations.live.pump import Pump
from simulations.live.refusals import bad_request, broken, too_few, too_long, too_much, unknown_model
from simulations.live.settings import Settings
from simulations.rng import stream

CRASHED = 1
"""Exit code of a crash that was asked for."""


class Service:
    """One engine being served. Made inside the event loop that serves it."""

    def __init__(self, settings: Settings, *, crash: Callable[[int], None] = os._exit) -> None:
        self.settings = settings
        self.created = int(time.time())
        self.spec = settings.spec()
        self.vocab = load_model(settings.model).vocab
        self.driver = Driver(self.spec, start_id=uuid.uuid4().hex)
        self.pump = Pump(self.driver, asyncio.get_running_loop())
        self.answering = 0
        """Completions under way, for /load."""
        self.registry = CollectorRegistry()
        self._fill_registry()
        self._lengths = stream(settings.seed, "lengths")
        self._luck = stream(settings.seed, "faults")
        self._crash = crash
        self._timer: asyncio.TimerHandle | None = None
        self._frozen: bytes | None = None
        self._taken = 0
        self.faults = Faults()
        self.set_faults(settings.faults)

    def _fill_registry(self) -> None:
        GCCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        ProcessCollector(registry=self.registry)
        source = Source(driver=self.driver, model_name=self.settings.name, created_s=time.time())
        self.registry.register(VllmCollector(source))
        self.http = HttpMetrics(self.registry)

    def metrics(self) -> bytes:
        """The body of /metrics, now or from when it froze."""
        return self._frozen or self._scraped()

    def _scraped(self) -> bytes:
        self.pump.do(self.driver.tick)
        return generate_latest(self.registry)

    def job(self, prompt: Prompt, most: int | None, least: int, *, ignore_eos: bool) -> Job:
        """What to submit for a prompt; a refusal where it does not fit the context."""
        wanted = self._most(prompt.tokens, most)
        if least > wanted:
            raise bad_request(f"min_tokens must be less than or equal to max_tokens={wanted}, got {least}.")
        wish = Wish(most=wanted, least=least, ignore_eos=ignore_eos)
        mean, sigma = self.settings.output_tokens_mean, self.settings.output_tokens_sigma
        output, reason = draw(wish, self._lengths, mean=mean, sigma=sigma)
        chain = blocks(prompt, self.spec.block_tokens) if self.spec.prefix_caching else ()
        return Job(prompt=prompt.tokens, output=output, max_tokens=wanted, reason=reason, blocks=chain)

    def _most(self, prompt: int, asked: int | None) -> int:
        """Output tokens at most: what was asked for, cut to what the prompt leaves of the context."""
        limit = self.spec.max_model_len
        if asked is not None and asked > limit:
            raise too_much(limit, asked)
        if prompt > limit:
            raise too_long(limit, prompt)
        most = limit - prompt if asked is None else min(asked, limit - prompt)
        if most < 1:
            raise too_few(most)
        return most

    def check_model(self, name: str | None) -> None:
        """A refusal unless it is this one; no name means this one."""
        if name not in (None, "", self.settings.name):
            raise unknown_model(str(name), self.settings.name)

    def take(self) -> None:
        """A completion has arrived: crash or fail here if that was asked for."""
        self._taken += 1
        after = self.faults.crash_after_requests
        if after is not None and self._taken >= after:
            self._die()
        if self.unlucky(self.faults.error_rate):
            raise broken("A fault that was asked for: error_rate.")

    def unlucky(self, share: float) -> bool:
        """True for that share of the calls."""
        return share > 0 and self._luck.random() < share

    def set_faults(self, wanted: Faults) -> None:
        """From now on these, and no others."""
        old, self.faults = self.faults, wanted
        self._taken = 0
        if wanted.hang and not old.hang:
            self.pump.do(self.driver.hang)
        if old.hang and not wanted.hang:
            self.pump.do(self.driver.unhang)
        if wanted.slow != old.slow:
            self.pump.do(lambda now_us: self.driver.set_pace(wanted.slow, now_us))
        if wanted.frozen_metrics != old.frozen_metrics:
            self._frozen = self._scraped() if wanted.frozen_metrics else None
        self._plan_crash(wanted)

    def _plan_crash(self, wanted: Faults) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wanted.crash_after_requests == 0:
            self._die()
        if wanted.crash_after_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(wanted.crash_after_s, self._die)

    def _die(self) -> None:
        LOGGER.error("EngineCore encountered a fatal error: a fault that was asked for")
        self._crash(CRASHED)
