"""The HTTP server of a service: its own routes, health and metrics."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client.aiohttp import make_aiohttp_handler

from shared.kernel.errors import DependencyUnavailableError, TransientError
from shared.kernel.traceparent import TRACEPARENT, read_traceparent
from shared.telemetry import tracing
from shared.telemetry.log import log
from shared.telemetry.metrics import Metrics
from shared.web.health import Health

MAX_REQUEST_BYTES = 256 * 1024
_SLOWEST_REQUEST_S = 10.0

STOPPING: web.AppKey[asyncio.Event] = web.AppKey("stopping", asyncio.Event)
"""Set when the service begins to stop: a route that streams then ends its answer."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One way in over HTTP. A route that ``streams`` answers for as long as the reader stays."""

    method: str
    path: str
    handler: Handler
    streams: bool = False


def build_application(routes: Sequence[Route], *, health: Health, metrics: Metrics) -> web.Application:
    """Return an application with a service's routes, ``/livez``, ``/readyz`` and ``/metrics``."""

    async def livez(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        complaints = health.complaints()
        body = {"status": "not ready" if complaints else "ready", "complaints": complaints}
        return web.json_response(body, status=503 if complaints else 200)

    streams = {route.path for route in routes if route.streams}
    application = web.Application(
        client_max_size=MAX_REQUEST_BYTES,
        middlewares=[_guard(metrics, streams=streams, traced={route.path for route in routes} - streams)],
    )
    application[STOPPING] = asyncio.Event()
    application.on_shutdown.append(_end_streams)
    application.router.add_get("/livez", livez)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", make_aiohttp_handler(registry=metrics.registry))
    for route in routes:
        application.router.add_route(route.method, route.path, route.handler)
    return application


async def _end_streams(application: web.Application) -> None:
    application[STOPPING].set()


def _guard(metrics: Metrics, *, streams: AbstractSet[str], traced: AbstractSet[str]) -> Middleware:
    """Bound every request in time, turn failures into plain answers, count, and trace the routes of the service."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        path = resource.canonical if resource else "none"
        started = time.monotonic()
        answer = partial(_answer, request, handler, within_s=None if path in streams else _SLOWEST_REQUEST_S)
        response = await (_traced(request, path, answer) if path in traced else answer())
        metrics.webhooks.labels(path, response.status).inc()
        if path not in streams:
            metrics.webhook_seconds.labels(path).observe(time.monotonic() - started)
        if response.prepared:
            return response
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Server"] = "aftercare"
        return response

    return guard


async def _traced(
    request: web.Request, path: str, answer: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    parent = read_traceparent(request.headers.get(TRACEPARENT))
    with tracing.span(f"{request.method} {path}", kind="server", parent=parent) as span:
        response = await answer()
        span.note(http_status=response.status)
        if response.status >= 500:
            span.fail(f"http {response.status}")
    return response


async def _answer(request: web.Request, handler: Handler, *, within_s: float | None) -> web.StreamResponse:
    try:
        async with asyncio.timeout(within_s):
            return await handler(request)
    except web.HTTPException as refusal:
        return web.json_response({"error": refusal.reason}, status=refusal.status)
    except (DependencyUnavailableError, TransientError, TimeoutError):
        return web.json_response({"error": "cannot be kept right now, please send it again"}, status=503)
    except Exception:  # noqa: BLE001 - the last resort: the caller learns nothing, the log learns where
        log.error("request failed", exc_info=True)
        return web.json_response({"error": "internal error"}, status=500)


@asynccontextmanager
async def serving(application: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; yields the port that was bound. Requests under way get five seconds to finish."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
