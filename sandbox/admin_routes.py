"""What a person at the page or a test does: texts in, answers calls, reads mail, and lets things go wrong."""

import asyncio
import base64
import contextlib
import html
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox.call_routes import Calls
from sandbox.desk import Owner, mail_as_page, mailboxes_of, phones_of
from sandbox.faults import FaultError
from sandbox.ground import Ground
from sandbox.inbound import Inbound
from sandbox.mail import Mail
from sandbox.mail_routes import EVENTS, MailRoom
from sandbox.message_routes import Messages
from sandbox.phone_line import LineError

_PAGE = Path(__file__).parent / "page"
_ASSETS = {".css": "text/css", ".js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-src 'self'{also_framed}; base-uri 'none'; form-action 'none'; frame-ancestors {framed_by}"
)
# A mail is a stranger's page: it runs nothing, sends nothing and loads nothing.
_MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_SETTLE_S = 0.15


class Admin:
    """The page, its JSON, and the routes that act for people."""

    def __init__(self, ground: Ground, messages: Messages, calls: Calls, mail: MailRoom) -> None:
        self._ground = ground
        self._messages = messages
        self._inbound = Inbound(ground, messages)
        self._calls = calls
        self._mail = mail
        self.owners: dict[str, Owner] = {}
        self._zone: str | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return the table of routes."""
        beside = [web.get("/side-by-side", self.side_by_side)] if self._ground.settings.console_url else []
        return [
            *beside,
            web.get("/", self.page),
            web.get("/page/{name}", self.asset),
            web.get("/sandbox/stream", self.stream),
            web.get("/sandbox/state", self.show_state),
            web.get("/sandbox/phones", self.show_phones),
            web.post("/sandbox/phones", self.name_phone),
            web.get("/sandbox/mailboxes", self.show_mailboxes),
            web.post("/sandbox/inbound", self.text_in),
            web.post("/sandbox/calls/{sid}/{deed:answer|reject|press|hang-up}", self.use_phone),
            web.get("/sandbox/mail/{id}", self.show_mail),
            web.get("/sandbox/mail/{id}/html", self.show_mail_html),
            web.get("/sandbox/mail/{id}/attachments/{n:[0-9]+}", self.show_attachment),
            web.post("/sandbox/mail/{id}/events", self.happen_to_mail),
            web.post("/sandbox/mail/{id}/unsubscribe", self.unsubscribe),
            web.post("/sandbox/mail/{id}/read", self.read_mail),
            web.get("/sandbox/mail-key", self.show_mail_key),
            web.get("/sandbox/ledger", self.show_ledger),
            web.post("/sandbox/clock", self.set_clock),
            web.post("/sandbox/opt-out-filter", self.set_filter),
            web.get("/sandbox/faults", self.list_faults),
            web.post("/sandbox/faults", self.add_fault),
            web.delete("/sandbox/faults", self.clear_faults),
        ]

    # Looking.

    async def page(self, _request: web.Request) -> web.StreamResponse:
        """Show the phones and mailboxes."""
        framed_by = "'self'" if self._ground.settings.console_url else "'none'"
        return _show("page.html", _POLICY.format(also_framed="", framed_by=framed_by))

    async def side_by_side(self, _request: web.Request) -> web.StreamResponse:
        """Show the phones and the product's console beside each other."""
        console = self._ground.settings.console_url or ""
        return _show(
            "side-by-side.html", _POLICY.format(also_framed=f" {console}", framed_by="'none'"), console=console
        )

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """Return one of the page's scripts, or its style."""
        for path in _PAGE.iterdir():
            if path.name == request.match_info["name"] and path.suffix in _ASSETS:
                text = path.read_text(encoding="utf-8")
                headers = {"Cache-Control": "no-cache"}
                return web.Response(text=text, content_type=_ASSETS[path.suffix], charset="utf-8", headers=headers)
        raise web.HTTPNotFound

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Tell the page, live, that something changed."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        ledger = self._ground.ledger
        seen = len(ledger.entries)
        with contextlib.suppress(ConnectionResetError):
            while True:
                await response.write(f"data: {seen}\n\n".encode())
                await ledger.wait_for_more(seen)
                await asyncio.sleep(_SETTLE_S)  # several changes at once make one redraw
                seen = len(ledger.entries)
        return response

    async def show_state(self, _request: web.Request) -> web.StreamResponse:
        """Return all that the page draws: ``{"at", "zone", "phones", "mailboxes"}``."""
        now = {"at": self._ground.ledger.at, "zone": self._zone}
        return web.json_response(now | {"phones": self._phones(), "mailboxes": self._boxes()})

    async def show_phones(self, _request: web.Request) -> web.StreamResponse:
        """Return every phone with its messages and calls."""
        return web.json_response({"at": self._ground.ledger.at, "phones": self._phones()})

    async def show_mailboxes(self, _request: web.Request) -> web.StreamResponse:
        """Return every mailbox with its mail."""
        return web.json_response({"at": self._ground.ledger.at, "mailboxes": self._boxes()})

    def _phones(self) -> list[dict[str, Any]]:
        messages = self._messages
        return phones_of(messages.all.values(), self._calls.all.values(), self.owners, messages.opt_outs.blocked)

    def _boxes(self) -> list[dict[str, Any]]:
        return mailboxes_of(self._mail.all.values(), self._mail.suppressed)

    async def show_ledger(self, request: web.Request) -> web.StreamResponse:
        """Return the ledger after a running number."""
        after = request.query.get("after", "0")
        start = int(after) if after.isascii() and after.isdigit() else 0
        return web.json_response({"entries": self._ground.ledger.entries[start:]})

    # Phones.

    async def name_phone(self, request: web.Request) -> web.StreamResponse:
        """Say who holds a phone: ``{"number", "name", "role": "patient" or "staff"}``."""
        wish = await _wish(request, "number", "name")
        role = wish.get("role", "patient")
        if role not in ("patient", "staff"):
            raise _unusable("role: patient or staff")
        self.owners[wish["number"]] = Owner(wish["name"][:60], role)
        self._ground.ledger.add("named", number=wish["number"], name=wish["name"][:60], role=role)
        return web.Response(status=204)

    async def text_in(self, request: web.Request) -> web.StreamResponse:
        """Let somebody text in: ``{"from", "to", "body", "media_urls", "lose_webhook"}``."""
        wish = await _wish(request)
        try:
            message = await self._inbound.receive(wish)
        except ValueError as error:
            raise _unusable(str(error)) from None
        return web.json_response({"sid": message.sid}, status=201)

    async def use_phone(self, request: web.Request) -> web.StreamResponse:
        """Answer (``{"by": "human" or "machine"}``), reject, press keys (``{"digits": "1"}``) or hang up.

        No digits at all stand for a person who lets the time for them run out.
        """
        wish = await _wish(request) if request.can_read_body else {}
        try:
            line = self._calls.line(request.match_info["sid"])
            match request.match_info["deed"]:
                case "answer":
                    line.answer("machine" if wish.get("by") == "machine" else "human")
                case "reject":
                    line.reject()
                case "press":
                    await line.press("".join(key for key in str(wish.get("digits", "")) if key in "0123456789*#"))
                case _:
                    line.hang_up()
        except LineError as error:
            return web.json_response({"error": str(error)}, status=409)
        return web.Response(status=204)

    # Mail.

    def _mail_of(self, request: web.Request) -> Mail:
        mail = self._mail.all.get(request.match_info["id"])
        if mail is None:
            raise web.HTTPNotFound(text='{"error": "there is no such mail"}', content_type="application/json")
        return mail

    async def show_mail(self, request: web.Request) -> web.StreamResponse:
        """Return one mail."""
        return web.json_response(mail_as_page(self._mail_of(request)))

    async def show_mail_html(self, request: web.Request) -> web.StreamResponse:
        """Show the HTML part of a mail, shut in."""
        text = self._mail_of(request).parts.get("text/html", "")
        return web.Response(
            text=text, content_type="text/html", charset="utf-8", headers={"Content-Security-Policy": _MAIL_POLICY}
        )

    async def show_attachment(self, request: web.Request) -> web.StreamResponse:
        """Return an attachment as a download."""
        attachments, n = self._mail_of(request).attachments, int(request.match_info["n"])
        if n >= len(attachments):
            raise web.HTTPNotFound
        name = quote(attachments[n]["filename"], safe="")
        return web.Response(
            body=base64.b64decode(attachments[n]["content"]),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
                "Content-Security-Policy": _MAIL_POLICY,
            },
        )

    async def happen_to_mail(self, request: web.Request) -> web.StreamResponse:
        """Let something happen to a mail: ``{"event": "bounce"}`` and so on, reported by the event webhook."""
        mail, wish = self._mail_of(request), await _wish(request, "event")
        if wish["event"] not in EVENTS:
            raise _unusable(f"event: one of {', '.join(sorted(EVENTS))}")
        self._mail.happen(mail, wish["event"])
        return web.Response(status=204)

    async def unsubscribe(self, request: web.Request) -> web.StreamResponse:
        """Press a mail's unsubscribe button: one POST to the address in its header (RFC 8058)."""
        mail = self._mail_of(request)
        url = mail.unsubscribe_url()
        if url is None:
            return web.json_response({"error": "the mail offers no unsubscribing with one click"}, status=409)
        status = await self._ground.mail_webhook.click_unsubscribe(url)
        self._ground.ledger.add("mail_unsubscribe", id=mail.id, to=mail.to, answer=status)
        return web.json_response({"answer": status}, status=200 if status and status < 300 else 502)

    async def read_mail(self, request: web.Request) -> web.StreamResponse:
        """Mark a mail as read, on the page alone: nothing is reported, since nothing is tracked."""
        self._mail_of(request).read = True
        return web.Response(status=204)

    async def show_mail_key(self, _request: web.Request) -> web.StreamResponse:
        """Return the public key that mail events are signed with."""
        return web.json_response({"public_key": self._ground.settings.mail_signer.public_key})

    # The stage.

    async def set_clock(self, request: web.Request) -> web.StreamResponse:
        """Be told the product's time, for reading along: ``{"now", "zone"}``, the zone being the one the page shows."""
        wish = await _wish(request, "now")
        self._ground.ledger.at, self._zone = wish["now"], wish.get("zone") or self._zone
        self._ground.ledger.add("clock")
        return web.Response(status=204)

    async def set_filter(self, request: web.Request) -> web.StreamResponse:
        """Switch Twilio's own handling of STOP on or off."""
        wish = await _wish(request)
        if not isinstance(wish.get("on"), bool):
            raise _unusable("on: true or false")
        self._messages.opt_outs.on = wish["on"]
        return web.Response(status=204)

    async def list_faults(self, _request: web.Request) -> web.StreamResponse:
        """Return the faults that are asked for."""
        return web.json_response({"faults": [fault.as_json() for fault in self._ground.faults.all()]})

    async def add_fault(self, request: web.Request) -> web.StreamResponse:
        """Ask for a fault."""
        wish = await _wish(request)
        try:
            fault = self._ground.faults.add(wish)
        except FaultError as error:
            raise _unusable(str(error)) from None
        return web.json_response(fault.as_json(), status=201)

    async def clear_faults(self, _request: web.Request) -> web.StreamResponse:
        """Let everything work again."""
        self._ground.faults.clear()
        return web.Response(status=204)

    def restore(self) -> None:
        """Remember who holds which phone."""
        for entry in self._ground.ledger.entries:
            if entry["kind"] == "named" and "name" in entry:
                self.owners[entry["number"]] = Owner(entry["name"], entry.get("role", "patient"))


def _show(name: str, policy: str, **values: str) -> web.Response:
    text = (_PAGE / name).read_text(encoding="utf-8")
    for field, value in values.items():
        text = text.replace(f"{{{field}}}", html.escape(value))
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)


async def _wish(request: web.Request, *texts: str) -> dict[str, Any]:
    """Return what was posted; refuse it unless it is an object that has these texts."""
    try:
        wish = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise _unusable("not JSON") from None
    if not isinstance(wish, dict):
        raise _unusable("not an object")
    for name in texts:
        if not isinstance(wish.get(name), str) or not wish[name]:
            raise _unusable(f"{name}: a text is needed")
    return wish


def _unusable(why: str) -> web.HTTPUnprocessableEntity:
    return web.HTTPUnprocessableEntity(text=json.dumps({"error": why}), content_type="application/json")
