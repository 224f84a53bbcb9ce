"""The http_* families that vLLM's middleware keeps, as prometheus-fastapi-instrumentator names them."""

import asyncio
import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, Counter, Histogram, Summary

UNCOUNTED = frozenset({"/metrics", "/health", "/load", "/ping", "/version", "/server_info"})
"""vLLM leaves these out."""
HIGHR_LE_S = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60
)  # fmt: skip
LOWR_LE_S = (0.1, 0.5, 1)


class HttpMetrics:
    """Counts requests by handler, method and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "http_requests",
            "Requests by method, status and handler.",
            ["method", "status", "handler"],
            registry=registry,
        )
        self._in_bytes = Summary(
            "http_request_size_bytes", "Content length of requests.", ["handler"], registry=registry
        )
        self._out_bytes = Summary(
            "http_response_size_bytes",
            "Content length of answers; 0 where they are streamed.",
            ["handler"],
            registry=registry,
        )
        self._highr = Histogram(
            "http_request_duration_highr_seconds",
            "Duration of requests.",
            buckets=HIGHR_LE_S,
            registry=registry,
        )
        self._lowr = Histogram(
            "http_request_duration_seconds",
            "Duration of requests by handler.",
            ["method", "handler"],
            buckets=LOWR_LE_S,
            registry=registry,
        )

    def middleware(self) -> Middleware:
        """To be the outermost of an application."""

        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path in UNCOUNTED:
                return await handler(request)
            began_s = time.perf_counter()
            status, size = 500, 0
            try:
                response = await handler(request)
                status, size = response.status, response.content_length or 0
            except web.HTTPException as error:
                status, size = error.status, error.content_length or 0
                raise
            except asyncio.CancelledError:  # the client left: vLLM counts it as answered
                status = 200
                raise
            finally:
                self._note(request, status, size, time.perf_counter() - began_s)
            return response

        return count

    def _note(self, request: web.Request, status: int, size: int, seconds: float) -> None:
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else "none"
        self._requests.labels(method=request.method, status=f"{status // 100}xx", handler=path).inc()
        self._in_bytes.labels(handler=path).observe(request.content_length or 0)
        self._out_bytes.labels(handler=path).observe(size)
        self._highr.observe(seconds)
        self._lowr.labels(method=request.method, handler=path).observe(seconds)
