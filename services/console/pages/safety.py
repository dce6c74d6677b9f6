"""Open safety cases: their clocks, the words behind them, and what a named person does about them."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from services.console import queries
from services.console.context import Context
from services.console.domain.access import Permission, Visitor
from services.console.handlers.answer_alert import acknowledge, close
from services.console.handlers.read_words import read_words
from services.console.pages.door import Door
from services.console.written_words import Behind, Words, WrittenWords
from shared.clinics.model import Person
from shared.clinics.roster import current_shift, people_with_role
from shared.kernel.errors import PermanentError
from shared.messages.safety import Disposition
from shared.postgres.database import Connection
from shared.postgres.unit_of_work import unit_of_work

_LAST_CLOSED = 20


class Safety:
    """Cases and acts."""

    def __init__(self, context: Context, door: Door, words: WrittenWords) -> None:
        self._context = context
        self._door = door
        self._words = words

    async def page(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show the open cases, the most urgent first, and those closed last."""
        async with self._context.database.connection() as connection:
            cases = await queries.open_cases(connection)
            closed = await queries.closed_cases(connection, limit=_LAST_CLOSED)
        return self._door.show(
            request, visitor, "safety.html", cases=cases, closed=closed, zone_of=self._context.zone_of
        )

    async def case(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show one case without its words."""
        return await self._show(request, visitor, words=None)

    async def words(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show one case with the words and the number, and keep that somebody looked."""
        case_id = request.match_info["id"]
        found = await read_words(self._context.database, self._words, visitor, Behind.CASE, case_id)
        return await self._show(request, visitor, words=found)

    async def acknowledge(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Take a case on."""
        async with unit_of_work(self._context.database, now=self._context.clock.now()) as unit:
            await acknowledge(unit, visitor, await _find(unit.connection, request))
        return _back(request, "acknowledged")

    async def close(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Close a case with what came of it."""
        disposition = str((await request.post()).get("disposition", ""))
        if disposition not in set(Disposition):
            raise PermanentError("disposition: choose what came of it")
        async with unit_of_work(self._context.database, now=self._context.clock.now()) as unit:
            await close(unit, visitor, await _find(unit.connection, request), Disposition(disposition))
        return _back(request, "closed")

    async def _show(
        self, request: web.Request, visitor: Visitor, *, words: Sequence[Words] | None
    ) -> web.StreamResponse:
        async with self._context.database.connection() as connection:
            case = await _find(connection, request)
            text = await self._text(connection, case)
        asked = request.query.get("asked")
        waits = asked in {"acknowledged", "closed"} and case[f"{asked}_at"] is None
        return self._door.show(
            request,
            visitor,
            "case.html",
            case=case,
            words=words,
            text=text,
            people=self._people(case),
            zone=self._context.zone_of(case["clinic_id"]),
            dispositions=list(Disposition),
            waits_for=asked if waits else None,
            may_read=visitor.may(Permission.READ_WORDS),
            may_answer=visitor.may(Permission.ANSWER_ALERTS),
        )

    async def _text(self, connection: Connection, case: dict[str, Any]) -> dict[str, Any] | None:
        """Return where the text stands that the patient was to get by itself."""
        if case["patient_ref"] is None:
            return None
        return await queries.safety_text(connection, case["patient_ref"], since=case["opened_at"])

    def _people(self, case: dict[str, Any]) -> list[tuple[str, Person, bool]]:
        """Return whom to phone about a case: who is on call first, then the clinic's leads; and who was paged."""
        clinic = self._context.clinics.get(case["clinic_id"])
        if clinic is None:
            return []
        shift = current_shift(clinic, self._context.clock.now())
        names = dict.fromkeys([*(shift.people if shift else ()), *people_with_role(clinic, ("lead",))])
        return [(name, clinic.roster.people[name], name in case["paged"]) for name in names]


async def _find(connection: Connection, request: web.Request) -> dict[str, Any]:
    case = await queries.find_case(connection, request.match_info["id"])
    if case is None:
        raise web.HTTPNotFound(reason="There is no such case.")
    return case


def _back(request: web.Request, asked: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/safety/{request.match_info['id']}?asked={asked}"})
