"""Replies as they came, tasks for people, and the history that answers why."""

from datetime import datetime

from psycopg.types.json import Jsonb

from services.followup.store.written import place_of_phone, place_of_text
from shared.messages.reply import MessageReceived
from shared.messages.staff_task import StaffTaskRaised
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer
from shared.postgres.side_by_side import ask
from shared.postgres.unit_of_work import UnitOfWork


async def save_reply(connection: Connection, sealer: Sealer, reply: MessageReceived, *, now: datetime) -> bool:
    """Keep a reply; return False if it was kept before."""
    reference = reply.provider_reference
    content = sealer.seal(reply.text, place=place_of_text(reference))
    phone = sealer.seal(reply.phone, place=place_of_phone(reference)) if reply.phone else None
    new = await ask(
        connection,
        """WITH texts AS (
               SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::timestamptz[],
                                    %s::timestamptz[], %s::text[], %s::bytea[]) WITH ORDINALITY
                   AS t(provider_reference, clinic_id, patient_ref, content, handled_as, received_at, kept_at, reply_to,
                        phone, place)),
           kept AS (
               INSERT INTO replies (provider_reference, clinic_id, patient_ref, content, handled_as, received_at,
                      kept_at, reply_to, phone)
               SELECT provider_reference, clinic_id, patient_ref, content, handled_as, received_at, kept_at, reply_to,
                      phone
                 FROM texts
               ON CONFLICT DO NOTHING RETURNING provider_reference)
           SELECT min(place) AS place FROM texts JOIN kept USING (provider_reference) GROUP BY provider_reference""",
        [
            (
                reference,
                reply.clinic_id,
                reply.patient_ref,
                content,
                reply.handled_as,
                reply.received_at,
                now,
                reply.reply_to,
                phone,
            )
        ],
    )
    return bool(new)


def note_reading(
    unit: UnitOfWork, provider_reference: str, *, reading: str, patient_ref: str | None, belongs_to: str | None
) -> None:
    """Remember what a reply was read as, and which question it answered."""
    unit.write_at_the_end(
        """UPDATE replies AS r SET reading = n.reading, belongs_to = n.belongs_to,
                patient_ref = coalesce(n.patient_ref, r.patient_ref)
             FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
                    AS n(provider_reference, reading, belongs_to, patient_ref)
            WHERE r.provider_reference = n.provider_reference""",
        (provider_reference, reading, belongs_to, patient_ref),
    )


async def save_task(connection: Connection, task: StaffTaskRaised, *, now: datetime) -> bool:
    """Write a task for a person; return False if it was known."""
    cursor = await connection.execute(
        """INSERT INTO staff_tasks (task_id, clinic_id, patient_ref, kind, refs, due_by, raised_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (task.task_id, task.clinic_id, task.patient_ref, task.kind, Jsonb(task.references), task.due_by, now),
    )
    return cursor.rowcount > 0


def remember(
    unit: UnitOfWork,
    what: str,
    *,
    clinic_id: str,
    patient_ref: str | None,
    reference: str | None = None,
    detail: str | None = None,
) -> None:
    """Append to the history that answers why."""
    unit.write_at_the_end(
        """INSERT INTO history (at, clinic_id, patient_ref, reference, what, detail)
           SELECT * FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])""",
        (unit.now, clinic_id, patient_ref, reference, what, detail),
    )


async def forget_replies(connection: Connection, *, before: datetime) -> None:
    """Delete replies that came before a time; what they were read as stays in the answers and the history."""
    await connection.execute("DELETE FROM replies WHERE received_at < %s", (before,))


async def forget_history(connection: Connection, *, before: datetime) -> None:
    """Delete history from before a time."""
    await connection.execute("DELETE FROM history WHERE at < %s", (before,))
