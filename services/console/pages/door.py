"""The door: who comes in, with which right, and with which headers every answer leaves."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from aiohttp import web

from services.console import store
from services.console.context import LONGEST_SESSION, Context
from services.console.domain.access import Permission, Visitor
from shared.kernel.errors import DependencyUnavailableError, PermanentError
from shared.kernel.ids import digest
from shared.telemetry.log import log
from shared.web.server import Handler

CSRF_FIELD = "csrf"
THEME = "aftercare-theme"
THEMES = ("auto", "light", "dark")
VISITOR: web.RequestKey[Visitor] = web.RequestKey("visitor", Visitor)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors "
)
_NOT_FRAMED = {"Content-Security-Policy": f"{_POLICY}'none'", "X-Frame-Options": "DENY"}
_HEADERS = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}
_BOUNCED = "bounced"

Page = Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]


class Door:
    """Wraps pages: no page is reached without a visitor who may see it, and no act without the visitor's own form."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._headers = _HEADERS | headers_about_frames(context.framed_by)

    def guarded(self, permission: Permission, page: Page, *, keeps_awake: bool = True) -> Handler:
        """Return a page that only somebody with a permission reaches."""

        async def handle(request: web.Request) -> web.StreamResponse:
            visitor = await self.visitor_of(request, keeps_awake=keeps_awake)
            if visitor is None:
                return self._ask_to_sign_in(request)
            request[VISITOR] = visitor
            if not visitor.may(permission):
                raise web.HTTPForbidden(reason="Your role does not include this.")
            if request.method == "POST":
                await self._require_own_form(request)
            return await page(request, visitor)

        return self._finished(handle)

    def open(self, page: Handler) -> Handler:
        """Return a page for those who are not signed in yet; its forms must still be our own."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if request.method == "POST":
                _require_same_origin(request, self._context.address)
            return await page(request)

        return self._finished(handle)

    async def visitor_of(self, request: web.Request, *, keeps_awake: bool) -> Visitor | None:
        """Return who is signed in."""
        token = request.cookies.get(self._context.cookie)
        if not token:
            return None
        async with self._context.database.transaction() as connection:
            return await store.visit(
                connection, token, idle=self._context.idle, longest=LONGEST_SESSION, active=keeps_awake
            )

    def csrf_of(self, request: web.Request) -> str:
        """Return what the visitor's own forms carry."""
        return digest("csrf", request.cookies.get(self._context.cookie, ""))[:40]

    def let_in(self, response: web.StreamResponse, token: str) -> None:
        """Give a browser its session."""
        response.set_cookie(
            self._context.cookie, token, httponly=True, secure=self._context.is_secure, samesite="Strict", path="/"
        )

    def let_out(self, response: web.StreamResponse) -> None:
        """Take a browser's session away."""
        response.del_cookie(self._context.cookie, path="/", secure=self._context.is_secure, samesite="Strict")

    def show(
        self, request: web.Request, visitor: Visitor, template: str, *, status: int = 200, **values: Any
    ) -> web.Response:
        """Answer with a page, framed for the visitor."""
        theme = request.cookies.get(THEME, "")
        return self._context.pages.respond(
            template,
            status=status,
            visitor=visitor,
            csrf=self.csrf_of(request),
            here=request.path,
            figures=self._context.board.figures,
            theme=theme if theme in THEMES else "auto",
            now=self._context.clock.now(),
            **values,
        )

    async def _require_own_form(self, request: web.Request) -> None:
        _require_same_origin(request, self._context.address)
        form = await request.post()
        given = str(form.get(CSRF_FIELD, ""))
        if not hmac.compare_digest(given.encode(), self.csrf_of(request).encode()):
            raise web.HTTPForbidden(
                reason="This form is not from your session. Go back, load the page again, and retry."
            )

    def _ask_to_sign_in(self, request: web.Request) -> web.StreamResponse:
        if request.method != "GET":
            raise web.HTTPUnauthorized(reason="Your session has ended. Sign in again.")
        if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            raise web.HTTPUnauthorized(reason="Your session has ended. Sign in again.")
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and _BOUNCED not in request.query:
            # Coming from another site, the browser held the session back. Asked by ourselves, it will send it.
            return self._bounce(request)
        return web.Response(status=303, headers={"Location": f"/sign-in?next={quote(request.path_qs, safe='/')}"})

    def _bounce(self, request: web.Request) -> web.Response:
        target = str(request.rel_url.update_query({_BOUNCED: "1"}))
        return self._context.pages.respond("bounce.html", target=target)

    def _finished(self, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                response = await handler(request)
            except web.HTTPException as refusal:
                if refusal.status < 400:
                    raise
                response = self._error(request, refusal.status, refusal.reason)
            except PermanentError as error:
                response = self._error(request, 400, error.reason)
            except DependencyUnavailableError as error:
                response = self._error(request, 503, f"{error}. Nothing was changed; try again in a moment.")
            except Exception:  # noqa: BLE001 - the last resort: the visitor learns nothing, the log learns where
                log.error("a page failed", exc_info=True)
                response = self._error(request, 500, "This page failed. The log says where.")
            if not response.prepared:
                for name, value in self._headers.items():
                    response.headers.setdefault(name, value)
                if self._context.is_secure:
                    response.headers["Strict-Transport-Security"] = "max-age=31536000"
            return response

        return handle

    def _error(self, request: web.Request, status: int, reason: str) -> web.Response:
        return self._context.pages.respond(
            "error.html", status=status, reason=reason, code=status, visitor=request.get(VISITOR)
        )


def headers_about_frames(framed_by: str | None) -> dict[str, str]:
    """Return who may show our pages inside theirs: nobody, or the one origin of the demo."""
    return {"Content-Security-Policy": f"{_POLICY}{framed_by}"} if framed_by else _NOT_FRAMED


def _require_same_origin(request: web.Request, address: str) -> None:
    """Refuse a form that another site's page has sent (RELIABILITY.md S6)."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    own = site == "same-origin" if site is not None else origin == address
    if not own:
        raise web.HTTPForbidden(reason="This form was sent from another site.")
