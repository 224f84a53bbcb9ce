"""The application inside a test: real HTTP on loopback, an engine a thousand times as fast, crashes noted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from simulations.live.app import build
from simulations.live.service import Service
from simulations.live.settings import load


class Served:
    """A running application and what a test may look at."""

    def __init__(
        self, service: Service, client: TestClient[Request, Application], crashes: list[int]
    ) -> None:
        self.service, self.client, self.crashes = service, client, crashes

    async def complete(self, **fields: Any) -> tuple[int, Any]:
        """Status and body of a completion."""
        async with self.client.post("/v1/completions", json={"prompt": "x", **fields}) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> tuple[int, str]:
        """Status and text of a GET."""
        async with self.client.get(path) as answer:
            return answer.status, await answer.text()

    async def fault(self, **faults: Any) -> tuple[int, Any]:
        """POST /faults."""
        async with self.client.post("/faults", json=faults) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str) -> tuple[int, Any]:
        """Status and body of an empty POST."""
        async with self.client.post(path) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[Served]:
    """An application with these settings."""
    crashes: list[int] = []
    chosen = load({"time_scale": 1000, "max_model_len": 4096, **settings}, {}, None)
    service = Service(chosen, crash=crashes.append)
    async with TestClient(TestServer(build(service))) as client:
        yield Served(service, client, crashes)
