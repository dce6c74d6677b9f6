"""The one search: what happened to a booking, a patient, a message or a number, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from services.console import queries, store
from services.console.context import Context
from services.console.domain import words
from services.console.domain.access import Visitor
from services.console.handlers.look_up import looks_like_number, patients_behind
from services.console.pages.door import Door
from shared.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of one patient, in the zone that the patient's texts follow."""

    patient_ref: str
    zone: ZoneInfo
    barriers: Sequence[str]
    short: Sequence[str]
    tasks: Sequence[dict[str, Any]]
    days: Sequence[tuple[datetime, list[dict[str, Any]]]]
    upcoming: Sequence[dict[str, Any]]
    appointments: Sequence[dict[str, Any]]
    events: int


class Why:
    """The page that answers every why."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

    async def form(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show the search, or the answer that a link asks for."""
        asked = request.query.get("q", "").strip()[:200]
        return self._show(request, visitor, asked, await self._stories(visitor, asked))

    async def search(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Look something up. It comes in the body: only what proves to be a reference reaches an address bar."""
        asked = str((await request.post()).get("q", "")).strip()[:200]
        stories = await self._stories(visitor, asked)
        if stories and not looks_like_number(asked):
            return web.Response(status=303, headers={"Location": str(request.rel_url.with_query(q=asked))})
        return self._show(request, visitor, asked, stories)

    def _show(self, request: web.Request, visitor: Visitor, asked: str, stories: Sequence[Story]) -> web.StreamResponse:
        by_number = looks_like_number(asked)
        return self._door.show(
            request,
            visitor,
            "why.html",
            asked=asked if stories and not by_number else "",
            by_number=by_number,
            searched=bool(asked),
            stories=stories,
        )

    async def _stories(self, visitor: Visitor, asked: str) -> list[Story]:
        if not asked:
            return []
        async with self._context.database.transaction() as connection:
            refs = await patients_behind(connection, self._context.database.sealer, asked)
            stories = [await self._story(connection, ref) for ref in refs]
            # What leads to nobody may be a name that somebody typed: it is not kept.
            target = "a phone number" if looks_like_number(asked) else asked if refs else "something unknown"
            await store.audit(
                connection, visitor, "looked somebody up", target=target, detail=", ".join(refs) or "nobody found"
            )
        return stories

    async def _story(self, connection: Connection, patient_ref: str) -> Story:
        events = await queries.timeline(connection, patient_ref)
        upcoming = await queries.upcoming_of(connection, patient_ref)
        appointments = await queries.appointments_of(connection, patient_ref)
        name = await queries.zone_of(connection, patient_ref)
        rows = events or upcoming or appointments
        zone = ZoneInfo(name) if name else self._context.zone_of(rows[0]["clinic_id"] if rows else None)
        days = [
            (found[0]["at"], found)
            for _day, group in groupby(events, key=lambda event: event["at"].astimezone(zone).date())
            if (found := list(group))
        ]
        bars = await queries.bars_of(connection, patient_ref)
        barriers = words.barriers(bars, upcoming, await queries.pauses(connection), zone)
        return Story(
            patient_ref=patient_ref,
            zone=zone,
            barriers=barriers,
            short=words.in_short(events, upcoming, zone, is_barred=bool(barriers)),
            tasks=await queries.open_tasks_of(connection, patient_ref),
            days=days,
            upcoming=upcoming,
            appointments=appointments,
            events=len(events),
        )
