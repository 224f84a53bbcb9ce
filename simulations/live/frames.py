"""Server-sent events of a stream, built once a request: a token costs two joins and no JSON."""

import json
from dataclasses import dataclass

from simulations.live.filler import WORD_BYTES

DONE = b"data: [DONE]\n\n"
FINGERPRINT = "vllm-0.32.0-hearth"
"""Where vLLM names its version and a hash of its configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every answer to one request begins with."""

    id: str
    created: int
    model: str

    def fields(self, kind: str) -> str:
        """The first four fields of its JSON, unclosed."""
        return (
            f'{{"id":"{self.id}","object":"{kind}","created":{self.created},"model":{json.dumps(self.model)}'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Pieces of the events of one choice. Text goes between ``head`` and a tail."""

    opening: bytes
    """An event of its own before the first token; empty where there is none."""
    head: bytes
    tail: bytes
    endings: tuple[tuple[str, bytes], ...]
    """(reason, what follows the last token up to the choice's end)."""

    def ending(self, reason: str) -> bytes:
        """The tail that says why it ended."""
        return dict(self.endings)[reason]


_REASONS = ("stop", "length", "abort")


def completion_frames(head: Head, index: int) -> Frames:
    """Of a choice of /v1/completions."""
    begin = head.fields("text_completion") + f',"choices":[{{"index":{index},"text":"'
    rest = '"prompt_token_ids":null,"token_ids":null}]'

    def tail(reason: str) -> bytes:
        return f'","logprobs":null,"finish_reason":{reason},"stop_reason":null,{rest}'.encode()

    return Frames(
        opening=b"",
        head=b"data: " + begin.encode(),
        tail=tail("null"),
        endings=tuple((reason, tail(f'"{reason}"')) for reason in _REASONS),
    )


def chat_frames(head: Head) -> Frames:
    """Of a chat; its first event names the role."""
    begin = head.fields("chat.completion.chunk") + ',"choices":[{"index":0,"delta":{'
    opening = begin + '"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]'

    def tail(rest: str) -> bytes:
        return f'"}},"logprobs":null,{rest},"token_ids":null}}]'.encode()

    return Frames(
        opening=b"data: " + opening.encode(),
        head=b"data: " + begin.encode() + b'"content":"',
        tail=tail('"finish_reason":null'),
        endings=tuple((why, tail(f'"finish_reason":"{why}","stop_reason":null')) for why in _REASONS),
    )


def usage_field(prompt: int, output: int) -> bytes:
    """``,"usage":{…}``."""
    return (
        f',"usage":{{"prompt_tokens":{prompt},"total_tokens":{prompt + output},"completion_tokens":{output}}}'
    ).encode()


def usage_event(head: Head, kind: str, prompt: int, output: int) -> bytes:
    """The last event but ``[DONE]``, where usage was asked for."""
    begin = head.fields(kind).encode() + b',"choices":[]' + usage_field(prompt, output)
    return b"data: " + begin + f',"system_fingerprint":"{FINGERPRINT}"'.encode() + CLOSE


CLOSE = b"}\n\n"
"""Ends every event."""


def in_chunk(data: bytes) -> bytes:
    """As a chunk of HTTP/1.1's chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def one_token(frames: Frames, *, chunked: bool) -> tuple[bytes, bytes]:
    """What goes before and after a single word: all of them have the same length."""
    before, after = frames.head, frames.tail + CLOSE
    if chunked:
        before = b"%x\r\n%b" % (len(before) + WORD_BYTES + len(after), before)
        after += b"\r\n"
    return before, after
