"""What the holder of a number no longer wants."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.postgres.database import Connection

_UNUSABLE_FOR = timedelta(days=90)


async def suppress(connection: Connection, sender: str, number: bytes, *, kind: str, how: str, now: datetime) -> bool:
    """Close a number for one kind of text; return False if it was closed."""
    cursor = await connection.execute(
        """INSERT INTO suppressions (sender, number, kind, since, how) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        (sender, number, kind, now, how),
    )
    return cursor.rowcount > 0


async def suppressed(connection: Connection, numbers: Sequence[bytes], *, now: datetime) -> set[tuple[str, bytes, str]]:
    """Return the suppressions that stand for numbers or mailboxes, as sender, number and kind.

    What was found unusable is tried again after 90 days: numbers are given out anew, and mailboxes emptied.
    """
    cursor = await connection.execute(
        """SELECT sender, number, kind FROM suppressions
            WHERE number = ANY(%s) AND (kind <> 'unusable' OR since > %s)""",
        (list(numbers), now - _UNUSABLE_FOR),
    )
    return {(row["sender"], bytes(row["number"]), row["kind"]) for row in await cursor.fetchall()}


async def lift_suppressions(connection: Connection, sender: str, numbers: Sequence[bytes], *, now: datetime) -> int:
    """Open numbers again, and have what was held for them judged anew; a wrong number stays one."""
    cursor = await connection.execute(
        "DELETE FROM suppressions WHERE sender = %s AND number = ANY(%s) AND how <> 'wrong_number'",
        (sender, list(numbers)),
    )
    await connection.execute(
        """UPDATE messages SET due_at = greatest(send_at, %s) WHERE state = 'held' AND reason = 'opted_out'
              AND recipient_id IN (SELECT recipient_id FROM recipients WHERE number = ANY(%s))""",
        (now, list(numbers)),
    )
    return cursor.rowcount
