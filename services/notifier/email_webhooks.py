"""Ways in over HTTP around e-mail: what became of each, and the link that ends them."""

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from services.notifier.context import Context
from services.notifier.handlers.end_emails import Reader, end_emails, find_reader
from services.notifier.handlers.take_email_events import EmailEvent, take_email_events
from services.notifier.providers.sendgrid_email import ATTEMPT, RECEIPT_OF
from services.notifier.providers.sendgrid_errors import code_of
from services.notifier.providers.sendgrid_signature import SIGNATURE, TIMESTAMP, EventSignature
from shared.kernel.clock import Clock
from shared.postgres.database import Database
from shared.postgres.unit_of_work import unit_of_work
from shared.web.server import Route

_MOST_BYTES = 2 * 1024 * 1024
_OBJECTIONS = {"spamreport": "complaint", "unsubscribe": "unsubscribe", "group_unsubscribe": "unsubscribe"}
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class EmailWebhooks:
    """The e-mail provider's webhook, and the reader's."""

    database: Database
    clock: Clock
    context: Context
    signature: EventSignature

    def routes(self) -> list[Route]:
        """Return the table of routes."""
        return [
            Route("POST", "/sendgrid/events", self.events),
            Route("GET", "/unsubscribe/{token}", self.ask),
            Route("POST", "/unsubscribe/{token}", self.end),
        ]

    async def events(self, request: web.Request) -> web.Response:
        """Take in a batch of signed events; anybody else's gets one and the same answer, whatever was wrong."""
        body = await _read_body(request)
        signed = self.signature.accepts(
            body, signature=request.headers.get(SIGNATURE), timestamp=request.headers.get(TIMESTAMP), now=time.time()
        )
        if not signed:
            raise web.HTTPForbidden(reason="not signed")
        events = [event for item in _items(body) if (event := _read(item)) is not None]
        async with unit_of_work(self.database, now=self.clock.now()) as unit:
            await take_email_events(unit, events, context=self.context)
        return web.Response(status=204)

    async def ask(self, request: web.Request) -> web.Response:
        """Show the page behind the link. Looking changes nothing: mail scanners follow links too."""
        return self._page(await self._reader(request), done=False)

    async def end(self, request: web.Request) -> web.Response:
        """End e-mails: the page's button, or a mail program's one click (RFC 8058), which needs no page before it."""
        reader = await self._reader(request)
        async with unit_of_work(self.database, now=self.clock.now()) as unit:
            await end_emails(unit, request.match_info["token"], "unsubscribe", context=self.context)
        return self._page(reader, done=True)

    async def _reader(self, request: web.Request) -> Reader:
        token = request.match_info["token"]
        async with unit_of_work(self.database, now=self.clock.now()) as unit:
            reader = await find_reader(unit, token, context=self.context) if _TOKEN.fullmatch(token) else None
        if reader is None:
            raise web.HTTPNotFound(reason="this link is not one of ours, or is too old")
        return reader

    def _page(self, reader: Reader, *, done: bool) -> web.Response:
        text = self.context.catalogue.unsubscribe_page.render(
            language=reader.language, clinic_name=reader.clinic_name, clinic_phone=reader.clinic_phone, done=done
        )
        return web.Response(text=text, content_type="text/html", headers=_PAGE_HEADERS)


async def _read_body(request: web.Request) -> bytes:
    """Read a body of a size that the provider really sends: its batches are larger than any other request of ours."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > _MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(max_size=_MOST_BYTES, actual_size=size)
        chunks.append(chunk)
    return b"".join(chunks)


def _items(body: bytes) -> list[dict[str, Any]]:
    try:
        content = json.loads(body)
    except ValueError:
        raise web.HTTPBadRequest(reason="the body is not JSON") from None
    if not isinstance(content, list):
        raise web.HTTPBadRequest(reason="the body is not a list of events")
    return [item for item in content if isinstance(item, dict)]


def _read(item: dict[str, Any]) -> EmailEvent | None:
    """Read one event; None for one that is not about an e-mail of ours, or says nothing that we keep."""
    kind, token, event_id = str(item.get("event")), item.get(ATTEMPT), item.get("sg_event_id")
    at, reference = item.get("timestamp"), str(item.get("sg_message_id") or "").partition(".")[0]
    status, objects = RECEIPT_OF.get(kind), _OBJECTIONS.get(kind)
    if not (
        isinstance(token, str) and _TOKEN.fullmatch(token) and isinstance(event_id, str) and 0 < len(event_id) < 200
    ):
        return None
    if (status is None and objects is None) or not reference or not isinstance(at, int):
        return None
    code = code_of(kind, kind=str(item.get("type")), reason=str(item.get("reason")))
    return EmailEvent(event_id, token, reference, at, status, code, objects)
