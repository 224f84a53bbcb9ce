"""What the handlers share: the engine behind its pump, what fits it, and the metrics' body."""

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
from simulations.live.prompts import Prompt, blocks
from simulations.live.pump import Pump
from simulations.live.refusals import bad_request, too_few, too_long, too_much, unknown_model
from simulations.live.settings import Settings
from simulations.live.trouble import Trouble
from simulations.rng import stream


class Service:
    """One engine being served. Made inside the event loop that serves it."""

    def __init__(self, settings: Settings, *, crash: Callable[[int], None] = os._exit) -> None:
        self.settings = settings
        self.created = int(time.time())
        self.spec = settings.spec()
        self.vocab = load_model(settings.model).vocab
        self.driver = Driver(self.spec, start_id=uuid.uuid4().hex)
        self.pump = Pump(self.driver, asyncio.get_running_loop(), crash)
        self.answering = 0
        """Completions under way, for /load."""
        self.leaving = False
        """The process is about to end: what comes now is called off at once."""
        self.registry = CollectorRegistry()
        self._fill_registry()
        self._lengths = stream(settings.seed, "lengths")
        self._frozen: bytes | None = None
        self.trouble = Trouble(self.pump, self.driver, stream(settings.seed, "faults"), crash)
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

    def set_faults(self, wanted: Faults) -> None:
        """From now on these, and no others."""
        if wanted.frozen_metrics != (self._frozen is not None):
            self._frozen = self._scraped() if wanted.frozen_metrics else None
        self.trouble.set(wanted)
