"""What will be sent, and when: a trace, and the body of each of its requests."""

import json
from dataclasses import dataclass
from enum import StrEnum

from simulations.errors import InputError
from simulations.load.prompts import Prompts, Words, letters, token_ids
from simulations.requests import Trace

LEAST_VOCABULARY = 100


class Kind(StrEnum):
    """How prompts are put to the server."""

    IDS = "ids"
    """``/v1/completions`` with token ids: as long as the trace says, to the token."""
    TEXT = "text"
    """``/v1/completions`` with text of four bytes a token, for servers that take no ids."""
    CHAT = "chat"
    """``/v1/chat/completions`` with one message of such text; the chat template comes on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The requests of one run. Request ``i`` is due ``trace.arrival_us[i]`` after the start."""

    trace: Trace
    kind: Kind
    prompts: Prompts
    opening: bytes
    """Of every body, up to the prompt."""
    closing: bytes
    """From the prompt to ``max_tokens``."""

    @property
    def path(self) -> str:
        """Where the requests go, under the server's address."""
        return "/v1/chat/completions" if self.kind is Kind.CHAT else "/v1/completions"

    def body(self, index: int) -> bytes:
        """The JSON that request ``index`` sends."""
        output = b"%d}" % self.trace.output_tokens[index]
        return b"".join((self.opening, self.prompts.render(index), self.closing, output))


def plan(trace: Trace, model: str, *, kind: Kind = Kind.IDS, seed: int = 0, vocabulary: int = 1000) -> Plan:
    """How ``trace`` is sent to ``model``: greedy, streamed, each output exactly as long as the trace's.

    ``vocabulary``: token ids stay below it. ``continuous_usage_stats`` makes each chunk say how many tokens
    there are so far (vLLM merges tokens into one chunk when a client or the server is late).

    Raises :class:`InputError` for a vocabulary too small to tell prompts apart.
    """
    if vocabulary < LEAST_VOCABULARY:
        raise InputError("--vocabulary", f"is {vocabulary}", f"give at least {LEAST_VOCABULARY}")
    before, after = _AROUND[kind]
    options = {
        "model": model,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        "ignore_eos": True,
    }
    head = json.dumps(options, separators=(",", ":")).encode().removesuffix(b"}")
    return Plan(
        trace=trace,
        kind=kind,
        prompts=Prompts(trace, _words(kind, vocabulary), seed),
        opening=head + before,
        closing=after,
    )


_AROUND = {
    Kind.IDS: (b',"prompt":[', b'],"max_tokens":'),
    Kind.TEXT: (b',"prompt":"', b'","max_tokens":'),
    Kind.CHAT: (b',"messages":[{"role":"user","content":"', b'"}],"max_tokens":'),
}


def _words(kind: Kind, vocabulary: int) -> Words:
    return token_ids(vocabulary) if kind is Kind.IDS else letters()
