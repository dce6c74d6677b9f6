"""Lets a fault happen to a create request, in the words of the API that was asked."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from sandbox.faults import Fault

Words = Callable[[int, Fault], web.Response]
"""An error answer in an API's own form, from an HTTP status and the fault that asked for it."""


async def before(request: web.Request, fault: Fault | None, words: Words) -> web.StreamResponse | None:
    """Return the answer of a request that is not even looked at; None when it is."""
    if fault is None:
        return None
    match fault.kind:
        case "429":
            answer = words(429, fault)
            answer.headers["Retry-After"] = str(max(1, round(fault.seconds)))
            return answer
        case "500_before":
            return words(500, fault)
        case "502_html":
            return web.Response(status=502, text="<html><body>Bad Gateway</body></html>", content_type="text/html")
        case "401":
            return words(401, fault)
        case "error":
            return words(fault.http_status, fault)
        case "drop_before":
            _reset(request)
            return web.Response(status=500)
        case "slow_accept":
            await asyncio.sleep(fault.seconds)
    return None


async def after(
    request: web.Request, fault: Fault | None, created: web.StreamResponse, words: Words
) -> web.StreamResponse:
    """Return the answer to a request that was accepted, or what the fault makes of it."""
    if fault is None:
        return created
    match fault.kind:
        case "500_after":
            return words(500, fault)
        case "broken_json":
            return web.Response(status=201, text='{"sid": "SM', content_type="application/json")
        case "accept_then_drop":
            _reset(request)
        case "hang_after" | "slow":
            await asyncio.sleep(fault.seconds)
    return created


def _reset(request: web.Request) -> None:
    """Break the connection off without an answer."""
    if request.transport is not None:
        request.transport.abort()
