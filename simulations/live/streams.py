"""Answers under way: where the driver's tokens become bytes on a connection, or one body at the end."""

import asyncio
from collections.abc import Callable

from simulations.live import filler
from simulations.live.filler import word
from simulations.live.frames import CLOSE, DONE, Frames, in_chunk, one_token, usage_field

MOST_UNSENT_BYTES = 1 << 16
"""A client that reads more slowly than this gets its tokens later and several at once, as from vLLM."""


class Wire:
    """A connection in the middle of a streamed body. Written to directly: a write through the HTTP library
    costs several times as much."""

    __slots__ = ("_transport", "chunked")

    def __init__(self, transport: asyncio.WriteTransport, *, chunked: bool) -> None:
        self._transport = transport
        self.chunked = chunked

    def ready(self) -> bool:
        """Whether more can be written without piling it up."""
        transport = self._transport
        return transport.get_write_buffer_size() <= MOST_UNSENT_BYTES and not transport.is_closing()

    def write(self, framed: bytes) -> None:
        """Bytes that are in a chunk already, where the body is chunked."""
        if not self._transport.is_closing():
            self._transport.write(framed)

    def event(self, data: bytes) -> None:
        """Whole events."""
        self.write(in_chunk(data) if self.chunked else data)


Ended = Callable[[int], None]
"""Takes the tokens of a choice that has ended."""


class Stream:
    """One choice of a streamed answer. ``ended`` is called once, after its last event."""

    __slots__ = ("_after", "_before", "_ended", "_frames", "_prompt", "_seed", "_usage", "_wire", "sent")

    def __init__(
        self, wire: Wire, frames: Frames, *, prompt: int, seed: int, usage: bool, ended: Ended
    ) -> None:
        self._wire = wire
        self._frames = frames
        self._before, self._after = one_token(frames, chunked=wire.chunked)
        self._prompt = prompt
        self._seed = seed
        self._usage = usage
        self._ended = ended
        self.sent = 0

    def send(self, total: int) -> None:
        """Tokens up to ``total``, in one event; later if the client does not keep up."""
        wire = self._wire
        if not wire.ready():
            return
        sent = self.sent
        if total - sent == 1 and sent and not self._usage:
            wire.write(self._before + word(self._seed, sent) + self._after)
        else:
            self._first()
            wire.event(self._event(total, filler.text(self._seed, sent, total), self._frames.tail))
        self.sent = total

    def done(self, total: int, reason: str) -> None:
        """The last tokens and why they are the last. Where a model stops, its last token is no word."""
        self._first()
        total = max(total, self.sent)
        words = max(total - 1 if reason == "stop" else total, self.sent)
        text = filler.text(self._seed, self.sent, words)
        self._wire.event(self._event(total, text, self._frames.ending(reason)))
        self.sent = total
        self._ended(total)

    def _first(self) -> None:
        if not self.sent and self._frames.opening:
            self._wire.event(
                self._frames.opening + (usage_field(self._prompt, 0) if self._usage else b"") + CLOSE
            )

    def _event(self, total: int, text: bytes, tail: bytes) -> bytes:
        usage = usage_field(self._prompt, total) if self._usage else b""
        return self._frames.head + text + tail + usage + CLOSE


class Whole:
    """One choice of an answer that is sent as a whole."""

    __slots__ = ("_ended", "reason", "seed", "total")

    def __init__(self, *, seed: int, ended: Ended) -> None:
        self.seed = seed
        self.total = 0
        self.reason = ""
        self._ended = ended

    def done(self, total: int, reason: str) -> None:
        """It is complete."""
        self.total, self.reason = total, reason
        self._ended(total)

    def text(self) -> str:
        """All its words."""
        words = self.total - 1 if self.reason == "stop" else self.total
        return filler.text(self.seed, 0, words).decode()


class Gathering:
    """Waits for all choices of an answer; ``finish`` gets their tokens when the last of them has ended."""

    def __init__(self, choices: int, finish: Callable[[int], None] | None = None) -> None:
        self._left = choices
        self._finish = finish
        self.tokens = 0
        self.all_done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def ended(self, tokens: int) -> None:
        """One of them has ended, with so many tokens."""
        self.tokens += tokens
        self._left -= 1
        if self._left or self.all_done.done():
            return
        if self._finish is not None:
            self._finish(self.tokens)
        self.all_done.set_result(None)


def close_stream(wire: Wire, usage: bytes) -> None:
    """The last events of a streamed answer: its usage (or nothing), and ``[DONE]``."""
    wire.event(usage + DONE)
