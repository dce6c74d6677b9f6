"""The outbox: messages to be published, committed together with the data that they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.messages.catalogue import CATALOGUE
from shared.messages.envelope import Envelope
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

CHANNEL = "outbox"
"""Name on which a commit tells the relay that there is something to publish; the schema stands before it."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message that waits to be published."""

    id: int
    routing_key: str
    message_id: str
    body: bytes
    owned: bool


async def append(connection: Connection, sealer: Sealer, envelopes: Sequence[Envelope]) -> None:
    """Put messages into the outbox of the running transaction, and wake the relay when it commits."""
    if not envelopes:
        return
    rows = [
        (
            CATALOGUE[envelope.type].is_urgent(envelope.data),
            envelope.type,
            envelope.id,
            sealer.seal(envelope.to_bytes(), place=_place(envelope.id)),
        )
        for envelope in envelopes
    ]
    urgent, types, ids, bodies = zip(*rows, strict=True)
    await connection.execute(
        """INSERT INTO outbox (urgent, routing_key, message_id, body)
           SELECT * FROM unnest(%s::boolean[], %s::text[], %s::text[], %s::bytea[])""",
        (list(urgent), list(types), list(ids), list(bodies)),
    )
    await connection.execute("SELECT pg_notify(current_schema() || '_' || %s, '')", (CHANNEL,))


async def take(connection: Connection, sealer: Sealer, *, urgent: bool, limit: int) -> list[OutboxRow]:
    """Lock the oldest messages of one lane for publishing; another relay skips them until the transaction ends."""
    cursor = await connection.execute(
        """SELECT id, routing_key, message_id, body FROM outbox
            WHERE urgent = %s AND retry_at <= clock_timestamp()
            ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED""",
        (urgent, limit),
    )
    return [
        OutboxRow(
            row["id"],
            row["routing_key"],
            row["message_id"],
            sealer.open(row["body"], place=_place(row["message_id"])),
            CATALOGUE[row["routing_key"]].owned,
        )
        for row in await cursor.fetchall()
    ]


async def settle(connection: Connection, *, published: Sequence[int], refused: Sequence[int]) -> None:
    """Forget what the broker has confirmed; try again in five seconds what it could not route or take."""
    if published:
        await connection.execute("DELETE FROM outbox WHERE id = ANY(%s)", (list(published),))
    if refused:
        await connection.execute(
            "UPDATE outbox SET retry_at = clock_timestamp() + interval '5 seconds' WHERE id = ANY(%s)", (list(refused),)
        )


async def backlog(connection: Connection) -> tuple[int, float]:
    """Return how many messages wait, and the age of the oldest in seconds."""
    cursor = await connection.execute(
        """SELECT count(*) AS waiting,
                  coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest
             FROM outbox"""
    )
    row = await cursor.fetchone()
    assert row is not None
    return row["waiting"], row["oldest"]


def _place(message_id: str) -> str:
    return f"outbox.body:{message_id}"
