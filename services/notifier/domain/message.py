"""A message on one channel as the notifier works with it, and whom it goes to."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.notifier.domain.receipt import Receipt
from services.notifier.domain.state import DeliveryStatus
from shared.kernel.contact import EmailAddress, PhoneNumber
from shared.messages.base import Channel, Consent, Purpose

Address = PhoneNumber | EmailAddress


@dataclass(frozen=True, slots=True)
class Message:
    """One row of the table, with what its template needs."""

    id: int
    subject: str
    key: str
    channel: Channel
    clinic_id: str
    patient_ref: str
    recipient_id: str
    purpose: Purpose
    urgent: bool
    state: DeliveryStatus
    wanted: bool
    send_at: datetime
    expires_at: datetime
    due_at: datetime
    attempt: int
    resends: int
    reason: str | None
    provider_reference: str | None
    receipt: Receipt | None
    number: bytes | None
    fallbacks: tuple[Channel, ...]
    template: str
    traceparent: str | None
    """The trace that it was planned in, and what in it planned it."""
    values: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Contact:
    """The newest snapshot of a recipient."""

    recipient_id: str
    phone: PhoneNumber | None
    language: str
    time_zone: str
    consent: Consent
    email: EmailAddress | None = None

    def address(self, channel: Channel) -> Address | None:
        """Return where a channel reaches the recipient."""
        return self.email if channel is Channel.EMAIL else self.phone


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to the provider, as written down before it is made."""

    message: Message
    number: int
    token: str
