"""What Twilio's resources have in common: who may ask, how it refuses, how it pages."""

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from sandbox.faults import Fault
from sandbox.settings import SandboxSettings

API = "/2010-04-01"
VERSION = "2010-04-01"
TEST_NUMBER = "+15005550006"
"""The number that Twilio's test credentials may send and call from."""
_LONGEST_PAGE = 1000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer in Twilio's form."""

    code: int
    message: str
    status: int = 400

    def as_json(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }

    def answer(self) -> web.Response:
        """Return the answer."""
        return web.json_response(self.as_json(), status=self.status)


_FAULT_CODES = {401: 20003, 429: 20429, 500: 20500}
_FAULT_MESSAGES = {401: "Authenticate", 429: "Too Many Requests", 500: "An internal server error has occurred"}


def words(status: int, fault: Fault) -> web.Response:
    """Word a fault as Twilio does."""
    code = fault.code or _FAULT_CODES.get(status, 30008)
    return Refusal(code, _FAULT_MESSAGES.get(status, "An error that was asked for"), status).answer()


def not_found(request: web.Request) -> web.Response:
    """Say that a resource does not exist."""
    return Refusal(20404, f"The requested resource {request.path} was not found", 404).answer()


def authorised(settings: SandboxSettings, handler: Handler) -> Handler:
    """Let only the account itself use a route."""

    async def checked(request: web.Request) -> web.StreamResponse:
        if not _knows(settings, request.headers.get("Authorization", "")):
            return Refusal(20003, "Authenticate", 401).answer()
        if request.match_info["account"] != settings.account_sid:
            return not_found(request)
        return await handler(request)

    return checked


def _knows(settings: SandboxSettings, header: str) -> bool:
    scheme, _, encoded = header.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return scheme.lower() == "basic" and settings.accepts(user, password)


async def form_of(request: web.Request) -> dict[str, str]:
    """Return a posted form, of a repeated parameter the last value."""
    return {name: str(value) for name, value in (await request.post()).items()}


def page_of(request: web.Request, name: str, found: Sequence[Any]) -> web.Response:
    """Answer with one page of a listing.

    Args:
        request: whose query says which page, and how long.
        name: what the resources are called in the answer.
        found: all that matches, in order; each has ``sid`` and ``as_json``.
    """
    size = min(max(_number(request.query, "PageSize", 50), 1), _LONGEST_PAGE)
    page = _number(request.query, "Page", 0)
    rows = found[page * size : (page + 1) * size]
    filters = {key: value for key, value in request.query.items() if key not in ("Page", "PageSize", "PageToken")}

    def uri(number: int) -> str:
        token = {"PageToken": f"PA{rows[-1].sid}"} if number and rows else {}
        return f"{request.path}?{urlencode({**filters, 'PageSize': size, 'Page': number, **token})}"

    return web.json_response(
        {
            name: [row.as_json() for row in rows],
            "first_page_uri": uri(0),
            "next_page_uri": uri(page + 1) if len(found) > (page + 1) * size else None,
            "previous_page_uri": uri(page - 1) if page else None,
            "uri": uri(page),
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(len(rows) - 1, 0),
        }
    )


def in_days(query: Mapping[str, str], name: str, moment: datetime | None) -> bool:
    """Return whether a moment's day, in UTC, passes the filters ``name``, ``name<`` and ``name>``, ends included."""
    wanted = {key: query[key][:10] for key in (name, f"{name}<", f"{name}>") if key in query}
    if moment is None:
        return not wanted
    day = moment.astimezone(UTC).date().isoformat()
    return wanted.get(name, day) == day and wanted.get(f"{name}>", day) <= day <= wanted.get(f"{name}<", day)


def new_sid(prefix: str) -> str:
    """Return a new identifier of a kind, for example SM and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


def rfc2822(at: datetime | None) -> str | None:
    """Write a time as the API does."""
    return format_datetime(at.astimezone(UTC).replace(microsecond=0)) if at else None


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else default
