"""The way to the reception over HTTP: for the sandbox alone, which comes with a key made up for the run."""

import contextlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import BaseModel, ValidationError

from cli.reception import BookWish, ClockWish, EndWish, MoveWish, Reception, RefusedError
from shared.kernel.errors import DependencyUnavailableError

W = TypeVar("W", bound=BaseModel)
_LARGEST_WISH = 16 * 1024


class Routes:
    """The table of wishes."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    def table(self) -> list[web.RouteDef]:
        """Return the table of routes."""
        return [
            web.get("/", self.show),
            web.post("/book", self.book),
            web.post("/move", self.move),
            web.post("/{how:cancel|complete|no-show}", self.end),
            web.post("/clock", self.turn_clock),
            web.post("/stop", self.stop_clock),
        ]

    async def show(self, _request: web.Request) -> web.Response:
        """Return what the page shows."""
        return web.json_response(await self._reception.state())

    async def book(self, request: web.Request) -> web.Response:
        """Book a visit."""
        await self._reception.take_down(await _read(request, BookWish))
        return await self._done()

    async def move(self, request: web.Request) -> web.Response:
        """Move a visit."""
        await self._reception.move(await _read(request, MoveWish))
        return await self._done()

    async def end(self, request: web.Request) -> web.Response:
        """Say how a visit ended."""
        await self._reception.end(request.match_info["how"], await _read(request, EndWish))
        return await self._done()

    async def turn_clock(self, request: web.Request) -> web.Response:
        """Turn the clock."""
        await self._reception.turn_clock(await _read(request, ClockWish))
        return await self._done()

    async def stop_clock(self, _request: web.Request) -> web.Response:
        """Let a turn of the clock end early."""
        self._reception.stop_clock()
        return web.json_response({})

    async def _done(self) -> web.Response:
        clockwork = self._reception.clockwork
        messages = clockwork.messages if clockwork else 0
        return web.json_response(await self._reception.state() | {"messages": messages})


@contextlib.asynccontextmanager
async def serving_reception(environment: Mapping[str, str], reception: Reception) -> AsyncIterator[None]:
    """Listen where the sandbox expects the reception, until the block ends."""
    application = web.Application(
        client_max_size=_LARGEST_WISH, middlewares=[_guard(environment["SANDBOX_RECEPTION_TOKEN"])]
    )
    application.add_routes(Routes(reception).table())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        port = urlsplit(environment["SANDBOX_RECEPTION_URL"]).port
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


async def _read(request: web.Request, model: type[W]) -> W:
    return model.model_validate_json(await request.read())


def _guard(token: str) -> Callable[..., Awaitable[web.StreamResponse]]:
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected):
            raise web.HTTPForbidden
        try:
            return await handler(request)
        except RefusedError as refusal:
            return _refuse(refusal.why, status=409, left=refusal.left)
        except ValidationError as error:
            return _refuse(str(error.errors()[0]["loc"][0] if error.errors()[0]["loc"] else "wish"), status=422)
        except DependencyUnavailableError:
            return _refuse("unavailable", status=503)

    return guard


def _refuse(why: str, *, status: int, left: list[str] | None = None) -> web.Response:
    return web.Response(
        text=json.dumps({"error": why, "left": left or []}), status=status, content_type="application/json"
    )
