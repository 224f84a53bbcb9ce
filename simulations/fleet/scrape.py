"""How metrics reach a scaler: each pod is scraped at its own phase of the interval, and a scrape may be lost.

What was read stays until the next success, and grows old. An engine that restarts begins its counters from
zero under a new ``start_id``; a pod that is not ready answers nothing.
"""

from collections.abc import Callable

from scaler.decision.model import PodPhase
from simulations.fleet.pods import Pod
from simulations.kernel import Kernel, Priority
from simulations.rng import stream


class Scraper:
    """Scrapes replicas that serve or drain. ``catch_up`` is called before an engine's clock is moved."""

    def __init__(
        self, kernel: Kernel, seed: int, interval_us: int, loss: float, catch_up: Callable[[int], None]
    ) -> None:
        self._kernel = kernel
        self._seed = seed
        self._interval_us = interval_us
        self._loss = loss
        self._catch_up = catch_up

    def watch(self, pod: Pod, t_us: int) -> None:
        """``pod`` has become ready: scrape it from now on, at times that depend on its name alone."""
        luck = stream(self._seed, f"scrape/{pod.serial}")
        interval_us = self._interval_us
        phase_us = luck.randrange(interval_us)

        def scrape(now_us: int) -> None:
            if pod.deleted_us is not None:
                return
            if luck.random() >= self._loss:
                self._read(pod, now_us)
            self._kernel.at(now_us + interval_us, Priority.SCRAPE, scrape)

        self._kernel.at(t_us + (phase_us - t_us) % interval_us, Priority.SCRAPE, scrape)

    def _read(self, pod: Pod, t_us: int) -> None:
        engine = pod.engine
        assert engine is not None
        if pod.phase is PodPhase.READY:
            self._catch_up(t_us)
        engine.advance(t_us)
        pod.samples, pod.scraped_us = engine.samples(), t_us
