"""Ways in over HTTP: the words behind a case, for a signed-in clinician by way of the console."""

import re
from collections.abc import Sequence

from aiohttp import web

from services.followup.handlers.show_case import show_case
from shared.kernel.clock import Clock, SystemClock
from shared.postgres.database import Database
from shared.postgres.unit_of_work import unit_of_work
from shared.web.server import Route
from shared.web.signed_token import read

_CASE = re.compile(r"[a-z]{4}-[0-9a-f]{10}\Z")


class Webhooks:
    """The routes of followup."""

    def __init__(self, database: Database, clock: Clock, secret: str | None) -> None:
        self._database = database
        self._clock = clock
        self._secret = secret

    def routes(self) -> Sequence[Route]:
        """Return the table of routes."""
        return [Route("GET", "/cases/{id}", self.case)]

    async def case(self, request: web.Request) -> web.Response:
        """Show a case to whom the token names; every other answer says nothing about whether there is one."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        # A token's minute is real time, whatever clock the services follow.
        bearer = read(token, self._secret, now=SystemClock().now()) if self._secret and scheme == "Bearer" else None
        if bearer is None:
            raise web.HTTPUnauthorized(reason="needs a token of the console that is less than a minute old")
        case_id = request.match_info["id"]
        if not _CASE.match(case_id):
            raise web.HTTPNotFound(reason="no such case, or not for you")
        async with unit_of_work(self._database, now=self._clock.now()) as unit:
            shown = await show_case(unit, case_id, bearer)
        if shown is None:
            raise web.HTTPNotFound(reason="no such case, or not for you")
        return web.json_response(shown)
