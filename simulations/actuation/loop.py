"""From a policy's answer to ``spec.replicas``: KEDA and the HPA on their own clocks, or neither."""

from dataclasses import dataclass

from simulations.actuation.hpa import Hpa
from simulations.actuation.keda import Keda, KedaResult
from simulations.actuation.settings import ActuationSettings
from simulations.policies.base import Ask, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one call of :meth:`Actuator.step` came to."""

    replicas: int | None
    """The new ``spec.replicas``; None: it stays as it is."""
    reason: str = ""
    """For the timeline, one clause for each controller that looked; empty when none was due."""


class Actuator:
    """Everything between ``Policy.tick`` and ``spec.replicas`` of one scale target.

    Call :meth:`step` right after every tick of the policy, and whenever :meth:`next_us` is due, with the
    newest :class:`Ask`. KEDA's poll and the HPA's sync both begin at ``start_us``, as they do when a
    ScaledObject is created (Kubernetes 1.37 queues a new HPA at once; before, it waited one period).
    """

    __slots__ = ("_hpa", "_keda", "_maximum", "_minimum", "_next_poll_us", "_next_sync_us", "_settings")

    def __init__(
        self, settings: ActuationSettings, min_replicas: int, max_replicas: int, *, start_us: int = 0
    ) -> None:
        self._settings = settings
        self._minimum = min_replicas
        self._maximum = max_replicas
        self._keda = Keda(settings.keda, min_replicas=min_replicas)
        self._hpa = Hpa(settings.hpa, min_replicas=max(1, min_replicas), max_replicas=max_replicas)
        self._next_poll_us = start_us
        self._next_sync_us = start_us

    def next_us(self) -> int | None:
        """When KEDA or the HPA looks next; None for a direct policy, which acts at its own ticks alone."""
        return None if self._settings.direct else min(self._next_poll_us, self._next_sync_us)

    def step(self, now_us: int, ask: Ask, spec: int, status: int, ready: int) -> Step:
        """Lets every controller look whose time has come. ``now_us`` never goes back.

        ``spec``: replicas asked for; ``status``: pods that exist and are not being deleted; ``ready``: pods
        whose Ready condition is true, draining ones included (Kubernetes counts them in metric kind ``Value``
        and in fallback). At one instant the push stream comes first, then KEDA's poll, then the HPA, which
        sees what KEDA wrote.
        """
        if self._settings.direct:
            return self._direct(ask, spec)
        pushed = self._keda.push(now_us, ask, spec_replicas=spec)
        polled = self._poll(now_us, ask, pushed.replicas, ready)
        replicas, synced = self._sync(now_us, ask, polled.replicas, status, ready)
        clauses = (pushed.reason, polled.reason, synced)
        return Step(
            replicas=replicas if replicas != spec else None, reason="; ".join(c for c in clauses if c)
        )

    def _direct(self, ask: Ask, spec: int) -> Step:
        if ask.replicas is None:
            return Step(replicas=None, reason=ask.reason)
        bounded = min(max(ask.replicas, self._minimum), self._maximum)
        return Step(replicas=bounded if bounded != spec else None, reason=ask.reason)

    def _poll(self, now_us: int, ask: Ask, spec: int, ready: int) -> KedaResult:
        if now_us < self._next_poll_us:
            return KedaResult(replicas=spec, reason="")
        self._next_poll_us += self._settings.keda.polling_us
        querying = self._hpa.scaling_active is True
        return self._keda.poll(now_us, ask, spec_replicas=spec, ready_pods=ready, hpa_queries=querying)

    def _sync(self, now_us: int, ask: Ask, spec: int, status: int, ready: int) -> tuple[int, str]:
        if now_us < self._next_sync_us:
            return spec, ""
        self._next_sync_us += self._settings.hpa.sync_us
        served: tuple[Metric, ...] = ()
        if self._hpa.reads_metrics(spec):
            served = self._keda.serve(ask, spec_replicas=spec, ready_pods=ready)
        result = self._hpa.sync(now_us, spec, status, ready, served)
        return result.replicas, result.explain()
