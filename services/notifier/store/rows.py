"""Rows read into values, sealed columns opened on the way."""

import json
from typing import Any

from psycopg.rows import DictRow

from services.notifier.domain.message import Contact, Message
from services.notifier.domain.receipt import Receipt
from services.notifier.domain.state import DeliveryStatus
from shared.kernel.contact import EmailAddress, PhoneNumber, parse_email
from shared.messages.base import Channel, Consent, Purpose
from shared.postgres.sealing import Sealer

COLUMNS = """m.id, m.subject, m.key, m.channel, m.clinic_id, m.patient_ref, m.recipient_id, m.purpose, m.urgent,
    m.state, m.wanted, m.send_at, m.expires_at, m.due_at, m.attempt, m.resends, m.reason, m.provider_reference,
    m.receipt, m.number, m.fallbacks"""
"""The narrow columns of ``messages m``."""
MESSAGE_COLUMNS = f"{COLUMNS}, b.template, b.template_values, b.traceparent"
"""Columns that `read_message` reads, of ``messages m`` joined with ``message_bodies b``."""


def contact_place(recipient_id: str) -> str:
    """Name the place that a recipient's contact is sealed to."""
    return f"recipients.contact:{recipient_id}"


def body_place(message_id: int) -> str:
    """Name the place that a message's values are sealed to."""
    return f"message_bodies.template_values:{message_id}"


def read_message(row: DictRow, sealer: Sealer) -> Message:
    """Read a row of `MESSAGE_COLUMNS`."""
    values: dict[str, Any] = json.loads(sealer.open(row["template_values"], place=body_place(row["id"])))
    return Message(
        id=row["id"],
        subject=row["subject"],
        key=row["key"],
        channel=Channel(row["channel"]),
        clinic_id=row["clinic_id"],
        patient_ref=row["patient_ref"],
        recipient_id=row["recipient_id"],
        purpose=Purpose(row["purpose"]),
        urgent=row["urgent"],
        state=DeliveryStatus(row["state"]),
        wanted=row["wanted"],
        send_at=row["send_at"],
        expires_at=row["expires_at"],
        due_at=row["due_at"],
        attempt=row["attempt"],
        resends=row["resends"],
        reason=row["reason"],
        provider_reference=row["provider_reference"],
        receipt=Receipt(row["receipt"]) if row["receipt"] else None,
        number=bytes(row["number"]) if row["number"] else None,
        fallbacks=tuple(Channel(channel) for channel in row["fallbacks"]),
        template=row["template"],
        traceparent=row["traceparent"],
        values=values,
    )


def read_contact(row: DictRow, sealer: Sealer) -> Contact:
    """Read a row of ``recipients``."""
    recipient_id = row["recipient_id"]
    content = json.loads(sealer.open(row["contact"], place=contact_place(recipient_id)))
    email = parse_email(content["email"])
    return Contact(
        recipient_id=recipient_id,
        phone=PhoneNumber(content["phone"]) if content["phone"] else None,
        language=content["language"],
        time_zone=content["time_zone"],
        consent=Consent.model_validate(content["consent"]),
        email=EmailAddress(email) if email else None,
    )
