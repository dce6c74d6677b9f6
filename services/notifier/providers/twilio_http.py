"""Twilio's SDK over our own aiohttp session: one pool, a timeout that holds, and no retries of its own."""

import logging
from datetime import timedelta
from typing import Any

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

from services.notifier.providers.http_answers import CONNECT_S, TOO_MANY, retry_after
from shared.telemetry import tracing


class RateLimitedError(TwilioException):
    """HTTP 429: never processed, so always safe to try again."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("too many requests")
        self.retry_after = retry_after


class TwilioHttp(AsyncHttpClient):
    """Carries the SDK's requests. ``base_url`` points them elsewhere, to a sandbox or a proxy."""

    def __init__(self, session: aiohttp.ClientSession, *, timeout_s: float, base_url: str | None = None) -> None:
        # The SDK's logger prints telephone numbers at INFO; nobody configures this one.
        super().__init__(logging.getLogger("twilio.quiet"), is_async=True, timeout=timeout_s)
        self._session = session
        self._base = URL(base_url) if base_url else None

    async def request(  # type: ignore[override] # noqa: PLR0917 - the SDK's own asynchronous form
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the SDK's signature
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - the SDK's signature
    ) -> Response:
        """Make one request; a redirect is never followed, since it would repeat a create elsewhere."""
        target = URL(url)
        if self._base is not None:
            target = self._base.join(target.relative())
        if auth:
            headers = {**(headers or {}), "Authorization": aiohttp.encode_basic_auth(*auth)}
        limit = aiohttp.ClientTimeout(total=timeout or self.timeout, connect=CONNECT_S)
        present = {name: value for name, value in (data or {}).items() if value is not None} or None
        # Addresses name numbers and accounts; the span says no more than that Twilio was asked, and what it said.
        with tracing.span(f"{method} twilio", kind="client", is_root=False) as span:
            async with self._session.request(
                method,
                target,
                params=params,
                data=present,
                headers=headers,
                allow_redirects=allow_redirects,
                timeout=limit,
            ) as response:
                span.note(http_status=response.status)
                if response.status == TOO_MANY:
                    raise RateLimitedError(retry_after(response.headers))
                return Response(response.status, await response.text(), response.headers)
