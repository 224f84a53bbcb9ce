"""What became of each request of a live run: the simulator's columns, and those that only a live run has."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from simulations.load.stream import Stream
from simulations.requests import ABSENT, Outcomes, Trace


class Failure(StrEnum):
    """Why an attempt brought no whole answer."""

    REFUSED = "refused"
    """Nobody listens: connection refused."""
    UNREACHABLE = "unreachable"
    """No connection for another reason: no route, no such name, no port left on this side."""
    STATUS = "status"
    """An HTTP status other than 200."""
    ERROR = "error"
    """An error in the stream in place of tokens, or a stream that is none."""
    BROKEN = "broken"
    """The connection ended before the answer did."""
    ABORTED = "aborted"
    """The server gave it up: finish reason ``abort``, as of a vLLM that is being terminated."""
    TIMEOUT = "timeout"
    """Not whole within the caller's patience."""


@dataclass(slots=True)
class Recording:
    """Times are µs since the start of the run; ABSENT where a thing never happened."""

    trace: Trace
    outcomes: Outcomes = field(init=False)
    """As the simulator's; an arrival is the time at which a request was due, whenever it was sent."""
    sent_us: "array[int]" = field(init=False)
    """When the first attempt began to connect; later than due by what the generator was late."""
    tokens_in: "array[int]" = field(init=False)
    """By the server's usage."""
    tokens_out: "array[int]" = field(init=False)
    """Of whole answers and of broken ones, as far as they came."""
    chunks: "array[int]" = field(init=False)
    status: "array[int]" = field(init=False)
    """HTTP status of the last attempt that got one."""
    failures: list[Failure | None] = field(init=False)
    """Of the last attempt; None: whole, or under way when the run ended."""
    gaps_us: "list[array[int] | None]" = field(init=False)
    """Between the tokens of whole answers."""
    messages: dict[str, str] = field(default_factory=dict)
    """The first message of each class of failure."""
    lag_us: "array[int]" = field(default_factory=lambda: array("q"))
    """How late the event loop woke up when it had nothing to wait for: the error of every time above."""
    started_unix_s: float = 0.0
    """Wall-clock time of the start."""
    ended_us: int = 0
    cpu_s: float = 0.0
    """Of the generator's process."""
    interrupted: bool = False
    """Someone stopped it: what was not sent by then, never was."""

    def __post_init__(self) -> None:
        size = len(self.trace)
        self.outcomes = Outcomes(size)
        for name in ("sent_us", "tokens_in", "tokens_out", "chunks", "status"):
            setattr(self, name, array("q", [ABSENT]) * size)
        self.failures = [None] * size
        self.gaps_us = [None] * size

    def began(self, index: int, at_us: int) -> None:
        """An attempt begins to connect."""
        if self.sent_us[index] == ABSENT:
            self.sent_us[index] = at_us
        self.outcomes.attempts[index] += 1

    def succeeded(self, index: int, answer: Stream, at_us: int) -> None:
        """A whole answer came; it ended with its last token, an empty one at ``at_us``."""
        self._keep(index, answer)
        self.failures[index] = None
        self.gaps_us[index] = answer.gaps_us
        self.outcomes.finished_us[index] = at_us if answer.last_us is None else answer.last_us

    def failed(self, index: int, failure: Failure, message: str, answer: Stream) -> None:
        """An attempt ended without; whether another one follows is the caller's."""
        self._keep(index, answer)
        self.failures[index] = failure
        self.messages.setdefault(self.label(index), message)

    def cut(self, index: int, answer: Stream) -> None:
        """The run ended before the answer did."""
        self._keep(index, answer)

    def gave_up(self, index: int, at_us: int) -> None:
        """No attempt follows."""
        self.outcomes.dropped_us[index] = at_us

    def label(self, index: int) -> str:
        """The class of a failure: ``refused``, ``HTTP 503`` …; empty for none."""
        failure = self.failures[index]
        if failure is None:
            return ""
        return f"HTTP {self.status[index]}" if failure is Failure.STATUS else failure.value

    def _keep(self, index: int, answer: Stream) -> None:
        self.outcomes.first_token_us[index] = ABSENT if answer.first_us is None else answer.first_us
        self.tokens_in[index] = ABSENT if answer.tokens_in is None else answer.tokens_in
        self.tokens_out[index] = answer.tokens_out
        self.chunks[index] = answer.chunks

    def served(self) -> Trace:
        """The trace with the outputs that came instead of those asked for: means count real tokens."""
        came = [
            out if finished != ABSENT else asked
            for out, finished, asked in zip(
                self.tokens_out, self.outcomes.finished_us, self.trace.output_tokens, strict=True
            )
        ]
        return replace(self.trace, output_tokens=array("q", came))

    def sent(self) -> Sequence[int]:
        """Indices of the requests that were sent."""
        return [index for index, at in enumerate(self.sent_us) if at != ABSENT]
