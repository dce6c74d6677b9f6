"""The sandbox's server: the table of routes, and the life of a message."""

import asyncio
import base64
import binascii
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import aiohttp
from aiohttp import web

from sandbox.callbacks import Webhooks
from sandbox.faults import CREATE_FAULTS, Fault, FaultError, Faults
from sandbox.ledger import Ledger
from sandbox.messages import API, E164, Message, Refusal, new_sid, segments_of, validate
from sandbox.optout import OptOutFilter
from sandbox.settings import SandboxSettings

_PAGE = Path(__file__).parent / "page"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'"
)
_UNAUTHORISED = Refusal(20003, "Authenticate", 401)
_LONGEST_LISTING = 1000


class Sandbox:
    """Accepts, lists, reports and receives messages, and lets things go wrong when asked to."""

    def __init__(self, settings: SandboxSettings, session: aiohttp.ClientSession) -> None:
        self.settings = settings
        self.ledger = Ledger(settings.ledger)
        self.faults = Faults()
        self.messages: dict[str, Message] = {}
        self.opt_outs = OptOutFilter(on=settings.opt_out_filter)
        self.names: dict[str, str] = {}
        self.base_url = ""
        self._webhooks = Webhooks(session, settings.auth_token, self.ledger)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held_callbacks: list[tuple[str, dict[str, str]]] = []
        self._restore()

    # What tests and readers ask.

    def accepted(self, to: str | None = None) -> list[dict[str, Any]]:
        """Return the ledger's accepted messages, oldest first."""
        return [e for e in self.ledger.entries if e["kind"] == "accepted" and to in (None, e["to"])]

    # Twilio's own paths.

    def routes(self) -> list[web.RouteDef]:
        """Return the table of routes."""
        account = f"{API}/Accounts/{{account}}"
        return [
            web.post(f"{account}/Messages.json", self._authorised(self.create)),
            web.get(f"{account}/Messages.json", self._authorised(self.list_messages)),
            web.get(f"{account}/Messages/{{sid}}.json", self._authorised(self.fetch)),
            web.post(f"{account}/Messages/{{sid}}.json", self._authorised(self.update)),
            web.delete(f"{account}/Messages/{{sid}}.json", self._authorised(self.delete)),
            web.get(f"{account}.json", self._authorised(self.account)),
            web.get("/livez", self.livez),
            web.get("/", self.page),
            web.get("/page.{kind:css|js}", self.asset),
            web.get("/sandbox/stream", self.stream),
            web.get("/sandbox/ledger", _local(self.show_ledger)),
            web.get("/sandbox/phones", _local(self.phones)),
            web.post("/sandbox/phones", _local(self.name_phone)),
            web.post("/sandbox/inbound", _local(self.inbound)),
            web.post("/sandbox/clock", _local(self.set_clock)),
            web.post("/sandbox/opt-out-filter", _local(self.set_filter)),
            web.get("/sandbox/faults", _local(self.list_faults)),
            web.post("/sandbox/faults", _local(self.add_fault)),
            web.delete("/sandbox/faults", _local(self.clear_faults)),
        ]

    def _authorised(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def checked(request: web.Request) -> web.StreamResponse:
            if not self._knows(request.headers.get("Authorization", "")):
                return _refuse(_UNAUTHORISED)
            if request.match_info["account"] != self.settings.account_sid:
                return _refuse(Refusal(20404, f"The requested resource {request.path} was not found", 404))
            return await handler(request)

        return checked

    def _knows(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return scheme.lower() == "basic" and self.settings.accepts(user, password)

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Create a message, or let the fault happen whose turn it is."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        to = form.get("To", "")
        fault = self.faults.strike(*CREATE_FAULTS, to=to)
        kind = fault.kind if fault else None
        self.ledger.add("create", to=to, fault=kind, validity=form.get("ValidityPeriod"))
        before = await self._fail_before(request, fault)
        if before is not None:
            return before
        refusal = validate(form, self.settings, self.opt_outs.blocked)
        if refusal is not None:
            self.ledger.add("refused", to=to, code=refusal.code)
            await self.ledger.sync()
            return _refuse(refusal)
        accept = asyncio.ensure_future(self._accept(form, fault))
        # The provider finishes what it began, even if the client has hung up.
        message = await asyncio.shield(accept)
        return await self._answer(request, message, fault)

    async def _fail_before(self, request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
        match fault.kind if fault else None:
            case "429":
                assert fault is not None
                refusal = Refusal(20429, "Too Many Requests", 429)
                return web.json_response(
                    refusal.as_json(), status=429, headers={"Retry-After": str(max(1, round(fault.seconds)))}
                )
            case "500_before":
                return _refuse(Refusal(20500, "An internal server error has occurred", 500))
            case "502_html":
                return web.Response(status=502, text="<html><body>Bad Gateway</body></html>", content_type="text/html")
            case "401":
                return _refuse(_UNAUTHORISED)
            case "error":
                assert fault is not None
                return _refuse(Refusal(fault.code or 30008, "An error that was asked for", fault.http_status))
            case "drop_before":
                _reset(request)
                return web.Response(status=500)
            case _:
                return None

    async def _accept(self, form: Mapping[str, str], fault: Fault | None) -> Message:
        if fault is not None and fault.kind == "slow_accept":
            await asyncio.sleep(fault.seconds)
        now = datetime.now(UTC)
        service = form.get("MessagingServiceSid")
        scheduled = form.get("ScheduleType") == "fixed"
        lag = self.faults.strike("list_lag", to=form["To"])
        message = Message(
            sid=new_sid("SM"),
            account_sid=self.settings.account_sid,
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
        self._keep(message)
        self.ledger.add(
            "accepted",
            sid=message.sid,
            to=message.to,
            from_=message.from_,
            service=service,
            body=message.body,
            callback=message.status_callback,
            validity=form.get("ValidityPeriod"),
            segments=segments_of(message.body),
            fault=fault.kind if fault else None,
        )
        await self.ledger.sync()
        if not scheduled:
            early = self.faults.strike("callback_early", to=message.to)
            life = self._live(message)
            if early is not None:
                await life
            else:
                self._spawn(life)
        return message

    async def _answer(self, request: web.Request, message: Message, fault: Fault | None) -> web.StreamResponse:
        created = web.json_response(message.as_json(), status=201)
        match fault.kind if fault else None:
            case "500_after":
                return _refuse(Refusal(20500, "An internal server error has occurred", 500))
            case "broken_json":
                return web.Response(status=201, text='{"sid": "SM', content_type="application/json")
            case "accept_then_drop":
                _reset(request)
            case "hang_after" | "slow":
                assert fault is not None
                await asyncio.sleep(fault.seconds)
            case _:
                pass
        return created

    async def _live(self, message: Message) -> None:
        """Send a message on its way: queued, sending, sent, and its receipt."""
        last = "delivered"
        fault = self.faults.strike("undelivered", "failed", to=message.to)
        if fault is not None:
            last = fault.kind
        path = [*(["queued"] if message.status == "accepted" else []), "sending", "sent", last]
        if last == "failed":
            path.remove("sent")
        for status in path:
            await asyncio.sleep(self.settings.step_s)
            if message.sid not in self.messages:
                return
            message.status, message.updated_at = status, datetime.now(UTC)
            message.from_ = message.from_ or "+15005550006"
            if status in ("sent", "delivered"):
                message.sent_at = message.sent_at or message.updated_at
            if fault is not None and status == last:
                message.error_code = fault.code or 30008
            self.ledger.add("status", sid=message.sid, to=message.to, status=status, code=message.error_code)
            await self._report(message)
        await self._release_held()

    async def _report(self, message: Message) -> None:
        if not message.status_callback:
            return
        form = self._form(message) | {"MessageStatus": message.status}
        if message.error_code and message.status in ("undelivered", "failed"):
            form["ErrorCode"] = str(message.error_code)
        if self.faults.strike("callbacks_dropped", to=message.to):
            self.ledger.add("callback", sid=message.sid, status=message.status, answer="dropped")
            return
        if self.faults.strike("callbacks_reordered", to=message.to):
            self._held_callbacks.append((message.status_callback, form))
            return
        times = 2 if self.faults.strike("callbacks_doubled", to=message.to) else 1
        for _ in range(times):
            self._spawn(self._webhooks.post("callback", message.status_callback, form))

    async def _release_held(self) -> None:
        """Post callbacks that were held back, the newest first."""
        while self._held_callbacks:
            url, form = self._held_callbacks.pop()
            self._spawn(self._webhooks.post("callback", url, form))

    def _form(self, message: Message) -> dict[str, str]:
        form = {
            "MessageSid": message.sid,
            "SmsSid": message.sid,
            "SmsStatus": message.status,
            "AccountSid": message.account_sid,
            "ApiVersion": "2010-04-01",
            "To": message.to,
            "From": message.from_ or "+15005550006",
        }
        if message.messaging_service_sid:
            form["MessagingServiceSid"] = message.messaging_service_sid
        return form

    async def list_messages(self, request: web.Request) -> web.StreamResponse:
        """List messages, newest first, filtered and paged."""
        query = request.query
        size = int(query.get("PageSize", "50")) if query.get("PageSize", "50").isdigit() else 50
        size = min(max(size, 1), _LONGEST_LISTING)
        page = int(query.get("Page", "0")) if query.get("Page", "0").isdigit() else 0
        now = time.monotonic()
        visible = (m for m in self.messages.values() if m.visible_at <= now)
        found = sorted((m for m in visible if _matches(m, query)), key=lambda m: -m.number)
        rows = found[page * size : (page + 1) * size]
        filters = {name: value for name, value in query.items() if name not in ("Page", "PageSize", "PageToken")}

        def uri(number: int) -> str:
            token = {"PageToken": f"PA{rows[-1].sid}"} if number and rows else {}
            return f"{request.path}?{urlencode({**filters, 'PageSize': size, 'Page': number, **token})}"

        more = len(found) > (page + 1) * size
        return web.json_response(
            {
                "messages": [message.as_json() for message in rows],
                "first_page_uri": uri(0),
                "next_page_uri": uri(page + 1) if more else None,
                "previous_page_uri": uri(page - 1) if page else None,
                "uri": uri(page),
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(rows) - 1, 0),
            }
        )

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """Show one message."""
        message = self.messages.get(request.match_info["sid"])
        return web.json_response(message.as_json()) if message else _not_found(request)

    async def update(self, request: web.Request) -> web.StreamResponse:
        """Redact a message's text, or cancel a scheduled one."""
        message = self.messages.get(request.match_info["sid"])
        if message is None:
            return _not_found(request)
        form = await request.post()
        if form.get("Status") == "canceled":
            if message.status != "scheduled":
                return _refuse(Refusal(30409, "Message is not in a cancelable state.", 409))
            message.status = "canceled"
        if form.get("Body") == "":
            message.body = ""
        message.updated_at = datetime.now(UTC)
        return web.json_response(message.as_json())

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Forget a message."""
        if self.messages.pop(request.match_info["sid"], None) is None:
            return _not_found(request)
        return web.Response(status=204)

    async def account(self, _request: web.Request) -> web.StreamResponse:
        """Show the account."""
        return web.json_response(
            {"sid": self.settings.account_sid, "friendly_name": "Sandbox", "status": "active", "type": "Full"}
        )

    # What a person or a test does.

    async def inbound(self, request: web.Request) -> web.StreamResponse:
        """Let somebody text one of the account's numbers."""
        wish = await request.json()
        sender, to = str(wish.get("from", "")), str(wish.get("to", ""))
        if not E164.fullmatch(sender) or not to:
            return web.json_response({"error": "from and to are needed, from as +12125550123"}, status=422)
        now = datetime.now(UTC)
        message = Message(
            sid=new_sid("SM"),
            account_sid=self.settings.account_sid,
            to=to,
            from_=sender,
            body=str(wish.get("body", "")),
            direction="inbound",
            status="received",
            created_at=now,
            updated_at=now,
            sent_at=now,
            media=len(wish.get("media_urls", [])),
        )
        self._keep(message)
        self.ledger.add("inbound", sid=message.sid, from_=sender, to=to, body=message.body)
        await self.ledger.sync()
        reply = self.opt_outs.heard(sender, message.body)
        if reply is not None:
            self._say_by_itself(message, reply)
        url = self.settings.inbound_url
        if url and not wish.get("lose_webhook"):
            self._spawn(self._hand_over(message, url))
        return web.json_response({"sid": message.sid}, status=201)

    async def _hand_over(self, message: Message, url: str) -> None:
        form = self._form(message) | {
            "Body": message.body,
            "NumMedia": str(message.media),
            "NumSegments": str(segments_of(message.body)),
        }
        text = await self._webhooks.post("inbound_webhook", url, form)
        for answer in _twiml_messages(text):
            self._say_by_itself(message, answer)

    def _say_by_itself(self, heard: Message, text: str) -> None:
        now = datetime.now(UTC)
        reply = Message(
            sid=new_sid("SM"),
            account_sid=heard.account_sid,
            to=heard.from_ or "",
            from_=heard.to,
            body=text,
            direction="outbound-reply",
            status="delivered",
            created_at=now,
            updated_at=now,
            sent_at=now,
        )
        self._keep(reply)
        self.ledger.add("own_reply", sid=reply.sid, to=reply.to, body=text)

    async def phones(self, _request: web.Request) -> web.StreamResponse:
        """Show every phone with its messages."""
        return web.json_response({"at": self.ledger.at, "phones": self._phones()})

    def _phones(self) -> list[dict[str, Any]]:
        threads: dict[str, list[Message]] = {}
        for message in sorted(self.messages.values(), key=lambda m: m.number):
            number = (message.from_ if message.direction == "inbound" else message.to) or ""
            threads.setdefault(number, []).append(message)
        times = {e["sid"]: e["at"] for e in self.ledger.entries if e["kind"] in ("accepted", "inbound", "own_reply")}
        ordered = sorted(threads.items(), key=lambda item: -item[1][-1].number)
        return [
            {
                "number": number,
                "name": self.names.get(number),
                "blocked": number in self.opt_outs.blocked,
                "messages": [_bubble(message, times.get(message.sid)) for message in messages],
            }
            for number, messages in ordered
        ]

    async def name_phone(self, request: web.Request) -> web.StreamResponse:
        """Give a phone a name to show."""
        wish = await request.json()
        self.names[str(wish["number"])] = str(wish["name"])[:60]
        self.ledger.add("named", number=str(wish["number"]))
        return web.Response(status=204)

    async def set_clock(self, request: web.Request) -> web.StreamResponse:
        """Be told the product's time, for reading along."""
        self.ledger.at = str((await request.json())["now"])
        self.ledger.add("clock")
        return web.Response(status=204)

    async def set_filter(self, request: web.Request) -> web.StreamResponse:
        """Switch Twilio's own handling of STOP on or off."""
        self.opt_outs.on = bool((await request.json())["on"])
        return web.Response(status=204)

    async def show_ledger(self, request: web.Request) -> web.StreamResponse:
        """Return the ledger after a running number."""
        after = request.query.get("after", "0")
        entries = self.ledger.entries[int(after) if after.isdigit() else 0 :]
        return web.json_response({"entries": entries})

    async def list_faults(self, _request: web.Request) -> web.StreamResponse:
        """Return the faults that are asked for."""
        return web.json_response({"faults": [fault.as_json() for fault in self.faults.all()]})

    async def add_fault(self, request: web.Request) -> web.StreamResponse:
        """Ask for a fault."""
        try:
            fault = self.faults.add(await request.json())
        except (FaultError, json.JSONDecodeError) as error:
            return web.json_response({"error": str(error)}, status=422)
        return web.json_response(fault.as_json(), status=201)

    async def clear_faults(self, _request: web.Request) -> web.StreamResponse:
        """Let everything work again."""
        self.faults.clear()
        return web.Response(status=204)

    async def livez(self, _request: web.Request) -> web.StreamResponse:
        """Say that the sandbox is up."""
        return web.json_response({"status": "alive"})

    async def page(self, _request: web.Request) -> web.StreamResponse:
        """Show the phones."""
        text = (_PAGE / "page.html").read_text(encoding="utf-8")
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": _POLICY})

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """Return the page's script or style."""
        kind = request.match_info["kind"]
        types = {"css": "text/css", "js": "text/javascript"}
        return web.Response(text=(_PAGE / f"page.{kind}").read_text(encoding="utf-8"), content_type=types[kind])

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Tell the page, live, that something changed."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        seen = len(self.ledger.entries)
        with contextlib.suppress(ConnectionResetError):
            while True:
                await response.write(f"data: {seen}\n\n".encode())
                seen += len(await self.ledger.wait_for_more(seen))
                await asyncio.sleep(0.15)  # several changes at once make one redraw
                seen = len(self.ledger.entries)
        return response

    # Small parts.

    def _keep(self, message: Message) -> None:
        message.number = len(self.messages) + 1
        self.messages[message.sid] = message

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop everything that is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.ledger.close()

    def _restore(self) -> None:
        """Remember, after a restart, what the ledger says was accepted, sent in and blocked."""
        for entry in self.ledger.entries:
            if entry["kind"] in ("accepted", "inbound", "own_reply"):
                at = datetime.fromisoformat(entry["wall"])
                inbound = entry["kind"] == "inbound"
                self._keep(
                    Message(
                        sid=entry["sid"],
                        account_sid=self.settings.account_sid,
                        to=entry["to"],
                        from_=entry.get("from_"),
                        body=entry["body"],
                        direction="inbound" if inbound else "outbound-api",
                        status="received" if inbound else "sent",
                        created_at=at,
                        updated_at=at,
                        sent_at=at,
                        messaging_service_sid=entry.get("service"),
                    )
                )
                if inbound:
                    self.opt_outs.heard(entry["from_"], entry["body"])
            elif entry["kind"] == "status" and entry["sid"] in self.messages:
                self.messages[entry["sid"]].status = entry["status"]


@contextlib.asynccontextmanager
async def running_sandbox(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    """Run a sandbox in this process until the block ends."""
    async with aiohttp.ClientSession() as session:
        sandbox = Sandbox(settings, session)
        application = web.Application(client_max_size=64 * 1024)
        application.add_routes(sandbox.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, settings.host, settings.port)
            await site.start()
            sandbox.base_url = f"http://{settings.host}:{runner.addresses[0][1]}"
            yield sandbox
        finally:
            await sandbox.close()
            await runner.cleanup()


def with_inbound(settings: SandboxSettings, url: str) -> SandboxSettings:
    """Return settings whose inbound texts go to an address."""
    return replace(settings, inbound_url=url)


def _local(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Let only this machine use a route."""

    async def checked(request: web.Request) -> web.StreamResponse:
        if not (request.remote or "").startswith(("127.", "::1")):
            raise web.HTTPForbidden
        return await handler(request)

    return checked


def _matches(message: Message, query: Mapping[str, str]) -> bool:
    if query.get("To", message.to) != message.to or query.get("From", message.from_) != message.from_:
        return False
    sent = message.sent_at.date().isoformat() if message.sent_at else ""
    wanted = {name: query[name][:10] for name in ("DateSent", "DateSent<", "DateSent>") if name in query}
    return (
        (bool(sent) or not wanted)
        and wanted.get("DateSent", sent) == sent
        and sent <= wanted.get("DateSent<", sent)
        and sent >= wanted.get("DateSent>", sent)
    )


def _bubble(message: Message, at: str | None) -> dict[str, Any]:
    return {
        "body": message.body,
        "incoming": message.direction == "inbound",
        "status": message.status,
        "code": message.error_code,
        "segments": segments_of(message.body),
        "at": at or message.created_at.isoformat(),
        "ours": message.from_ if message.direction != "inbound" else message.to,
    }


def _twiml_messages(text: str | None) -> list[str]:
    if not text or "<Message" not in text:
        return []
    try:
        tree = ET.fromstring(text)  # noqa: S314 - the answer of our own service, on loopback
    except ET.ParseError:
        return []
    return [body for message in tree.iter("Message") if (body := "".join(message.itertext()).strip())]


def _refuse(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.as_json(), status=refusal.status)


def _not_found(request: web.Request) -> web.Response:
    return _refuse(Refusal(20404, f"The requested resource {request.path} was not found", 404))


def _reset(request: web.Request) -> None:
    """Break the connection off without an answer."""
    if request.transport is not None:
        request.transport.abort()
