"""A small OpenAI-compatible server on loopback that behaves, or misbehaves, as a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Body = dict[str, Any]


@dataclass(slots=True)
class Behaviour:
    """What the server does with a request; as it stands, it answers at once, a chunk a token."""

    first_s: float = 0.0
    """Before the first token."""
    gap_s: float = 0.0
    """Between two chunks."""
    tokens_a_chunk: int = 1
    usage: str = "each"
    """``each`` chunk says how many tokens there are, or only the ``last`` one does."""
    status: Callable[[int], int] = lambda _nth: 200
    """HTTP status of the n-th request, counted from 0."""
    hang: bool = False
    """Accept, and never answer."""
    reset_after: int | None = None
    """Cut the connection after so many tokens."""
    error_after: int | None = None
    """Send an error in the stream after so many tokens."""
    stop_after: int | None = None
    """End the output there, though more was asked for."""
    stop_reason: str = "stop"
    """Why it ended there."""
    holds: bool = False
    """Keep the connection open after the end."""
    max_model_len: int | None = None


@dataclass(slots=True)
class Server:
    """A running server, and what it was asked."""

    behaviour: Behaviour
    url: str = ""
    bodies: list[Body] = field(default_factory=list)
    open: int = 0
    """Requests under way."""
    most_open: int = 0

    async def models(self, _request: web.Request) -> web.Response:
        """``GET /v1/models``."""
        item: Body = {"id": "tiny", "object": "model"}
        if self.behaviour.max_model_len is not None:
            item["max_model_len"] = self.behaviour.max_model_len
        return web.json_response({"object": "list", "data": [item]})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """``POST /v1/completions`` and ``/v1/chat/completions``."""
        body = await request.json()
        self.bodies.append(body)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await self._answer(request, body, len(self.bodies) - 1)
        finally:
            self.open -= 1

    async def _answer(self, request: web.Request, body: Body, nth: int) -> web.StreamResponse:
        how = self.behaviour
        if (status := how.status(nth)) != 200:
            return web.json_response({"error": {"message": "not today", "code": status}}, status=status)
        if how.hang:
            await asyncio.sleep(60)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await self._stream(request, response, body)
        return response

    async def _stream(self, request: web.Request, response: web.StreamResponse, body: Body) -> None:
        how, chat = self.behaviour, "messages" in body
        total = min(body["max_tokens"], how.stop_after or body["max_tokens"])
        given = 0
        await asyncio.sleep(how.first_s)
        while given < total:
            if how.reset_after is not None and given >= how.reset_after:
                assert request.transport is not None
                request.transport.abort()
                return
            if how.error_after is not None and given >= how.error_after:
                await _send(response, {"error": {"message": "engine died", "code": 500}})
                break
            given = min(total, given + how.tokens_a_chunk)
            reason = (
                ("length" if given == body["max_tokens"] else how.stop_reason) if given == total else None
            )
            await _send(response, _chunk(given, reason, chat=chat, counted=how.usage == "each"))
            if how.gap_s and given < total:
                await asyncio.sleep(how.gap_s)
        else:
            await _send(response, {"choices": [], "usage": _usage(given)})
        await response.write(b"data: [DONE]\n\n")
        if how.holds:
            await asyncio.sleep(60)


def _chunk(given: int, reason: str | None, *, chat: bool, counted: bool) -> Body:
    content: Body = {"delta": {"content": "w "}} if chat else {"text": "w "}
    chunk: Body = {"choices": [{"index": 0, **content, "finish_reason": reason}]}
    return {**chunk, "usage": _usage(given)} if counted else chunk


def _usage(given: int) -> Body:
    return {"prompt_tokens": 7, "total_tokens": 7 + given, "completion_tokens": given}


async def _send(response: web.StreamResponse, chunk: Body) -> None:
    await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")


@asynccontextmanager
async def serving(behaviour: Behaviour | None = None, port: int = 0) -> AsyncIterator[Server]:
    """A server on a free port of loopback, gone afterwards."""
    server = Server(behaviour or Behaviour())
    app = web.Application(client_max_size=2**26)
    app.router.add_get("/v1/models", server.models)
    app.router.add_post("/v1/completions", server.answer)
    app.router.add_post("/v1/chat/completions", server.answer)
    # A caller who hangs up ends its handler: nothing here outlives its test.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
