"""Evidence that comes by itself, or has to be asked for: events of e-mails, and receipts that never came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.messages.base import Channel
from shared.postgres.database import Connection

_LOOK_BACK = timedelta(hours=72)


async def new_events(connection: Connection, event_ids: Sequence[str], *, now: datetime) -> set[str]:
    """Note events by their ids; return those that were not known."""
    cursor = await connection.execute(
        """INSERT INTO email_events (event_id, received_at) SELECT id, %s FROM unnest(%s::text[]) AS id
           ON CONFLICT DO NOTHING RETURNING event_id""",
        (now, sorted(set(event_ids))),
    )
    return {row["event_id"] for row in await cursor.fetchall()}


async def forget_events(connection: Connection, *, before: datetime) -> int:
    """Forget events that the provider no longer repeats."""
    cursor = await connection.execute("DELETE FROM email_events WHERE received_at < %s", (before,))
    return cursor.rowcount


async def take_unconfirmed(connection: Connection, *, now: datetime, after: timedelta, limit: int) -> Mapping[int, str]:
    """Take texts that were sent long ago without a final receipt and are still of use; each is taken once.

    Returns:
        The provider's reference by message.
    """
    cursor = await connection.execute(
        """UPDATE messages SET chased = true
            WHERE id IN (SELECT id FROM messages
                          WHERE outcome = 'sent' AND ended_at BETWEEN %(oldest)s AND %(newest)s AND NOT chased
                            AND channel = %(sms)s AND wanted AND expires_at > %(now)s
                            AND coalesce(receipt, 'accepted') IN ('accepted', 'queued', 'sending', 'sent')
                          ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
           RETURNING id, provider_reference""",
        {"oldest": now - _LOOK_BACK, "newest": now - after, "now": now, "sms": Channel.SMS, "limit": limit},
    )
    return {row["id"]: row["provider_reference"] for row in await cursor.fetchall()}


async def was_refused_before(connection: Connection, number: bytes, code: str, *, besides: int) -> bool:
    """Return whether the last text to a number, ``besides`` one message, came back with a code."""
    cursor = await connection.execute(
        """SELECT EXISTS (
               SELECT FROM receipts r WHERE r.error_code = %s AND r.provider_reference = (
                      SELECT m.provider_reference FROM messages m
                       WHERE m.number = %s AND m.id <> %s AND m.channel = 'sms' AND m.outcome = 'sent'
                       ORDER BY m.ended_at DESC LIMIT 1)) AS refused""",
        (code, number, besides),
    )
    row = await cursor.fetchone()
    assert row is not None
    refused: bool = row["refused"]
    return refused


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom an e-mail went to. ``address`` is the keyed hash of the mailbox, as used then."""

    message_id: int
    recipient_id: str
    clinic_id: str
    patient_ref: str
    address: bytes


async def addressee_of_token(connection: Connection, token: str) -> Addressee | None:
    """Return whom the e-mail of an attempt went to."""
    cursor = await connection.execute(
        """SELECT m.id, m.recipient_id, m.clinic_id, m.patient_ref, m.number
             FROM attempts a JOIN messages m ON m.id = a.message_id WHERE a.token = %s AND m.channel = 'email'""",
        (token,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    return Addressee(row["id"], row["recipient_id"], row["clinic_id"], row["patient_ref"], bytes(row["number"]))
