"""The sandbox's server: Twilio's paths, SendGrid's paths, and the page, on one port."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.admin_routes import Admin
from sandbox.call_routes import Calls
from sandbox.callbacks import MailWebhook, TwilioWebhooks
from sandbox.faults import Faults
from sandbox.ground import Ground
from sandbox.ledger import Ledger
from sandbox.mail import LARGEST
from sandbox.mail_routes import MailRoom
from sandbox.message_routes import Messages
from sandbox.optout import OptOutFilter
from sandbox.origin import is_loopback
from sandbox.reception import Reception
from sandbox.settings import SandboxSettings
from sandbox.twilio_account import API, authorised

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sandbox:
    """The stand-in as a whole."""

    def __init__(self, settings: SandboxSettings, session: aiohttp.ClientSession) -> None:
        self.settings = settings
        self.ledger = Ledger(settings.ledger)
        self.faults = Faults()
        self._ground = Ground(
            settings,
            self.ledger,
            self.faults,
            TwilioWebhooks(session, settings, self.ledger),
            MailWebhook(
                session, settings.mail_events_url, settings.mail_signer, self.ledger, first_gap_s=settings.step_s * 2
            ),
        )
        self.messages = Messages(self._ground)
        self.calls = Calls(self._ground)
        self.mail = MailRoom(self._ground)
        self._admin = Admin(self._ground, self.messages, self.calls, self.mail)
        self._reception = Reception(settings, session)
        self.base_url = ""
        for part in (self.messages, self.calls, self.mail, self._admin):
            part.restore()

    @property
    def opt_outs(self) -> OptOutFilter:
        """Twilio's own handling of STOP."""
        return self.messages.opt_outs

    def accepted(self, to: str | None = None, *, kind: str = "accepted") -> list[dict[str, Any]]:
        """Return the ledger's entries of accepted texts (or ``call_accepted``, ``mail_accepted``), oldest first."""
        return [entry for entry in self.ledger.entries if entry["kind"] == kind and to in (None, entry["to"])]

    def application(self) -> web.Application:
        """Return the application with every route."""
        application = web.Application(client_max_size=LARGEST + 1, middlewares=[self._guard])
        application.add_routes(self.messages.routes())
        application.add_routes(self.calls.routes())
        application.add_routes(self.mail.routes())
        application.add_routes(self._admin.routes())
        application.add_routes(self._reception.routes())
        application.add_routes(
            [
                web.get(f"{API}/Accounts/{{account}}.json", authorised(self.settings, self._show_account)),
                web.get("/livez", self._livez),
            ]
        )
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keep the page and the admin routes to this machine, and other sites' pages away from them."""
        if request.path in ("/", "/side-by-side") or request.path.startswith(("/sandbox/", "/page/")):
            if not self.settings.open_to_all and not is_loopback(request.remote):
                raise web.HTTPForbidden
            if request.method != "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site":
                raise web.HTTPForbidden
        response = await handler(request)
        if not response.prepared:
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _show_account(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"sid": self.settings.account_sid, "friendly_name": "Sandbox", "status": "active", "type": "Full"}
        )

    async def _livez(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "alive"})

    async def close(self) -> None:
        """Stop everything that is under way."""
        await self._ground.close()


@contextlib.asynccontextmanager
async def running_sandbox(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    """Run a sandbox in this process until the block ends."""
    async with aiohttp.ClientSession() as session:
        sandbox = Sandbox(settings, session)
        runner = web.AppRunner(sandbox.application(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, settings.host, settings.port)
            await site.start()
            sandbox.base_url = f"http://{settings.host}:{runner.addresses[0][1]}"
            yield sandbox
        finally:
            await sandbox.close()
            await runner.cleanup()
