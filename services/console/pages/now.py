"""The first page: are patients being told? And the stream that keeps it fresh."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from services.console import queries
from services.console.context import Context
from services.console.domain import verdict
from services.console.domain.access import Visitor
from services.console.domain.figures import Figures, Minute, Pause
from services.console.pages.door import Door
from shared.web.server import STOPPING

KINDS = ("delivered", "sent", "unknown", "failed", "dropped", "withdrawn")
_RANGES = {1: timedelta(minutes=1), 6: timedelta(minutes=5), 24: timedelta(minutes=15)}
_STREAM_FOR_S = 300.0
_HEARTBEAT_S = 15.0
_ASKED = {
    "pause": "On its way: the clinic is paused in a moment.",
    "resume": "On its way: the clinic sends again in a moment; what was held is judged anew.",
    "try": "On its way: the next message is tried at once. If the provider takes it, all go on.",
    "end": "Noted: that feed's silence is no news any more. Once it is heard of again, it counts as before.",
}


class Now:
    """What goes on now."""

    def __init__(self, context: Context, door: Door) -> None:
        self._context = context
        self._door = door

    async def page(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Show the newest figures."""
        hours = _hours(request)
        figures = self._context.board.figures or Figures(
            at=self._context.clock.now(), complaints={"board": "The figures are being measured"}
        )
        return self._door.show(
            request,
            visitor,
            "now.html",
            hours=hours,
            ranges=list(_RANGES),
            asked=_ASKED.get(request.query.get("asked", "")),
            **self._values(figures),
            chart=await self._chart(figures, hours),
        )

    async def live(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """Stream the figures as they change, for five minutes; the browser asks again, and is let in again or not."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        hours, turn = _hours(request), 0
        stopping = request.app[STOPPING]
        until = time.monotonic() + _STREAM_FOR_S
        with contextlib.suppress(ConnectionResetError):
            while time.monotonic() < until and not stopping.is_set():
                newer = await self._newer(turn, stopping)
                if newer is None:
                    await response.write(b": still here\n\n")
                else:
                    turn = newer
                    await self._send(response, hours, visitor=visitor, csrf=self._door.csrf_of(request))
        return response

    async def _newer(self, turn: int, stopping: asyncio.Event) -> int | None:
        """Wait for newer figures, but not for long, and not beyond the end of the service."""
        newer = asyncio.ensure_future(self._context.board.newer_than(turn))
        ended = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait((newer, ended), timeout=_HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
            return newer.result() if newer.done() else None
        finally:
            newer.cancel()
            ended.cancel()

    async def _send(self, response: web.StreamResponse, hours: int, **own: Any) -> None:
        """Write the newest figures, with the forms that are the visitor's ``own``."""
        figures = self._context.board.figures
        assert figures is not None
        fragment = self._context.pages.render("_live.html", **self._values(figures), **own)
        await response.write(_event(fragment))
        if hours == 1:
            await response.write(_event(await self._chart(figures, hours), name="figures"))

    def _values(self, figures: Figures) -> dict[str, Any]:
        findings = verdict.judge(figures)
        severity, sentence = verdict.headline(findings)
        return {
            "board": figures,
            "findings": findings,
            "severity": severity.name.lower(),
            "headline": sentence,
            "good_answers": verdict.GOOD_ANSWERS,
            "clinics": _clinics(self._context.clinics.clinics, figures.paused_clinics),
            "zone_of": self._context.zone_of,
        }

    async def _chart(self, figures: Figures, hours: int) -> str:
        step = _RANGES[hours]
        until = figures.at
        if hours == 1:
            return chart_of(figures.minutes, since=until - timedelta(hours=1), until=until, step=step)
        async with self._context.database.connection() as connection:
            since = until - timedelta(hours=hours)
            minutes = await queries.outcomes(connection, since=since, step=step)
        return chart_of(minutes, since=since, until=until, step=step)


def chart_of(minutes: Sequence[Minute], *, since: datetime, until: datetime, step: timedelta) -> str:
    """Return the figures of the outcomes chart as JSON: times, then one row of counts per kind of outcome."""
    width = int(step.total_seconds())
    first, last = int(since.timestamp()) // width * width, int(until.timestamp()) // width * width
    counts = {int(minute.at.timestamp()): minute.counts for minute in minutes}
    times = list(range(first, last + 1, width))
    rows = [[counts.get(at, {}).get(kind, 0) for at in times] for kind in KINDS]
    return json.dumps({"times": times, "kinds": KINDS, "rows": rows, "step": width}, separators=(",", ":"))


def _clinics(known: Iterable[str], pauses: Sequence[Pause]) -> list[tuple[str, bool, Pause | None]]:
    """Return each clinic, whether it stands in the clinic file, and its pause; what is paused comes first."""
    paused = {pause.scope: pause for pause in pauses}
    names = sorted({*known, *paused}, key=lambda name: (name not in paused, name))
    return [(name, name in set(known), paused.get(name)) for name in names]


def _hours(request: web.Request) -> int:
    asked = request.query.get("hours", "")
    return int(asked) if asked.isdigit() and int(asked) in _RANGES else 1


def _event(text: str, *, name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    body = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"{head}{body}\n".encode()
