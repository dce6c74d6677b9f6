"""The Messages resource: creating, listing and reporting texts."""

import asyncio
import itertools
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox import mishaps
from sandbox.faults import CREATE_FAULTS, Fault
from sandbox.ground import Ground
from sandbox.messages import PARAMETERS, Message, segments_of, validate
from sandbox.optout import OptOutFilter
from sandbox.twilio_account import (
    API,
    TEST_NUMBER,
    VERSION,
    Refusal,
    authorised,
    form_of,
    in_days,
    new_sid,
    not_found,
    page_of,
    words,
)

_FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "received", "scheduled"})


class Messages:
    """Every text that was accepted or sent in, and what becomes of it."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.all: dict[str, Message] = {}
        self.opt_outs = OptOutFilter(on=ground.settings.opt_out_filter)
        self._numbers = itertools.count(1)
        self._held_callbacks: list[tuple[str, dict[str, str]]] = []

    def routes(self) -> list[web.RouteDef]:
        """Return the table of routes."""
        resource = f"{API}/Accounts/{{account}}/Messages"
        settings = self._ground.settings
        return [
            web.post(f"{resource}.json", authorised(settings, self.create)),
            web.get(f"{resource}.json", authorised(settings, self.list)),
            web.get(f"{resource}/{{sid}}.json", authorised(settings, self.fetch)),
            web.post(f"{resource}/{{sid}}.json", authorised(settings, self.update)),
            web.delete(f"{resource}/{{sid}}.json", authorised(settings, self.delete)),
        ]

    # Creating.

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Create a message, or let the fault happen whose turn it is."""
        ground = self._ground
        form = await form_of(request)
        to = form["To"] = form.get("To", "").strip()
        fault = ground.faults.strike(*CREATE_FAULTS, to=to, on="messages")
        ground.ledger.add("create", to=to, fault=fault and fault.kind, unknown=sorted(form.keys() - PARAMETERS))
        refused = await mishaps.before(request, fault, words)
        if refused is not None:
            return refused
        refusal = validate(form, ground.settings, self.opt_outs.blocked)
        if refusal is not None:
            ground.ledger.add("refused", to=to, code=refusal.code)
            await ground.ledger.sync()
            return refusal.answer()
        message = await self._accept(form, fault)
        created = web.json_response(message.as_json(), status=201)
        return await mishaps.after(request, fault, created, words)

    async def _accept(self, form: Mapping[str, str], fault: Fault | None) -> Message:
        ground = self._ground
        now = datetime.now(UTC)
        service = form.get("MessagingServiceSid")
        scheduled = form.get("ScheduleType") == "fixed"
        lag = ground.faults.strike("list_lag", to=form["To"], on="messages")
        message = self.keep(
            Message(
                sid=new_sid("SM"),
                account_sid=ground.settings.account_sid,
                to=form["To"],
                from_=form.get("From"),
                body=form.get("Body", ""),
                direction="outbound-api",
                status="scheduled" if scheduled else "accepted" if service else "queued",
                created_at=now,
                updated_at=now,
                messaging_service_sid=service,
                status_callback=form.get("StatusCallback"),
                visible_at=time.monotonic() + (lag.seconds if lag else 0),
            )
        )
        ground.ledger.add(
            "accepted",
            sid=message.sid,
            to=message.to,
            from_=message.from_,
            service=service,
            body=message.body,
            status=message.status,
            callback=message.status_callback,
            validity=form.get("ValidityPeriod"),
            segments=segments_of(message.body),
            fault=fault.kind if fault else None,
        )
        await ground.ledger.sync()
        if not scheduled:
            early = ground.faults.strike("callback_early", to=message.to, on="messages")
            if early is None:
                ground.spawn(self._live(message))
            else:
                await asyncio.gather(*await self._live(message))
        return message

    # Delivering and reporting.

    async def _live(self, message: Message) -> list[asyncio.Task[Any]]:
        """Send a message on its way: queued, sending, sent, and its receipt; return the reports being posted."""
        ground = self._ground
        reports: list[asyncio.Task[Any]] = []
        fault = ground.faults.strike("undelivered", "failed", to=message.to, on="messages")
        last = fault.kind if fault else "delivered"
        path = ["accepted", "queued", "sending", "sent", last]
        if last == "failed":
            path.remove("sent")
        for status in path[path.index(message.status) + 1 :]:
            await asyncio.sleep(ground.settings.step_s)
            if message.sid not in self.all:
                break
            message.status, message.updated_at = status, datetime.now(UTC)
            message.from_ = message.from_ or TEST_NUMBER
            if status in ("sent", "delivered"):
                message.sent_at = message.sent_at or message.updated_at
            if fault is not None and status == last:
                message.error_code = fault.code or 30008
            ground.ledger.add("status", sid=message.sid, to=message.to, status=status, code=message.error_code)
            reports += self._report(message)
        return reports + self._release_held()

    def _report(self, message: Message) -> list[asyncio.Task[Any]]:
        if not message.status_callback:
            return []
        faults = self._ground.faults
        form = form_of_message(message) | {"MessageStatus": message.status}
        if message.error_code and message.status in ("undelivered", "failed"):
            form["ErrorCode"] = str(message.error_code)
        if faults.strike("callbacks_dropped", to=message.to, on="messages"):
            self._ground.ledger.add("callback", sid=message.sid, status=message.status, answer="dropped")
            return []
        if faults.strike("callbacks_reordered", to=message.to, on="messages"):
            self._held_callbacks.append((message.status_callback, form))
            return []
        times = 2 if faults.strike("callbacks_doubled", to=message.to, on="messages") else 1
        return [self._post_callback(message.status_callback, form) for _ in range(times)]

    def _release_held(self) -> list[asyncio.Task[Any]]:
        """Post callbacks that were held back, the newest first."""
        held, self._held_callbacks = self._held_callbacks, []
        return [self._post_callback(url, form) for url, form in reversed(held)]

    def _post_callback(self, url: str, form: Mapping[str, str]) -> asyncio.Task[Any]:
        facts = {"sid": form["MessageSid"], "status": form["SmsStatus"]}
        return self._ground.spawn(self._ground.webhooks.send("callback", url, form, **facts))

    # Reading and changing.

    async def list(self, request: web.Request) -> web.StreamResponse:
        """List messages, both ways, newest first, filtered and paged."""
        if self._ground.faults.strike("list_500", to=request.query.get("To"), on="messages"):
            return Refusal(20500, "An internal server error has occurred", 500).answer()
        now = time.monotonic()
        visible = (message for message in self.all.values() if message.visible_at <= now)
        matching = [message for message in visible if _matches(message, request.query)]
        return page_of(request, "messages", sorted(matching, key=lambda message: -message.number))

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """Show one message."""
        message = self.all.get(request.match_info["sid"])
        return web.json_response(message.as_json()) if message else not_found(request)

    async def update(self, request: web.Request) -> web.StreamResponse:
        """Redact a message's text, or cancel a scheduled one."""
        message = self.all.get(request.match_info["sid"])
        if message is None:
            return not_found(request)
        form = await form_of(request)
        if form.get("Status") == "canceled":
            if message.status != "scheduled":
                return Refusal(30409, "Message is not in a cancelable state.", 409).answer()
            message.status = "canceled"
            self._ground.ledger.add("status", sid=message.sid, to=message.to, status="canceled", code=None)
        if form.get("Body") == "":
            message.body = ""
            self._ground.ledger.add("redacted", sid=message.sid)
        message.updated_at = datetime.now(UTC)
        return web.json_response(message.as_json())

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Forget a message."""
        if self.all.pop(request.match_info["sid"], None) is None:
            return not_found(request)
        self._ground.ledger.add("deleted", sid=request.match_info["sid"])
        return web.Response(status=204)

    # Keeping.

    def keep(self, message: Message) -> Message:
        """Number a message and remember it."""
        message.number = next(self._numbers)
        message.at = message.at or self._ground.ledger.at
        self.all[message.sid] = message
        return message

    def restore(self) -> None:
        """Remember, after a restart, what the ledger says, and go on with what was under way."""
        for entry in self._ground.ledger.entries:
            if entry["kind"] in _RESTORED:
                self.keep(_restored(entry, self._ground.settings.account_sid))
            if entry["kind"] == "inbound":
                self.opt_outs.heard(entry["from_"], entry["body"])
            elif entry["kind"] == "deleted":
                self.all.pop(entry["sid"], None)
            elif entry.get("sid") in self.all:
                _take_on(self.all[entry["sid"]], entry)
        for message in self.all.values():
            if message.status not in _FINAL:
                self._ground.spawn(self._live(message))


_RESTORED = {"accepted": "outbound-api", "inbound": "inbound", "own_reply": "outbound-reply"}
"""Kinds of the ledger's entries that make a message, with its direction."""


def _restored(entry: Mapping[str, Any], account_sid: str) -> Message:
    made_at = datetime.fromisoformat(entry["wall"])
    status = {"inbound": "received", "own_reply": "delivered"}.get(entry["kind"]) or entry.get("status", "queued")
    return Message(
        sid=entry["sid"],
        account_sid=account_sid,
        to=entry["to"],
        from_=entry.get("from_"),
        body=entry["body"],
        direction=_RESTORED[entry["kind"]],
        status=status,
        created_at=made_at,
        updated_at=made_at,
        sent_at=None if entry["kind"] == "accepted" else made_at,
        messaging_service_sid=entry.get("service"),
        status_callback=entry.get("callback"),
        media_urls=list(entry.get("media_urls", [])),
        at=entry["at"],
    )


def _take_on(message: Message, entry: Mapping[str, Any]) -> None:
    if entry["kind"] == "redacted":
        message.body = ""
    elif entry["kind"] == "status":
        message.status, message.error_code = entry["status"], entry.get("code")
        message.updated_at = datetime.fromisoformat(entry["wall"])
        if message.status in ("sent", "delivered"):
            message.sent_at = message.sent_at or message.updated_at


def _matches(message: Message, query: Mapping[str, str]) -> bool:
    return (
        query.get("To", message.to) == message.to
        and query.get("From", message.from_) == message.from_
        and in_days(query, "DateSent", message.sent_at)
    )


def form_of_message(message: Message) -> dict[str, str]:
    """Return the parameters that every webhook about a message carries."""
    form = {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsStatus": message.status,
        "AccountSid": message.account_sid,
        "ApiVersion": VERSION,
        "To": message.to,
        "From": message.from_ or TEST_NUMBER,
    }
    if message.messaging_service_sid:
        form["MessagingServiceSid"] = message.messaging_service_sid
    return form
