"""What each subject's plan asks for, and the rows that hold it."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from services.notifier.domain.equalise import Insertion, KnownMessage
from services.notifier.domain.policy import POLICIES
from services.notifier.domain.state import DeliveryStatus
from services.notifier.store.rows import body_place, contact_place
from shared.messages.base import Channel
from shared.messages.plan import MessagesPlan, PlannedMessage
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

DUE = "due"
"""Channel on which a commit tells the sender that something may be due."""


async def accept_revision(connection: Connection, subject: str, revision: int, *, now: datetime) -> bool:
    """Note a plan's revision; return False if the same or a later one was applied before."""
    cursor = await connection.execute(
        """INSERT INTO plans (subject, revision, applied_at) VALUES (%s, %s, %s)
           ON CONFLICT (subject) DO UPDATE SET revision = excluded.revision, applied_at = excluded.applied_at
            WHERE plans.revision < excluded.revision""",
        (subject, revision, now),
    )
    return cursor.rowcount > 0


async def save_recipient(connection: Connection, sealer: Sealer, recipient_id: str, plan: MessagesPlan) -> None:
    """Keep the newest snapshot of a plan's recipient."""
    recipient = plan.recipient
    contact = recipient.model_dump(mode="json", include={"phone", "email", "language", "time_zone", "consent"})
    await connection.execute(
        """INSERT INTO recipients (recipient_id, clinic_id, patient_ref, contact, number, as_of)
           VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (recipient_id) DO UPDATE
              SET contact = excluded.contact, number = excluded.number, as_of = excluded.as_of
            WHERE recipients.as_of <= excluded.as_of""",
        (
            recipient_id,
            plan.clinic_id,
            plan.patient_ref if recipient.kind == "patient" else None,
            sealer.seal(json.dumps(contact), place=contact_place(recipient_id)),
            sealer.lookup(recipient.phone) if recipient.phone else None,
            recipient.as_of,
        ),
    )


async def readdress(connection: Connection, sealer: Sealer, plan: MessagesPlan) -> bool:
    """Let a plan that answers somebody go to the number that wrote; return False if nobody wrote from there.

    Language, zone and consent are the plan's; the number is the one that was kept when the text came in.
    """
    assert plan.recipient.reply_to is not None
    recipient_id = plan.recipient.reply_to
    cursor = await connection.execute(
        "SELECT contact FROM recipients WHERE recipient_id = %s FOR UPDATE", (recipient_id,)
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    contact = json.loads(sealer.open(row["contact"], place=contact_place(recipient_id)))
    contact |= plan.recipient.model_dump(mode="json", include={"language", "time_zone", "consent"})
    await connection.execute(
        "UPDATE recipients SET contact = %s WHERE recipient_id = %s",
        (sealer.seal(json.dumps(contact), place=contact_place(recipient_id)), recipient_id),
    )
    return True


async def known_messages(connection: Connection, subject: str) -> list[KnownMessage]:
    """Lock and return the rows of a subject."""
    cursor = await connection.execute(
        "SELECT id, key, channel, state FROM messages WHERE subject = %s ORDER BY id FOR UPDATE", (subject,)
    )
    return [
        KnownMessage(row["id"], row["key"], Channel(row["channel"]), DeliveryStatus(row["state"]))
        for row in await cursor.fetchall()
    ]


async def insert_messages(
    connection: Connection, sealer: Sealer, plan: MessagesPlan, recipient_id: str, insertions: Iterable[Insertion]
) -> list[int]:
    """Add planned messages and their bodies; return their ids."""
    ids = []
    for insertion in insertions:
        message = insertion.message
        cursor = await connection.execute(
            """INSERT INTO messages (subject, key, channel, clinic_id, patient_ref, recipient_id, purpose, urgent,
                    priority, state, send_at, expires_at, due_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'planned', %s, %s, %s) RETURNING id""",
            (
                plan.subject,
                message.key,
                insertion.channel,
                plan.clinic_id,
                plan.patient_ref,
                recipient_id,
                message.purpose,
                message.urgency == "urgent",
                POLICIES[message.purpose].priority,
                message.send_at,
                message.expires_at,
                message.send_at,
            ),
        )
        row = await cursor.fetchone()
        assert row is not None
        ids.append(row["id"])
        await _save_body(connection, sealer, row["id"], message)
    return ids


async def update_waiting(
    connection: Connection, sealer: Sealer, updates: Iterable[tuple[int, PlannedMessage]], recipient_id: str
) -> None:
    """Give waiting rows the times and values of a newer plan, and have them judged anew."""
    for message_id, message in updates:
        await connection.execute(
            """UPDATE messages SET send_at = %(send_at)s, expires_at = %(expires_at)s, due_at = %(send_at)s,
                      recipient_id = %(recipient)s
                WHERE id = %(id)s AND state IN ('planned', 'held')""",
            {
                "id": message_id,
                "send_at": message.send_at,
                "expires_at": message.expires_at,
                "recipient": recipient_id,
            },
        )
        await _save_body(connection, sealer, message_id, message)


async def set_wanted(connection: Connection, *, wanted: Sequence[int], unwanted: Sequence[int]) -> list[int]:
    """Let ``wanted`` follow the plan; return the ids of those that are no longer wanted and were so far."""
    if wanted:
        await connection.execute("UPDATE messages SET wanted = true WHERE id = ANY(%s) AND NOT wanted", (list(wanted),))
    if not unwanted:
        return []
    cursor = await connection.execute(
        "UPDATE messages SET wanted = false WHERE id = ANY(%s) AND wanted AND outcome IS NULL RETURNING id",
        (list(unwanted),),
    )
    return [row["id"] for row in await cursor.fetchall()]


async def close_prompts(connection: Connection, subject: str, keys: Sequence[str]) -> None:
    """Close questions of a subject: no answer belongs to them any more."""
    if keys:
        await connection.execute(
            """UPDATE message_bodies SET is_closed = true FROM messages m
                WHERE m.id = message_bodies.message_id AND m.subject = %s AND m.key = ANY(%s)""",
            (subject, list(keys)),
        )


async def announce_due(connection: Connection) -> None:
    """Wake the senders when the transaction commits."""
    await connection.execute("SELECT pg_notify(current_schema() || '_' || %s, '')", (DUE,))


async def _save_body(connection: Connection, sealer: Sealer, message_id: int, message: PlannedMessage) -> None:
    await connection.execute(
        """INSERT INTO message_bodies (message_id, template, template_values, expects) VALUES (%s, %s, %s, %s)
           ON CONFLICT (message_id) DO UPDATE
              SET template = excluded.template, template_values = excluded.template_values,
                  expects = excluded.expects""",
        (
            message_id,
            message.template,
            sealer.seal(json.dumps(message.values), place=body_place(message_id)),
            Jsonb(message.expects.model_dump(mode="json")) if message.expects else None,
        ),
    )
