"""The fleet's history as rows for reports: the truth, not what a scraper saw."""

from scaler.decision.model import PodPhase
from simulations.fleet.cluster import Cluster
from simulations.result import TimelineRow

PERIOD_US = 5_000_000


class Timeline:
    """One row every 5 s. Whoever decides sets ``wanted`` and ``reason``; a row shows the newest."""

    def __init__(self, cluster: Cluster) -> None:
        self.rows: list[TimelineRow] = []
        self.wanted: float | None = None
        self.reason = ""
        self._cluster = cluster
        self._arrived = 0

    def write(self, t_us: int) -> None:
        """The row of this moment."""
        cluster = self._cluster
        cluster.settle(t_us)
        serving = [pod.engine for pod in cluster.pods if pod.engine is not None]
        ready = [pod.engine for pod in cluster.router.ready if pod.engine is not None]
        self.rows.append(
            TimelineRow(
                t_us=t_us,
                wanted=self.wanted,
                spec=cluster.replicas,
                ready=len(ready),
                pending=sum(pod.phase in (PodPhase.UNSCHEDULED, PodPhase.STARTING) for pod in cluster.pods),
                waiting=len(cluster.router.queue) + sum(engine.waiting for engine in serving),
                running=sum(engine.running for engine in serving),
                kv=sum(engine.kv_usage_ratio() for engine in ready) / len(ready) if ready else None,
                arrival_rps=self._arrivals() * 1e6 / PERIOD_US,
                reason=self.reason,
            )
        )

    def _arrivals(self) -> int:
        """Since the last row."""
        before, self._arrived = self._arrived, self._cluster.kernel.arrived
        return self._arrived - before
