"""Endings, receipts, and the history that answers why."""

from collections.abc import Iterable, Mapping, Sequence
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


async def save_receipts(
    connection: Connection, receipts: Iterable[tuple[str, Receipt, str | None]], *, now: datetime
) -> None:
    """Keep receipts (the provider's reference, the status, an error code), each once."""
    # Always in the same order: two transactions that keep the same ones then wait for each other, and never in a ring.
    rows = sorted({(reference, status): code for reference, status, code in receipts}.items())
    await connection.execute(
        """INSERT INTO receipts (provider_reference, status, error_code, received_at)
           SELECT reference, status, code, %s
             FROM unnest(%s::text[], %s::text[], %s::text[]) AS new (reference, status, code)
           ON CONFLICT DO NOTHING""",
        (
            now,
            [reference for (reference, _status), _code in rows],
            [status for (_reference, status), _code in rows],
            [code for _named, code in rows],
        ),
    )


async def receipts_of(connection: Connection, references: Sequence[str]) -> list[tuple[str, Receipt, str | None]]:
    """Return the receipts kept for provider references, in the order of their arrival."""
    cursor = await connection.execute(
        """SELECT provider_reference, status, error_code FROM receipts
            WHERE provider_reference = ANY(%s) ORDER BY received_at""",
        (list(references),),
    )
    return [(row["provider_reference"], Receipt(row["status"]), row["error_code"]) for row in await cursor.fetchall()]


async def apply_receipts(connection: Connection, receipts: Mapping[int, Receipt]) -> None:
    """Move the receipts of messages forward."""
    await connection.execute(
        """UPDATE messages AS m SET receipt = new.receipt
             FROM unnest(%s::bigint[], %s::text[]) AS new (id, receipt) WHERE m.id = new.id""",
        (list(receipts), list(receipts.values())),
    )


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


async def remember_each(
    connection: Connection, entries: Sequence[tuple[int, str, str | None]], *, now: datetime
) -> None:
    """Append to the history of several messages: what happened to each, and the detail."""
    if entries:
        ids, whats, details = zip(*entries, strict=True)
        await connection.execute(
            """INSERT INTO history (at, message_id, what, detail)
               SELECT %s, id, what, detail
                 FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new (id, what, detail)""",
            (now, list(ids), list(whats), list(details)),
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
