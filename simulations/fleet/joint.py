"""What the fleet needs of an engine: the joint of design 0001, so that tests can put a simple one in."""

from typing import Protocol

from scaler.decision.model import Samples
from simulations.engine.spec import EngineSpec
from simulations.requests import Outcomes

Prefix = tuple[tuple[int, int], ...]


class Engine(Protocol):
    """One replica's engine; lazy, so the fleet calls ``advance(t)`` before it looks or submits at ``t``."""

    running: int

    @property
    def waiting(self) -> int: ...

    def submit(
        self, index: int, input_tokens: int, output_tokens: int, prefix: Prefix, at_us: int
    ) -> None: ...

    def advance(self, to_us: int) -> None: ...

    def next_us(self) -> int | None: ...

    def abort(self, index: int, at_us: int) -> bool: ...

    def unfinished(self) -> list[int]: ...

    def kv_usage_ratio(self) -> float: ...

    def samples(self) -> Samples: ...


class MakeEngine(Protocol):
    """Starts the engine of one pod."""

    def __call__(
        self,
        spec: EngineSpec,
        outcomes: Outcomes,
        *,
        start_us: int,
        start_id: str,
        replica: int,
        cold_requests: int = 0,
        cold_extra_us: int = 0,
    ) -> Engine: ...
