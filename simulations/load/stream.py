"""Reads one streamed answer: when tokens came, how many, and how it ended. Pure; times are the caller's.

Tokens that arrive together share the gap before them, whether the server merged them into one chunk or
several chunks arrived in one read: 3 tokens after 30 ms are three gaps of 10 ms. Those that come with the
first token have no gap of their own to share: it is 0. A server that says only at the end how many tokens
there were counts as one token a chunk; if that does not add up, its gaps are the request's mean.
"""

import json
from array import array
from typing import Any

_USAGE = b'"completion_tokens":'
_PROMPT = b'"prompt_tokens":'
_FINISH = b'"finish_reason":'
_DONE = b"[DONE]"
MOST_TOKENS = 10_000_000
"""More than any context: whoever counts further is no such server."""
MOST_EVENT_BYTES = 1 << 20
_DIGITS = (b" ", *(b"%d" % digit for digit in range(10)))


class Stream:
    """One answer as it arrives. ``feed`` every read, then look."""

    __slots__ = (
        "_by_chunk",
        "_rest",
        "_total",
        "chunks",
        "done",
        "error",
        "finished",
        "first_us",
        "gaps_us",
        "last_us",
        "tokens_in",
        "tokens_out",
    )

    def __init__(self) -> None:
        self._rest = b""
        self._by_chunk = False
        self._total = 0
        self.first_us: int | None = None
        self.last_us: int | None = None
        """When the last token came."""
        self.gaps_us = array("q")
        """Between tokens: one fewer than ``tokens_out``."""
        self.chunks = 0
        """Events that brought tokens."""
        self.tokens_in: int | None = None
        """By the server's usage; None: it never said."""
        self.tokens_out = 0
        self.finished: str | None = None
        """The server's finish reason."""
        self.error: str | None = None
        """The message of an error that came in place of tokens."""
        self.done = False
        """``[DONE]`` came."""

    def feed(self, data: bytes, at_us: int) -> None:
        """The bytes of one read that ended at ``at_us``. Raises ValueError for what is no event stream."""
        *events, self._rest = (self._rest + data).replace(b"\r\n", b"\n").split(b"\n\n")
        if len(self._rest) > MOST_EVENT_BYTES:
            raise ValueError(f"an event without end: {self._rest[:80]!r}")
        before = self.tokens_out
        for event in events:
            found = event.rfind(_USAGE)
            if found < 0:
                self._without_usage(event)
            else:
                self._with_usage(event, _number(event, found + len(_USAGE)))
        if self.tokens_out > before:
            self._arrived(self.tokens_out - before, at_us)
        if self._total > self.tokens_out:
            self._recount(self._total)

    def _with_usage(self, event: bytes, tokens: int) -> None:
        if self._by_chunk:
            self._total = tokens
        elif tokens > self.tokens_out:
            self.chunks += 1
            self.tokens_out = tokens
        self.finished = _text(event, _FINISH) or self.finished
        if self.tokens_in is None and (found := event.rfind(_PROMPT)) >= 0:
            self.tokens_in = _number(event, found + len(_PROMPT))

    def _without_usage(self, event: bytes) -> None:
        """``[DONE]``, a comment, an error, or the chunk of a server that counts only at the end."""
        payload = b"".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
        if payload == _DONE:
            self.done = True
        elif payload:
            try:
                self._chunk(json.loads(payload))
            except (AttributeError, TypeError, RecursionError):
                raise ValueError(f"not what a chunk looks like: {payload[:80]!r}") from None

    def _chunk(self, chunk: Any) -> None:
        if chunk.get("error"):
            error = chunk["error"]
            self.error = str(error.get("message", error) if isinstance(error, dict) else error)
            return
        for choice in chunk.get("choices", ()):
            if choice.get("text") or (choice.get("delta") or {}).get("content"):
                self.chunks += 1
                self.tokens_out += 1
                self._by_chunk = True
            self.finished = choice.get("finish_reason") or self.finished

    def _arrived(self, tokens: int, at_us: int) -> None:
        if self.last_us is None:
            self.first_us = at_us
            self.gaps_us.extend([0] * (tokens - 1))
        else:
            self.gaps_us.extend(_shares(at_us - self.last_us, tokens))
        self.last_us = at_us

    def _recount(self, tokens: int) -> None:
        """Chunks held ``tokens`` together, which held how many is not known."""
        assert self.first_us is not None  # only chunks that count set _total
        assert self.last_us is not None
        self.tokens_out = tokens
        self.gaps_us = array("q", _shares(self.last_us - self.first_us, tokens - 1))


def _shares(span_us: int, parts: int) -> list[int]:
    """``span_us`` in whole, nearly equal parts: 10 in 3 is 3, 3, 4."""
    part, larger = divmod(span_us, parts)
    return [part] * (parts - larger) + [part + 1] * larger


def _number(text: bytes, start: int) -> int:
    """The whole number that begins at ``start``, after blanks if any."""
    end = start
    while text[end : end + 1] in _DIGITS:
        end += 1
    number = int(text[start:end])
    if number > MOST_TOKENS:
        raise ValueError(f"no count of tokens: {text[start:end][:80]!r}")
    return number


def _text(event: bytes, key: bytes) -> str | None:
    """The string that follows ``key``; None if there is no such key, or ``null`` follows."""
    found = event.rfind(key)
    value = event[found + len(key) :].lstrip() if found >= 0 else b""
    return value[1 : value.index(b'"', 1)].decode() if value.startswith(b'"') else None
