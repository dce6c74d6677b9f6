"""What each subject's plan asks for, and the rows that hold it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.notifier.domain.equalise import Insertion, KnownMessage
from services.notifier.domain.lane import Lane
from services.notifier.domain.message import Message
from services.notifier.domain.policy import POLICIES
from services.notifier.domain.state import DeliveryStatus
from services.notifier.store.rows import body_place, contact_place
from shared.messages.base import Channel
from shared.messages.plan import MessagesPlan, PlannedMessage
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

DUE = "due"
"""Channel on which a commit tells every sender that something may be due."""


def due_in(lane: Lane) -> str:
    """Return the channel on which a commit tells the sender of one lane that something may be due."""
    return f"{DUE}_{lane.name}"


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
        """INSERT INTO recipients (recipient_id, clinic_id, patient_ref, contact, number, time_zone, as_of)
           VALUES (%s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (recipient_id) DO UPDATE
              SET contact = excluded.contact, number = excluded.number, time_zone = excluded.time_zone,
                  as_of = excluded.as_of
            WHERE recipients.as_of <= excluded.as_of""",
        (
            recipient_id,
            plan.clinic_id,
            plan.patient_ref if recipient.kind == "patient" else None,
            sealer.seal(json.dumps(contact), place=contact_place(recipient_id)),
            sealer.lookup(recipient.phone) if recipient.phone else None,
            recipient.time_zone,
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
    kept = json.loads(sealer.open(row["contact"], place=contact_place(recipient_id)))
    contact = kept | plan.recipient.model_dump(mode="json", include={"language", "time_zone", "consent"})
    if contact != kept:
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
    connection: Connection,
    sealer: Sealer,
    plan: MessagesPlan,
    recipient_id: str,
    insertions: Iterable[Insertion],
    *,
    traceparent: str | None,
) -> list[int]:
    """Add planned messages and their bodies; return their ids."""
    rows = list(insertions)
    if not rows:
        return []
    cursor = await connection.execute(
        """INSERT INTO messages (subject, key, channel, clinic_id, patient_ref, recipient_id, purpose, urgent,
                priority, state, send_at, expires_at, due_at, fallbacks, after_key)
           SELECT %(subject)s, key, channel, %(clinic)s, %(patient)s, %(recipient)s, purpose, urgent, priority,
                  'planned', send_at, expires_at, send_at, string_to_array(fallbacks, ' '), after_key
             FROM unnest(%(keys)s::text[], %(channels)s::text[], %(purposes)s::text[], %(urgent)s::boolean[],
                         %(priorities)s::smallint[], %(send_at)s::timestamptz[], %(expires_at)s::timestamptz[],
                         %(fallbacks)s::text[], %(after)s::text[])
                  AS new (key, channel, purpose, urgent, priority, send_at, expires_at, fallbacks, after_key)
           RETURNING id, key, channel""",
        {
            "subject": plan.subject,
            "clinic": plan.clinic_id,
            "patient": plan.patient_ref,
            "recipient": recipient_id,
            "keys": [row.message.key for row in rows],
            "channels": [row.channel for row in rows],
            "purposes": [row.message.purpose for row in rows],
            "urgent": [row.message.urgency == "urgent" for row in rows],
            "priorities": [POLICIES[row.message.purpose].priority for row in rows],
            "send_at": [row.message.send_at for row in rows],
            "expires_at": [row.message.expires_at for row in rows],
            "fallbacks": [" ".join(row.fallbacks) for row in rows],
            "after": [row.message.after for row in rows],
        },
    )
    messages = {(row.message.key, row.channel): row.message for row in rows}
    bodies = {row["id"]: messages[row["key"], Channel(row["channel"])] for row in await cursor.fetchall()}
    await _save_bodies(connection, sealer, bodies, traceparent=traceparent)
    return list(bodies)


async def insert_fallback(
    connection: Connection, sealer: Sealer, message: Message, channel: Channel, *, now: datetime
) -> int | None:
    """Add a message on one of its fallback channels, due at once; None if it stands there already."""
    cursor = await connection.execute(
        """INSERT INTO messages (subject, key, channel, clinic_id, patient_ref, recipient_id, purpose, urgent, priority,
                state, send_at, expires_at, due_at, fallbacks)
           SELECT subject, key, %(channel)s, clinic_id, patient_ref, recipient_id, purpose, urgent, priority,
                  'planned', %(now)s, expires_at, %(now)s, %(rest)s
             FROM messages WHERE id = %(id)s
           ON CONFLICT DO NOTHING RETURNING id""",
        {
            "channel": channel,
            "rest": list(message.fallbacks[message.fallbacks.index(channel) + 1 :]),
            "now": now,
            "id": message.id,
        },
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    await connection.execute(
        "INSERT INTO message_bodies (message_id, template, template_values, traceparent) VALUES (%s, %s, %s, %s)",
        (row["id"], message.template, _sealed_values(sealer, row["id"], message.values), message.traceparent),
    )
    message_id: int = row["id"]
    return message_id


async def is_on_its_way_otherwise(connection: Connection, message: Message) -> bool:
    """Return whether the same message travels on another channel, or has arrived there as far as is known."""
    cursor = await connection.execute(
        """SELECT 1 FROM messages
            WHERE subject = %s AND key = %s AND id <> %s
              AND (state IN ('planned', 'sending')
                   OR outcome = 'sent' AND coalesce(receipt, '') NOT IN ('undelivered', 'failed'))""",
        (message.subject, message.key, message.id),
    )
    return await cursor.fetchone() is not None


async def update_waiting(
    connection: Connection, sealer: Sealer, updates: Iterable[tuple[int, Insertion]], recipient_id: str
) -> None:
    """Give waiting rows the times and values of a newer plan, and have them judged anew."""
    rows = list(updates)
    if not rows:
        return
    await connection.execute(
        """UPDATE messages AS m
              SET send_at = new.send_at, expires_at = new.expires_at, due_at = new.send_at,
                  recipient_id = %(recipient)s, fallbacks = string_to_array(new.fallbacks, ' ')
             FROM unnest(%(ids)s::bigint[], %(send_at)s::timestamptz[], %(expires_at)s::timestamptz[],
                         %(fallbacks)s::text[]) AS new (id, send_at, expires_at, fallbacks)
            WHERE m.id = new.id AND m.state IN ('planned', 'held')""",
        {
            "recipient": recipient_id,
            "ids": [message_id for message_id, _row in rows],
            "send_at": [row.message.send_at for _id, row in rows],
            "expires_at": [row.message.expires_at for _id, row in rows],
            "fallbacks": [" ".join(row.fallbacks) for _id, row in rows],
        },
    )
    await _save_bodies(connection, sealer, {message_id: row.message for message_id, row in rows})


async def set_wanted(connection: Connection, ids: Sequence[int], *, wanted: bool) -> list[int]:
    """Let ``wanted`` follow the plan; return the ids of those that this changes and that have no outcome."""
    if not ids:
        return []
    cursor = await connection.execute(
        """UPDATE messages SET wanted = %(wanted)s WHERE id = ANY(%(ids)s) AND wanted <> %(wanted)s
           RETURNING id, outcome""",
        {"wanted": wanted, "ids": list(ids)},
    )
    return [row["id"] for row in await cursor.fetchall() if row["outcome"] is None]


async def join_trace(connection: Connection, ids: Sequence[int], traceparent: str | None) -> None:
    """Let messages belong to another trace than the one that they were first planned in."""
    if ids and traceparent is not None:
        await connection.execute(
            "UPDATE message_bodies SET traceparent = %s WHERE message_id = ANY(%s)", (traceparent, list(ids))
        )


async def values_of(
    connection: Connection, sealer: Sealer, message_ids: Sequence[int], *, since: datetime
) -> dict[int, dict[str, Any]]:
    """Return the values of those among these messages that still wait, or ended after a time."""
    cursor = await connection.execute(
        """SELECT m.id, b.template_values FROM messages m JOIN message_bodies b ON b.message_id = m.id
            WHERE m.id = ANY(%s) AND m.wanted AND coalesce(m.ended_at, 'infinity') > %s""",
        (list(message_ids), since),
    )
    return {
        row["id"]: json.loads(sealer.open(row["template_values"], place=body_place(row["id"])))
        for row in await cursor.fetchall()
    }


async def close_prompts(connection: Connection, subject: str, keys: Sequence[str]) -> None:
    """Close questions of a subject: no answer belongs to them any more."""
    if keys:
        await connection.execute(
            """UPDATE message_bodies SET is_closed = true FROM messages m
                WHERE m.id = message_bodies.message_id AND m.subject = %s AND m.key = ANY(%s)""",
            (subject, list(keys)),
        )


async def announce_due(connection: Connection, lanes: Iterable[Lane] | None = None) -> None:
    """Wake the senders of some lanes, or of all of them, when the transaction commits."""
    channels = [DUE] if lanes is None else sorted(due_in(lane) for lane in lanes)
    if channels:
        await connection.execute(
            "SELECT pg_notify(current_schema() || '_' || channel, '') FROM unnest(%s::text[]) AS channel", (channels,)
        )


async def _save_bodies(
    connection: Connection, sealer: Sealer, bodies: Mapping[int, PlannedMessage], *, traceparent: str | None = None
) -> None:
    """Keep what messages say. A newer plan that still lists them does not take them out of their trace."""
    await connection.execute(
        """INSERT INTO message_bodies (message_id, template, template_values, expects, traceparent)
           SELECT id, template, template_values, expects::jsonb, %s
             FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::text[])
                  AS new (id, template, template_values, expects)
           ON CONFLICT (message_id) DO UPDATE
              SET template = excluded.template, template_values = excluded.template_values,
                  expects = excluded.expects""",
        (
            traceparent,
            list(bodies),
            [message.template for message in bodies.values()],
            [_sealed_values(sealer, message_id, message.values) for message_id, message in bodies.items()],
            [message.expects.model_dump_json() if message.expects else None for message in bodies.values()],
        ),
    )


def _sealed_values(sealer: Sealer, message_id: int, values: Mapping[str, Any]) -> bytes:
    return sealer.seal(json.dumps(values), place=body_place(message_id))
