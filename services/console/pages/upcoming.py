"""What will be sent in the next day, and what waits or was lost and needs a person."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from services.console import queries, store
from services.console.context import Context
from services.console.domain import words
from services.console.domain.access import Visitor
from services.console.pages.door import Door
from shared.kernel.errors import PermanentError

_AHEAD = timedelta(hours=24)
_LOST_WITHIN = timedelta(days=3)
_MOST_ROWS = 10_000
_COLUMNS = ("clinic_id", "patient_ref", "purpose", "channel", "state", "reason", "at", "useless_after")


class Upcoming:
    """The day ahead and the work list."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

    async def page(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show both."""
        now = self._context.clock.now()
        async with self._context.database.connection() as connection:
            ahead = await queries.hours_ahead(connection, now=now, until=now + _AHEAD)
            held = await queries.unsendable(connection, after=_after(request))
            lost = await queries.lost_lately(connection, since=now - _LOST_WITHIN)
        more = len(held) > queries.PAGE
        return self._door.show(
            request,
            visitor,
            "upcoming.html",
            hours=_by_hour(ahead, now),
            total=sum(row["messages"] for row in ahead),
            held=held[: queries.PAGE],
            more=more,
            lost=lost[: queries.PAGE],
            zone_of=self._context.zone_of,
        )

    async def work_list(self, _request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Return the work list as a table for a spreadsheet: references, never a name or a number."""
        now = self._context.clock.now()
        async with self._context.database.transaction() as connection:
            held = await queries.unsendable(connection, after=None, limit=_MOST_ROWS)
            lost = await queries.lost_lately(connection, since=now - _LOST_WITHIN, limit=_MOST_ROWS)
            await store.audit(connection, visitor, "took the work list away", detail=f"{len(held) + len(lost)} rows")
        rows = [
            *((row, "held", row["due_at"], row["expires_at"]) for row in held),
            *((row, row["outcome"], row["ended_at"], None) for row in lost),
        ]
        output = io.StringIO()
        writer = csv.writer(output)
        writer.writerow(_COLUMNS)
        for row, state, at, useless_after in rows:
            zone = self._context.zone_of(row["clinic_id"])
            writer.writerow(
                [
                    _cell(row["clinic_id"]),
                    _cell(row["patient_ref"]),
                    row["purpose"],
                    row["channel"],
                    state,
                    words.reason(row["reason"]),
                    at.astimezone(zone).isoformat(timespec="seconds"),
                    useless_after.astimezone(zone).isoformat(timespec="seconds") if useless_after else "",
                ]
            )
        return web.Response(
            text=output.getvalue(),
            content_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="work-list-{now:%Y-%m-%d}.csv"'},
        )


def _cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _by_hour(rows: list[dict[str, Any]], now: datetime) -> list[tuple[datetime, dict[str, int]]]:
    """Return every hour of the day ahead with its messages by purpose, the empty hours too."""
    first = now.replace(minute=0, second=0, microsecond=0)
    hours: dict[datetime, dict[str, int]] = {first + timedelta(hours=step): {} for step in range(25)}
    for row in rows:
        hours[row["hour"]][row["purpose"]] = row["messages"]
    return list(hours.items())


def _after(request: web.Request) -> tuple[datetime, str, str] | None:
    """Return the place in the work list after which a page begins."""
    at, subject, key = (request.query.get(name) for name in ("at", "subject", "key"))
    if at is None or subject is None or key is None:
        return None
    try:
        return datetime.fromisoformat(at), subject, key
    except ValueError:
        raise PermanentError("at: is not a time") from None
