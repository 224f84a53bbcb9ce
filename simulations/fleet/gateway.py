"""What an inference gateway knows at one moment, for laws whose authors assume one."""

from simulations.fleet.cluster import Cluster
from simulations.policies.base import Gateway
from simulations.requests import ABSENT


class GatewayView:
    """Builds :class:`Gateway` values; each costs what is in flight and new, not the whole trace."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._arrived = 0
        self._input_tokens = 0
        self._output_tokens = 0
        self._open: set[int] = set()
        """Requests that had arrived by the last look and were neither finished nor dropped."""

    def at(self, t_us: int) -> Gateway:
        """The gateway's knowledge at ``t_us``."""
        cluster = self._cluster
        cluster.settle(t_us)
        self._count(cluster.kernel.arrived)
        queue = cluster.router.queue
        in_flight = [i for pod in cluster.pods if pod.engine is not None for i in pod.engine.unfinished()]
        return Gateway(
            in_flight=len(in_flight) + len(queue),
            queued=len(queue),
            in_flight_prompt_tokens=self._prompt_tokens([*in_flight, *queue]),
            arrivals_total=self._arrived,
            input_tokens_total=self._input_tokens,
            output_tokens_total=self._output_tokens,
        )

    def _count(self, arrived: int) -> None:
        """Requests that came, and tokens of those that ended, since the last look."""
        trace, outcomes = self._cluster.trace, self._cluster.outcomes
        finished_us, dropped_us = outcomes.finished_us, outcomes.dropped_us
        self._input_tokens += sum(trace.input_tokens[self._arrived : arrived])
        self._open.update(range(self._arrived, arrived))
        ended = [i for i in self._open if finished_us[i] != ABSENT or dropped_us[i] != ABSENT]
        self._output_tokens += sum(trace.output_tokens[i] for i in ended if finished_us[i] != ABSENT)
        self._open.difference_update(ended)
        self._arrived = arrived

    def _prompt_tokens(self, indices: list[int]) -> int:
        """Of requests whose first token is outstanding."""
        tokens, first_us = self._cluster.trace.input_tokens, self._cluster.outcomes.first_token_us
        return sum(tokens[index] for index in indices if first_us[index] == ABSENT)
