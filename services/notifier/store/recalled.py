"""Texts that the provider has and that this database has forgotten."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.postgres.database import Connection

_KEPT = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Recalled:
    """A text in the provider's list: to which number, and what it says, both as keyed hashes."""

    provider_reference: str
    number: bytes
    body_hash: bytes
    created_at: datetime


async def newest_attempt(connection: Connection) -> datetime | None:
    """Return when anything was last begun, as far as this database remembers."""
    cursor = await connection.execute("SELECT max(started_at) AS newest FROM attempts")
    row = await cursor.fetchone()
    return row["newest"] if row else None


async def save(connection: Connection, texts: Sequence[Recalled]) -> int:
    """Keep texts that no message of ours is known for; return how many are new."""
    await connection.execute("DELETE FROM recalled WHERE created_at < clock_timestamp() - %s", (_KEPT,))
    cursor = await connection.execute(
        """INSERT INTO recalled (provider_reference, number, body_hash, created_at)
           SELECT * FROM unnest(%s::text[], %s::bytea[], %s::bytea[], %s::timestamptz[]) AS t (reference, n, b, at)
            WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.provider_reference = t.reference)
           ON CONFLICT DO NOTHING""",
        (
            [text.provider_reference for text in texts],
            [text.number for text in texts],
            [text.body_hash for text in texts],
            [text.created_at for text in texts],
        ),
    )
    return cursor.rowcount


async def take(connection: Connection, numbers: Collection[bytes], words: Collection[bytes]) -> str | None:
    """Take the reference of a text that says the same to the same number; each stands for one message only."""
    cursor = await connection.execute(
        """DELETE FROM recalled WHERE provider_reference = (
               SELECT provider_reference FROM recalled WHERE number = ANY(%s) AND body_hash = ANY(%s)
                ORDER BY created_at LIMIT 1)
           RETURNING provider_reference""",
        (list(numbers), list(words)),
    )
    row = await cursor.fetchone()
    return row["provider_reference"] if row else None


async def numbers_with_any(connection: Connection, numbers: Collection[bytes]) -> set[bytes]:
    """Return for which numbers there is any such text: as a rule for none."""
    cursor = await connection.execute("SELECT DISTINCT number FROM recalled WHERE number = ANY(%s)", (list(numbers),))
    return {bytes(row["number"]) for row in await cursor.fetchall()}
