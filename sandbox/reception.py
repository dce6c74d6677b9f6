"""The page's way to the clinic's reception, where one is set up: wishes go out, answers come back, nothing is kept."""

import asyncio
import contextlib
import json

import aiohttp
from aiohttp import web

from sandbox.origin import is_own_page
from sandbox.settings import SandboxSettings

Answer = dict[str, object]

_SLOWEST_S = 300.0  # a turn of the clock lets days of messages happen
_CLOSED: Answer = {"open": False}
_GONE: Answer = {"error": "unavailable"}


class Reception:
    """Hands wishes of the sandbox's own page on, and those of nobody else."""

    def __init__(self, settings: SandboxSettings, session: aiohttp.ClientSession) -> None:
        self._url = settings.reception_url
        self._headers = {"Authorization": f"Bearer {settings.reception_token}", "Content-Type": "application/json"}
        self._session = session

    def routes(self) -> list[web.RouteDef]:
        """Return the table of routes; without a reception nothing can be wished for."""
        if self._url is None:
            return [web.get("/sandbox/reception", self.say_closed)]
        return [
            web.get("/sandbox/reception", self.show),
            web.post("/sandbox/reception/{wish:[a-z-]+}", self.wish),
        ]

    async def say_closed(self, _request: web.Request) -> web.StreamResponse:
        """Say that there is no reception, and will be none."""
        return web.json_response(_CLOSED | {"expected": False})

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Return what the reception shows, or that it is closed."""
        if not is_own_page(request):
            raise web.HTTPForbidden
        status, answer = await self._ask("GET", "/", None)
        return web.json_response(answer if status == web.HTTPOk.status_code else _CLOSED | {"expected": True})

    async def wish(self, request: web.Request) -> web.StreamResponse:
        """Hand a wish on; return the reception's answer."""
        if not is_own_page(request):
            raise web.HTTPForbidden
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        status, answer = await self._ask("POST", f"/{request.match_info['wish']}", await request.read())
        return web.json_response(answer, status=status)

    async def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, Answer]:
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, json.JSONDecodeError):
            async with self._session.request(
                method,
                f"{self._url}{path}",
                data=body,
                headers=self._headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_SLOWEST_S),
            ) as response:
                return response.status, json.loads(await response.read())
        return web.HTTPBadGateway.status_code, _GONE
