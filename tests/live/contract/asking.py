"""Plain HTTP to an engine: whole answers, and streams event by event."""

import http.client
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.live.contract.target import Target

PATIENCE_S = 60.0
_seeds = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer."""

    status: int
    kind: str
    """Content type."""
    text: str

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.text)


def connect(target: Target) -> http.client.HTTPConnection:
    """A connection of its own."""
    parts = urlsplit(target.url)
    assert parts.hostname is not None
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE_S)


def ask(target: Target, method: str, path: str, body: Any = None) -> Answer:
    """One request; ``body`` is sent as JSON unless it is bytes."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection = connect(target)
    try:
        connection.request(method, path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return Answer(
            status=response.status,
            kind=response.headers.get("Content-Type", ""),
            text=response.read().decode(),
        )
    finally:
        connection.close()


def completion(target: Target, **fields: Any) -> Answer:
    """POST /v1/completions with the target's model."""
    return ask(target, "POST", "/v1/completions", {"model": target.model, **fields})


def chat(target: Target, **fields: Any) -> Answer:
    """POST /v1/chat/completions with one message."""
    messages = [{"role": "user", "content": "How warm is a hearth?"}]
    return ask(
        target, "POST", "/v1/chat/completions", {"model": target.model, "messages": messages, **fields}
    )


def events(text: str) -> list[Any]:
    """The events of a stream that has ended, parsed; ``[DONE]`` as the string that it is."""
    found = []
    for event in text.split("\n\n"):
        if event.strip():
            assert event.startswith("data: "), event
            found.append(parsed(event))
    return found


def parsed(event: str) -> Any:
    """The value of one event."""
    data = event.removeprefix("data: ").strip()
    return data if data == "[DONE]" else json.loads(data)


def prompt(target: Target, tokens: int) -> list[int]:
    """Token ids that no other test has sent."""
    rng = random.Random(f"prompt {next(_seeds)}")
    return [rng.randrange(10, target.vocab) for _ in range(tokens)]


class OpenStream:
    """A streamed completion under way: events one by one, and the way out."""

    def __init__(self, target: Target, **fields: Any) -> None:
        self._connection = connect(target)
        body = {"model": target.model, "stream": True, "ignore_eos": True, **fields}
        self._connection.request(
            "POST", "/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        self._response = self._connection.getresponse()
        assert self._response.status == 200

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """The next event; an error if the stream breaks before its end."""
        while line := self._response.readline():
            if line.strip():
                return parsed(line.decode())
        raise StopIteration

    def leave(self) -> None:
        """Close the connection, whatever was still to come."""
        self._response.close()
        self._connection.close()
