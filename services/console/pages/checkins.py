"""How patients answer when they are asked how they are, and how each of them does."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from services.console import queries, store
from services.console.context import Context
from services.console.domain.access import Permission, Visitor
from services.console.pages.door import Door

_LOOKED_BACK = timedelta(days=30)
_MOST = 50
_TO_READ = "reply_to_read"


class CheckIns:
    """Check-ins of all, and the chart of one."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

    async def page(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show response rates, who did not answer, and which replies wait for a reader."""
        now = self._context.clock.now()
        sees_scores = visitor.may(Permission.SEE_SCORES)
        async with self._context.database.connection() as connection:
            rates = await queries.response_rates(connection, since=now - _LOOKED_BACK, until=now)
            missing = await queries.unanswered(connection, since=now - _LOOKED_BACK, limit=_MOST)
            tasks = await queries.open_tasks(connection, limit=1000)
            scores = await queries.latest_scores(connection, limit=_MOST) if sees_scores else []
        return self._door.show(
            request,
            visitor,
            "checkins.html",
            rates=rates,
            missing=missing,
            to_read=[task for task in tasks if task["has_words"] or task["kind"] == _TO_READ],
            may_read=visitor.may(Permission.READ_WORDS),
            scores=scores,
            sees_scores=sees_scores,
            zone_of=self._context.zone_of,
        )

    async def patient(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show one patient's scores against the infusions, and keep that somebody looked."""
        ref = request.match_info["ref"]
        async with self._context.database.transaction() as connection:
            scores = await queries.scores_of(connection, ref)
            infusions = await queries.infusions_of(connection, ref)
            name = await queries.zone_of(connection, ref)
            await store.audit(connection, visitor, "looked at a patient's scores", target=ref)
        if not scores and not infusions:
            raise web.HTTPNotFound(reason="Nothing is known of that patient.")
        zone = ZoneInfo(name) if name else self._context.zone_of(scores[0]["clinic_id"] if scores else None)
        return self._door.show(
            request,
            visitor,
            "patient.html",
            ref=ref,
            scores=scores,
            infusions=infusions,
            zone=zone,
            chart=chart_of(scores, infusions),
        )


def chart_of(scores: Sequence[dict[str, Any]], infusions: Sequence[datetime]) -> str:
    """Return a patient's scores as JSON: times, one row of totals per instrument, and the times of infusions."""
    times = sorted({int(row["at"].timestamp()) for row in scores})
    instruments = sorted({row["instrument"] for row in scores})
    totals = {(row["instrument"], int(row["at"].timestamp())): row["total"] for row in scores}
    rows = [[totals.get((instrument, at)) for at in times] for instrument in instruments]
    marks = [int(at.timestamp()) for at in infusions]
    return json.dumps({"times": times, "kinds": instruments, "rows": rows, "marks": marks}, separators=(",", ":"))
