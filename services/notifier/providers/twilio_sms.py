"""Texts through Twilio: one create per attempt, a listing to settle doubts, and its words translated into ours."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from services.notifier.domain.answer import Answer, ListedText, ProviderMessage, SentText
from services.notifier.domain.receipt import Receipt
from services.notifier.providers.http_answers import TIMEOUT_S
from services.notifier.providers.twilio_answers import answer_to
from services.notifier.providers.twilio_http import TwilioHttp
from shared.kernel.contact import PhoneNumber
from shared.kernel.errors import DependencyUnavailableError

_LISTED = 100
_PAGE = 1000
_LISTING_S = 60.0
# Ask for callbacks to be repeated; nothing relies on it (RELIABILITY.md finding 10).
_CALLBACK_OVERRIDES = "#rc=5&rp=all&ct=3000"
_SHORTEST_VALIDITY_S, _LONGEST_VALIDITY_S = 60, 36_000

RECEIPT_OF: Mapping[str, Receipt] = {
    "accepted": Receipt.ACCEPTED,
    "scheduled": Receipt.ACCEPTED,
    "queued": Receipt.QUEUED,
    "sending": Receipt.SENDING,
    "sent": Receipt.SENT,
    "delivered": Receipt.DELIVERED,
    "undelivered": Receipt.UNDELIVERED,
    "failed": Receipt.FAILED,
    "canceled": Receipt.FAILED,
    "read": Receipt.READ,
    "partially_delivered": Receipt.SENT,
}
"""Twilio's message statuses in our words; a status that is not listed is ignored."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Where texts come from: a Messaging Service, or one number."""

    messaging_service_sid: str | None = None
    from_number: str | None = None

    @property
    def name(self) -> str:
        """What opt-outs are kept under."""
        return self.from_number or self.messaging_service_sid or ""


@dataclass(frozen=True, slots=True)
class Text:
    """One text to one number. ``token`` names the attempt in the status callback."""

    to: PhoneNumber
    body: str
    sender: Sender
    token: str
    valid_for: timedelta


class TwilioSms:
    """Creates and lists messages."""

    def __init__(self, client: Client, *, public_url: str) -> None:
        self._client = client
        self._callback = f"{public_url.rstrip('/')}/twilio/status"

    async def send(self, text: Text) -> Answer:
        """Ask once for a text to be sent; whatever happens is one of the five answers."""
        return await answer_to(self._client.messages.create_async(**self._parameters(text)))

    def _parameters(self, text: Text) -> dict[str, Any]:
        seconds = int(text.valid_for.total_seconds())
        parameters: dict[str, Any] = {
            "to": text.to.e164,
            "body": text.body,
            "status_callback": f"{self._callback}?a={text.token}{_CALLBACK_OVERRIDES}",
            "validity_period": max(_SHORTEST_VALIDITY_S, min(seconds, _LONGEST_VALIDITY_S)),
            "smart_encoded": False,
        }
        if text.sender.messaging_service_sid and not text.sender.from_number:
            return {**parameters, "messaging_service_sid": text.sender.messaging_service_sid}
        return {**parameters, "from_": text.sender.from_number}

    async def list_inbound(self, numbers: Sequence[str], *, since: datetime) -> list[ListedText]:
        """Return the texts that our numbers received since a time, the newest first as the provider lists them.

        Raises:
            DependencyUnavailableError: the provider gave no list that can be relied on.
        """
        async with _answer_within(_LISTING_S):
            return [
                _read_inbound(message)
                for to in numbers or (None,)
                async for message in self._newest(since, to=to)
                if str(message.direction) == "inbound"
            ]

    async def list_sent(self, *, since: datetime) -> list[SentText]:
        """Return the texts that left this account since a time, the newest first.

        Raises:
            DependencyUnavailableError: the provider gave no list that can be relied on.
        """
        async with _answer_within(_LISTING_S):
            return [
                SentText(message.sid, message.to or "", message.body or "", _created_at(message))
                async for message in self._newest(since)
                if str(message.direction).startswith("outbound")
            ]

    async def _newest(self, since: datetime, *, to: str | None = None) -> AsyncIterator[Any]:
        """List messages; the provider filters by day at best, so the reading stops at the first that is older."""
        day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        filters: dict[str, Any] = {"date_sent_after": day, "page_size": _PAGE} | ({"to": to} if to else {})
        async for message in await self._client.messages.stream_async(**filters):
            if _created_at(message) < since:
                return
            yield message

    async def fetch(self, provider_reference: str) -> tuple[Receipt, str | None] | None:
        """Return how far a message is along and its error code; None where the provider's word for it is new to us.

        Raises:
            DependencyUnavailableError: the provider gave no answer that can be relied on.
        """
        async with _answer_within(TIMEOUT_S):
            found = await self._client.messages(provider_reference).fetch_async()
            status = RECEIPT_OF.get(str(found.status))
            return (status, str(found.error_code) if found.error_code else None) if status is not None else None

    async def list_to(self, to: PhoneNumber) -> list[ProviderMessage]:
        """Return the newest messages to a number.

        Raises:
            DependencyUnavailableError: the provider gave no list that can be relied on.
        """
        async with _answer_within(TIMEOUT_S):
            listed = await self._client.messages.list_async(to=to.e164, limit=_LISTED, page_size=_LISTED)
            return [_read(message) for message in listed]


@asynccontextmanager
async def _answer_within(seconds: float) -> AsyncIterator[None]:
    """Turn everything that keeps an answer from being relied on into one error."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (aiohttp.ClientError, TwilioException, OSError, TimeoutError, ValueError, TypeError, KeyError) as error:
        raise DependencyUnavailableError(f"no answer from the provider ({type(error).__name__})") from None


def _created_at(message: Any) -> datetime:
    """Return when the provider made a message.

    Raises:
        ValueError: a listed message says neither when, nor by which reference it is known.
    """
    created: datetime | None = message.date_created or message.date_sent
    if created is None or not message.sid:
        raise ValueError("a listed message without time or reference")
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _read(message: Any) -> ProviderMessage:
    return ProviderMessage(
        provider_reference=message.sid,
        body=message.body or None,
        created_at=_created_at(message),
        is_outbound=str(message.direction).startswith("outbound"),
    )


def _read_inbound(message: Any) -> ListedText:
    return ListedText(
        provider_reference=message.sid,
        phone=message.from_ or "",
        sender=message.to or "",
        text=message.body or "",
        media=int(message.num_media or 0),
        created_at=_created_at(message),
    )


def build_client(http: TwilioHttp, *, account_sid: str, username: str, password: str) -> Client:
    """Return the SDK's client over our transport."""
    return Client(username, password, account_sid=account_sid, http_client=http)
