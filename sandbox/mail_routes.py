"""SendGrid's paths: taking mail, delivering it to mailboxes, and reporting events in signed batches."""

import asyncio
import hmac
import itertools
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from sandbox import mishaps
from sandbox.faults import CREATE_FAULTS, MAIL_FAULTS, Fault
from sandbox.ground import Ground
from sandbox.mail import LARGEST, FieldError, Mail, is_dry_run, mails_of, outcome_of, validate_mail

_FINAL = frozenset({"delivered", "bounce", "dropped"})
_SUPPRESSED_BY = {
    "bounce": "Bounced Address",
    "spamreport": "Spam Reporting Address",
    "unsubscribe": "Unsubscribed Address",
}
"""Events after which later mail to an address is dropped, with the reason that is given."""
_EVENT_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "processed": {},
    "deferred": {"response": "421 4.3.2 try again later", "attempt": "1", "tls": 1},
    "delivered": {"response": "250 OK", "tls": 1},
    "bounce": {
        "reason": "550 5.1.1 the address does not exist",
        "status": "5.1.1",
        "type": "bounce",
        "bounce_classification": "Invalid Address",
    },
    "blocked": {
        "reason": "550 5.7.1 refused by policy",
        "status": "5.7.1",
        "type": "blocked",
        "bounce_classification": "Content",
    },
    "dropped": {"reason": "Invalid", "status": "5.0.0"},
    "spamreport": {},
    "unsubscribe": {},
}
EVENTS = frozenset(_EVENT_FIELDS)


def _errors(status: int, *errors: FieldError) -> web.Response:
    return web.json_response({"errors": [error.as_json() for error in errors]}, status=status)


def _words(status: int, _fault: Fault) -> web.Response:
    messages = {401: "The provided authorization grant is invalid, expired, or revoked", 429: "too many requests"}
    answer = _errors(status, FieldError(None, messages.get(status, "internal error")))
    if status == 429:
        reset = str(int(time.time()) + 1)
        answer.headers.update({"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset})
    return answer


class MailRoom:
    """Every mail that was accepted, and what is reported about it."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.all: dict[str, Mail] = {}
        self.suppressed: dict[str, str] = {}
        """Addresses that later mail is dropped for, with the reason."""
        self._numbers = itertools.count(1)
        self._batch: list[dict[str, Any]] = []

    def routes(self) -> list[web.RouteDef]:
        """Return the table of routes."""
        return [
            web.post("/v3/mail/send", self.send),
            web.get("/v3/user/webhooks/event/settings/signed", self.show_public_key),
        ]

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Return the answer to somebody without the right key; None when it is right."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = self._ground.settings.sendgrid_api_key
        if key and scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), key.encode()):
            return None
        return _errors(401, FieldError(None, "The provided authorization grant is invalid, expired, or revoked"))

    async def show_public_key(self, request: web.Request) -> web.StreamResponse:
        """Show the key that events are signed with."""
        refused = self._refusal(request)
        return refused or web.json_response({"public_key": self._ground.settings.mail_signer.public_key})

    # Taking mail.

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Take mail, or let the fault happen whose turn it is."""
        ground = self._ground
        refused = self._refusal(request)
        if refused is not None:
            return refused
        if request.content_type != "application/json":
            return _errors(415, FieldError(None, "Content-Type should be application/json."))
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _too_large()
        if len(body) > LARGEST:
            return _too_large()
        try:
            wish = json.loads(body)
        except ValueError:
            return _errors(400, FieldError(None, "Bad Request"))
        to = _first_address(wish)
        fault = ground.faults.strike(*CREATE_FAULTS, to=to, on="mail")
        ground.ledger.add("mail_create", to=to, fault=fault and fault.kind)
        failed = await mishaps.before(request, fault, _words)
        if failed is not None:
            return failed
        wrong = self._wrong(wish)
        if wrong is not None:
            return wrong
        if is_dry_run(wish):
            return web.Response(status=200)
        message_id = await self._accept(wish, fault)
        accepted = web.Response(status=202, headers={"X-Message-Id": message_id})
        return await mishaps.after(request, fault, accepted, _words)

    def _wrong(self, wish: Any) -> web.Response | None:
        ground = self._ground
        errors = validate_mail(wish, now=datetime.now(UTC))
        if errors:
            ground.ledger.add("mail_refused", fields=[error.field for error in errors])
            return _errors(400, *errors)
        senders = ground.settings.mail_senders
        if senders and wish["from"]["email"] not in senders:
            ground.ledger.add("mail_refused", fields=["from"])
            return _errors(403, FieldError("from", "The from address does not match a verified Sender Identity."))
        return None

    async def _accept(self, wish: Mapping[str, Any], fault: Fault | None) -> str:
        ground = self._ground
        message_id = secrets.token_urlsafe(16)
        send_at = {n: one.get("send_at", wish.get("send_at")) for n, one in enumerate(wish["personalizations"])}
        for mail in mails_of(wish, message_id, datetime.now(UTC)):
            mail.number, mail.at = next(self._numbers), ground.ledger.at
            self.all[mail.id] = mail
            kept = asdict(mail) | {"accepted_at": mail.accepted_at.isoformat()}
            for name in ("at", "number", "status", "reason", "read", "events"):
                del kept[name]
            wait_until = send_at[int(mail.id.split("recvd-")[1].split("-")[0])]
            ground.ledger.add("mail_accepted", **kept, send_at=wait_until, fault=fault.kind if fault else None)
            ground.spawn(self._live(mail, wait_until))
        await ground.ledger.sync()
        return message_id

    # Delivering and reporting.

    async def _live(self, mail: Mail, send_at: int | None = None) -> None:
        """Send a mail on its way: processed, and then delivered, bounced or dropped."""
        if send_at:
            await asyncio.sleep(max(0.0, send_at - time.time()))
        step_s = self._ground.settings.step_s
        await asyncio.sleep(step_s)
        reason = None if mail.bypasses else self.suppressed.get(mail.to.lower())
        if reason is not None:
            self.happen(mail, "dropped", reason=reason)
            return
        fault = self._ground.faults.strike(*MAIL_FAULTS, to=mail.to, on="mail")
        outcome = fault.kind if fault else outcome_of(mail.to)
        if outcome == "dropped":
            self.happen(mail, "dropped")
            return
        self.happen(mail, "processed")
        await asyncio.sleep(step_s)
        if outcome == "deferred":
            self.happen(mail, "deferred")
            await asyncio.sleep(step_s)
        if outcome in ("bounce", "blocked"):
            self.happen(mail, outcome)
            return
        self.happen(mail, "delivered")
        if outcome == "spamreport":
            await asyncio.sleep(step_s)
            self.happen(mail, "spamreport")

    def happen(self, mail: Mail, what: str, **fields: Any) -> None:
        """Let something happen to a mail, and report it with the next batch."""
        # A block is a bounce of another type: the address itself is good.
        event = "bounce" if what == "blocked" else what
        more = {**_EVENT_FIELDS[what], **fields}
        self._take_on(mail, what, more.get("reason"))
        self._ground.ledger.add("mail_event", id=mail.id, to=mail.to, event=what, reason=more.get("reason"))
        report = {
            **mail.custom_args,
            "email": mail.to,
            "timestamp": int(time.time()),
            "smtp-id": f"<{mail.id.partition('.')[0]}@sandbox.invalid>",
            "event": event,
            "sg_event_id": secrets.token_urlsafe(16),
            "sg_message_id": mail.id,
            **({"category": mail.categories} if mail.categories else {}),
            **more,
        }
        self._report(mail.to, report)

    def _take_on(self, mail: Mail, what: str, reason: str | None) -> None:
        mail.events.append(what)
        if what in ("spamreport", "unsubscribe"):
            self.suppressed[mail.to.lower()] = _SUPPRESSED_BY[what]
            return
        mail.status, mail.reason = ("bounce" if what == "blocked" else what), reason
        if what == "bounce":
            self.suppressed[mail.to.lower()] = _SUPPRESSED_BY[what]

    def _report(self, to: str, event: dict[str, Any]) -> None:
        faults = self._ground.faults
        if faults.strike("callbacks_dropped", to=to, on="mail"):
            self._ground.ledger.add("mail_webhook", events=[event["sg_event_id"]], answer="dropped")
            return
        if not self._batch:
            self._ground.spawn(self._post_batch())
        self._batch.append(event)
        if faults.strike("callbacks_doubled", to=to, on="mail"):
            # As SendGrid does it: the same event, id and all, again in a later batch.
            self._ground.spawn(self._ground.mail_webhook.post([event]))

    async def _post_batch(self) -> None:
        """Wait a moment for more events, then post them together."""
        await asyncio.sleep(self._ground.settings.step_s * 1.5)
        batch, self._batch = self._batch, []
        if self._ground.faults.strike("callbacks_reordered", to=None, on="mail"):
            batch.reverse()
        await self._ground.mail_webhook.post(batch)

    # Keeping.

    def restore(self) -> None:
        """Remember, after a restart, what the ledger says, and go on with what was under way."""
        waiting: dict[str, int | None] = {}
        for entry in self._ground.ledger.entries:
            if entry["kind"] == "mail_accepted":
                facts = {name: entry[name] for name in Mail.__dataclass_fields__ if name in entry}
                facts["accepted_at"] = datetime.fromisoformat(entry["accepted_at"])
                mail = self.all[entry["id"]] = Mail(**facts, number=next(self._numbers))
                waiting[mail.id] = entry["send_at"]
            elif entry["kind"] == "mail_event" and entry["id"] in self.all:
                self._take_on(self.all[entry["id"]], entry["event"], entry["reason"])
        for mail in self.all.values():
            if mail.status not in _FINAL:
                self._ground.spawn(self._live(mail, waiting[mail.id]))


def _too_large() -> web.Response:
    return web.Response(
        status=413, text="<html><body>413 Request Entity Too Large</body></html>", content_type="text/html"
    )


def _first_address(wish: Any) -> str | None:
    """Return the first recipient of a request that may be anything."""
    try:
        address = wish["personalizations"][0]["to"][0]["email"]
    except (LookupError, TypeError):
        return None
    return address if isinstance(address, str) else None
