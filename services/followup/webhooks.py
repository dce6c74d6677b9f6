"""Ways in over HTTP: the words behind a case or of a reply, for a signed-in clinician by way of the console."""

import re
from collections.abc import Sequence

from aiohttp import web

from services.followup.handlers.show_words import show_words
from services.followup.store.written import Behind
from shared.kernel.clock import Clock, SystemClock
from shared.postgres.database import Database
from shared.postgres.unit_of_work import unit_of_work
from shared.web.server import Route
from shared.web.signed_token import Bearer, read

_IDS = {"case": re.compile(r"[a-z]{4}-[0-9a-f]{10}\Z"), "reply": re.compile(r"[A-Za-z0-9_-]{1,64}\Z")}


class Webhooks:
    """The routes of followup."""

    def __init__(self, database: Database, clock: Clock, secret: str | None) -> None:
        self._database = database
        self._clock = clock
        self._secret = secret

    def routes(self) -> Sequence[Route]:
        """Return the table of routes."""
        return [Route("GET", "/cases/{id}", self.case), Route("GET", "/replies/{id}", self.reply)]

    async def case(self, request: web.Request) -> web.Response:
        """Show what led to a case."""
        return await self._show(request, "case")

    async def reply(self, request: web.Request) -> web.Response:
        """Show one reply."""
        return await self._show(request, "reply")

    async def _show(self, request: web.Request, behind: Behind) -> web.Response:
        """Show words to whom the token names; every other answer says nothing about whether there are any."""
        bearer = self._bearer_of(request)
        about = request.match_info["id"]
        shown = None
        if _IDS[behind].match(about):
            async with unit_of_work(self._database, now=self._clock.now()) as unit:
                shown = await show_words(unit, behind, about, bearer)
        if shown is None:
            raise web.HTTPNotFound(reason=f"no such {behind}, or not for you")
        return web.json_response(shown, headers={"Cache-Control": "no-store"})

    def _bearer_of(self, request: web.Request) -> Bearer:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        # A token's minute is real time, whatever clock the services follow.
        bearer = read(token, self._secret, now=SystemClock().now()) if self._secret and scheme == "Bearer" else None
        if bearer is None:
            raise web.HTTPUnauthorized(reason="needs a token of the console that is less than a minute old")
        return bearer
