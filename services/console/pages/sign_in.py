"""Coming in and going out."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode

from aiohttp import web

from services.console import store
from services.console.context import Context
from services.console.domain.access import Visitor
from services.console.handlers.sign_in import Refused, by_link, by_password, start_session
from services.console.oidc import IdentityProvider, Pending
from services.console.pages.door import THEME, THEMES, Door
from shared.kernel.errors import PermanentError
from shared.postgres.sealing import UnsealError

_YEAR_S = 365 * 24 * 3600
_PENDING = "aftercare-oidc"
_PENDING_S = 600


class SignIn:
    """The pages in front of the door."""

    def __init__(self, context: Context, door: Door, provider: IdentityProvider | None) -> None:
        self._context = context
        self._door = door
        self._provider = provider
        self._slots = asyncio.Semaphore(2)  # a password costs 32 MB and a tenth of a second on purpose

    async def form(self, request: web.Request) -> web.StreamResponse:
        """Ask who is there."""
        return self._page(request, own_path(request.query.get("next")))

    async def password(self, request: web.Request) -> web.StreamResponse:
        """Let somebody in by name and password."""
        form = await request.post()
        name, given = str(form.get("name", "")).strip()[:100], str(form.get("password", ""))[:200]
        goal = own_path(str(form.get("next", "")))
        async with self._slots:
            answer = await by_password(self._context.database, name, given)
        if isinstance(answer, Refused):
            return self._page(request, goal, complaint=answer.sentence, status=403)
        return self._let_in(answer, goal)

    async def link(self, request: web.Request) -> web.StreamResponse:
        """Show the button behind a one-time link: what only looks at links (a chat, a scanner) must not use it up."""
        return self._context.pages.respond("link.html", token=request.match_info["token"])

    async def use_link(self, request: web.Request) -> web.StreamResponse:
        """Let somebody in by a one-time link."""
        answer = await by_link(self._context.database, request.match_info["token"])
        if isinstance(answer, Refused):
            return self._page(request, "/", complaint=answer.sentence, status=403)
        return self._let_in(answer, "/")

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Send a browser to the identity provider."""
        provider = self._needed()
        address, pending = await provider.begin(own_path(request.query.get("next")))
        response = web.Response(status=303, headers={"Location": address})
        sealed = self._context.database.sealer.seal(pending.to_text(), place=_PENDING)
        # Lax: the browser comes back from another site, and must bring this along.
        response.set_cookie(
            _PENDING,
            urlsafe_b64encode(sealed).decode(),
            max_age=_PENDING_S,
            httponly=True,
            secure=self._context.is_secure,
            samesite="Lax",
            path="/sign-in",
        )
        return response

    async def back(self, request: web.Request) -> web.StreamResponse:
        """Let in whom the identity provider vouches for."""
        provider = self._needed()
        pending = self._pending(request)
        person, role = await provider.finish(
            pending, state=request.query.get("state", ""), code=request.query.get("code", "")
        )
        async with self._context.database.transaction() as connection:
            token = await start_session(connection, Visitor(person, role), how="identity provider")
        # A page of ours, not a redirect: after one that began elsewhere, the browser would hold the session back.
        response = self._context.pages.respond("bounce.html", target=pending.goal)
        self._door.let_in(response, token)
        response.del_cookie(_PENDING, path="/sign-in")
        return response

    def _needed(self) -> IdentityProvider:
        if self._provider is None:
            raise web.HTTPNotFound(reason="No identity provider is set up.")
        return self._provider

    def _pending(self, request: web.Request) -> Pending:
        try:
            sealed = urlsafe_b64decode(request.cookies.get(_PENDING, ""))
            return Pending.from_text(self._context.database.sealer.open(sealed, place=_PENDING).decode())
        except (ValueError, UnsealError):
            raise PermanentError("It took too long, or another browser began. Begin again.") from None

    async def out(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        """End the session."""
        async with self._context.database.transaction() as connection:
            await store.end_session(connection, request.cookies[self._context.cookie])
            await store.audit(connection, visitor, "signed out")
        response = web.Response(status=303, headers={"Location": "/sign-in"})
        self._door.let_out(response)
        return response

    async def theme(self, request: web.Request, _visitor: Visitor) -> web.StreamResponse:
        """Keep whether somebody wants it light or dark."""
        form = await request.post()
        theme = str(form.get("theme", ""))
        if theme not in THEMES:
            raise PermanentError(f"theme: one of {', '.join(THEMES)}")
        response = web.Response(status=303, headers={"Location": own_path(str(form.get("next", "")))})
        response.set_cookie(
            THEME, theme, max_age=_YEAR_S, httponly=True, secure=self._context.is_secure, samesite="Strict"
        )
        return response

    def _let_in(self, token: str, goal: str) -> web.Response:
        response = web.Response(status=303, headers={"Location": goal})
        self._door.let_in(response, token)
        return response

    def _page(
        self, _request: web.Request, goal: str, *, complaint: str | None = None, status: int = 200
    ) -> web.Response:
        return self._context.pages.respond(
            "sign_in.html", status=status, goal=goal, complaint=complaint, oidc=self._context.oidc_name
        )


def own_path(given: str | None) -> str:
    """Return a path of our own to go to, whatever was asked for."""
    if not given or not given.startswith("/") or given.startswith(("//", "/\\")) or any(c in given for c in "\r\n\t"):
        return "/"
    return given
