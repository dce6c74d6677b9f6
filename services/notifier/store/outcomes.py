"""Endings, receipts, and the history that answers why."""

from collections.abc import Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from services.notifier.domain.receipt import Receipt
from services.notifier.domain.state import DeliveryStatus
from shared.postgres.database import Connection


async def end(connection: Connection, message_id: int, status: DeliveryStatus, *, reason: str, now: datetime) -> bool:
    """Give a message its one outcome; return False if it has one."""
    cursor = await connection.execute(
        """UPDATE messages SET state = %(status)s, outcome = %(status)s, reason = %(reason)s, ended_at = %(now)s
            WHERE id = %(id)s AND outcome IS NULL""",
        {"status": status, "reason": reason, "now": now, "id": message_id},
    )
    return cursor.rowcount > 0


async def send_again(connection: Connection, message_id: int, *, due_at: datetime, reason: str) -> None:
    """Let a message that certainly did not arrive be sent once more."""
    await connection.execute(
        """UPDATE messages SET state = 'planned', outcome = NULL, ended_at = NULL, provider_reference = NULL,
                  receipt = NULL, chased = false, resends = resends + 1, due_at = %s, reason = %s
            WHERE id = %s AND state = 'sent'""",
        (due_at, reason, message_id),
    )


async def save_receipt(
    connection: Connection, provider_reference: str, status: Receipt, error_code: str | None, *, now: datetime
) -> bool:
    """Keep a receipt; return False if it was known."""
    cursor = await connection.execute(
        """INSERT INTO receipts (provider_reference, status, error_code, received_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        (provider_reference, status, error_code, now),
    )
    return cursor.rowcount > 0


async def receipts_of(connection: Connection, provider_reference: str) -> list[tuple[Receipt, str | None]]:
    """Return the receipts kept for a provider reference, in the order of their arrival."""
    cursor = await connection.execute(
        "SELECT status, error_code FROM receipts WHERE provider_reference = %s ORDER BY received_at",
        (provider_reference,),
    )
    return [(Receipt(row["status"]), row["error_code"]) for row in await cursor.fetchall()]


async def receipt_of(connection: Connection, message_id: int) -> Receipt | None:
    """Return how far a message is along."""
    cursor = await connection.execute("SELECT receipt FROM messages WHERE id = %s", (message_id,))
    row = await cursor.fetchone()
    return Receipt(row["receipt"]) if row and row["receipt"] else None


async def apply_receipt(connection: Connection, message_id: int, status: Receipt) -> None:
    """Move a message's receipt forward."""
    await connection.execute("UPDATE messages SET receipt = %s WHERE id = %s", (status, message_id))


async def remember_all(
    connection: Connection, message_ids: Sequence[int], what: str, *, now: datetime, detail: str | None = None
) -> None:
    """Append the same to the history of several messages."""
    if message_ids:
        await connection.execute(
            """INSERT INTO history (at, message_id, what, detail)
               SELECT %s, id, %s, %s FROM unnest(%s::bigint[]) AS id""",
            (now, what, detail, list(message_ids)),
        )


async def remember(
    connection: Connection, message_id: int, what: str, *, now: datetime, detail: str | None = None
) -> None:
    """Append to the history that answers why."""
    await connection.execute(
        "INSERT INTO history (at, message_id, what, detail) VALUES (%s, %s, %s, %s)", (now, message_id, what, detail)
    )


async def save_task(
    connection: Connection,
    task_id: str,
    *,
    clinic_id: str,
    patient_ref: str | None,
    kind: str,
    references: dict[str, str],
    due_by: datetime | None,
    now: datetime,
) -> bool:
    """Write a task for a person; return False if it was known."""
    cursor = await connection.execute(
        """INSERT INTO staff_tasks (task_id, clinic_id, patient_ref, kind, refs, due_by, raised_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (task_id, clinic_id, patient_ref, kind, Jsonb(references), due_by, now),
    )
    return cursor.rowcount > 0


async def forget_bodies(connection: Connection, *, before: datetime) -> int:
    """Delete texts and replies past their keeping time; keys and outcomes stay, so that nothing is ever sent again."""
    cursor = await connection.execute(
        """DELETE FROM message_bodies USING messages m
            WHERE m.id = message_bodies.message_id AND m.ended_at < %s""",
        (before,),
    )
    await connection.execute("DELETE FROM inbound WHERE received_at < %s", (before,))
    return cursor.rowcount
