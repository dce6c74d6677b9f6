"""E-mails through SendGrid's v3 interface: one request per attempt, and its words translated into ours."""

import asyncio
import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from services.notifier.domain.answer import Accepted, Answer, RateLimited, Rejected, Unsure
from services.notifier.domain.email import EmailContent
from services.notifier.domain.receipt import Receipt
from services.notifier.providers.http_answers import CONNECT_S, TIMEOUT_S, TOO_MANY, answer_to_failure, retry_after
from shared.kernel.contact import EmailAddress
from shared.telemetry import tracing

_HOME = "https://api.sendgrid.com"
ATTEMPT = "aftercare_attempt"
"""Name of the one custom argument: an opaque token, which comes back with every event."""
_LONGEST_RESET_S = 300

RECEIPT_OF: Mapping[str, Receipt] = {
    "processed": Receipt.ACCEPTED,
    "deferred": Receipt.SENDING,
    "delivered": Receipt.DELIVERED,
    "bounce": Receipt.UNDELIVERED,
    "dropped": Receipt.FAILED,
}
"""SendGrid's events in our words; an event that is not listed says nothing of delivery."""


@dataclass(frozen=True, slots=True)
class EmailSender:
    """Who an e-mail is from: an address that is verified at the provider, and the clinic's name."""

    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Email:
    """One e-mail to one mailbox. ``token`` names the attempt; ``unsubscribe_url`` takes a one-click request."""

    to: EmailAddress
    sender: EmailSender
    content: EmailContent = field(repr=False)
    token: str
    unsubscribe_url: str


class SendGridEmail:
    """Asks SendGrid to send."""

    def __init__(self, session: aiohttp.ClientSession, *, api_key: str, base_url: str | None = None) -> None:
        self._session = session
        self._url = f"{(base_url or _HOME).rstrip('/')}/v3/mail/send"
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._limit = aiohttp.ClientTimeout(total=TIMEOUT_S, connect=CONNECT_S)

    async def send(self, email: Email) -> Answer:
        """Ask once for an e-mail to be sent; whatever happens is one of the five answers."""
        try:
            with tracing.span("POST sendgrid", kind="client", is_root=False) as span:
                async with (
                    asyncio.timeout(TIMEOUT_S),
                    self._session.post(
                        self._url, json=_body(email), headers=self._headers, timeout=self._limit, allow_redirects=False
                    ) as response,
                ):
                    span.note(http_status=response.status)
                    return _read(response.status, response.headers)
        except Exception as error:  # noqa: BLE001 - whatever it was, the request may have left: nobody knows
            return answer_to_failure(error)


def _read(status: int, headers: Mapping[str, str]) -> Answer:
    reference = headers.get("X-Message-Id", "")
    if status == 202:
        return Accepted(reference) if reference else Unsure("no reference in the answer")
    if status == TOO_MANY:
        return RateLimited(retry_after(headers if "Retry-After" in headers else _until_reset(headers)))
    # A refusal is certain. A server error or a redirect says nothing about what became of the e-mail.
    return Rejected(str(status)) if 400 <= status < 500 and status != 408 else Unsure(f"http {status}")


def _until_reset(headers: Mapping[str, str]) -> dict[str, str]:
    """Turn the time at which the provider's own counter starts again into a number of seconds."""
    reset = headers.get("X-RateLimit-Reset", "")
    if not (reset.isascii() and reset.isdigit()):
        return {}
    return {"Retry-After": str(max(1, min(int(reset) - int(time.time()), _LONGEST_RESET_S)))}


def _body(email: Email) -> dict[str, Any]:
    content = email.content
    body: dict[str, Any] = {
        "personalizations": [{"to": [{"email": email.to.text}]}],
        "from": {"email": email.sender.address, "name": email.sender.name},
        "subject": content.subject,
        "content": [{"type": "text/plain", "value": content.text}, {"type": "text/html", "value": content.html}],
        # One click ends e-mails, without a page or a login (RFC 8058).
        "headers": {
            "List-Unsubscribe": f"<{email.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "custom_args": {ATTEMPT: email.token},
        # Rewritten links and counting pixels would tell others who reads a clinic's e-mails (DOMAIN.md 5.7).
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False},
        },
    }
    if content.calendar is not None:
        body["attachments"] = [
            {
                "content": base64.b64encode(content.calendar.encode()).decode(),
                "type": "text/calendar",
                "filename": "visit.ics",
                "disposition": "attachment",
            }
        ]
    return body
