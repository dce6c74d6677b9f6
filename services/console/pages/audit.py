"""What people did and looked at."""

from aiohttp import web

from services.console import store
from services.console.context import Context
from services.console.domain.access import Visitor
from services.console.pages.door import Door


class Audit:
    """The audit, the newest first."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

    async def page(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show a page of it."""
        before = request.query.get("before", "")
        person = request.query.get("person", "").strip() or None
        async with self._context.database.connection() as connection:
            rows = await store.audit_trail(
                connection, before=int(before) if before.isdigit() and len(before) < 19 else None, person=person
            )
            people = await store.people(connection)
        more = len(rows) > store.PAGE
        return self._door.show(
            request, visitor, "audit.html", rows=rows[: store.PAGE], more=more, person=person or "", people=people
        )
