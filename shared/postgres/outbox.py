"""The outbox: messages to be published, committed together with the data that they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.kernel.errors import PermanentError
from shared.messages.catalogue import CATALOGUE
from shared.messages.envelope import MAX_BODY_BYTES, Envelope
from shared.postgres.database import Connection, Statement
from shared.postgres.sealing import Sealer, UnsealError
from shared.telemetry.log import log

ROUTINE, URGENT = "outbox_routine", "outbox_urgent"
"""Names on which a commit tells a lane's relay that there is something to publish; the schema stands before them."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message that waits to be published."""

    id: int
    routing_key: str
    message_id: str
    body: bytes
    owned: bool


def appending(sealer: Sealer, envelopes: Sequence[Envelope]) -> list[Statement]:
    """Return what puts messages into the outbox of a transaction, and wakes the relay when it commits.

    Raises:
        PermanentError: a message is larger than its reader would take.
    """
    if not envelopes:
        return []
    rows = [_row(sealer, envelope) for envelope in envelopes]
    urgent, types, ids, bodies = zip(*rows, strict=True)
    lanes = sorted({channel_of(urgent=one) for one in urgent})
    statement = """WITH added AS (
               INSERT INTO outbox (urgent, routing_key, message_id, body)
               SELECT * FROM unnest(%s::boolean[], %s::text[], %s::text[], %s::bytea[]))
           SELECT pg_notify(current_schema() || '_' || lane, '') FROM unnest(%s::text[]) AS lane"""
    return [(statement, (list(urgent), list(types), list(ids), list(bodies), lanes))]


def channel_of(*, urgent: bool) -> str:
    """Return the name on which a lane's relay is woken."""
    return URGENT if urgent else ROUTINE


def _row(sealer: Sealer, envelope: Envelope) -> tuple[bool, str, str, bytes]:
    body = envelope.to_bytes()
    if len(body) > MAX_BODY_BYTES:
        raise PermanentError(f"{envelope.type}: what follows from this is larger than {MAX_BODY_BYTES} bytes")
    urgent = CATALOGUE[envelope.type].is_urgent(envelope.data)
    return urgent, envelope.type, envelope.id, sealer.seal(body, place=_place(envelope.id))


async def take(connection: Connection, sealer: Sealer, *, urgent: bool, limit: int) -> list[OutboxRow]:
    """Lock the oldest messages of one lane for publishing; another relay skips them until the transaction ends.

    A message that this release cannot read (its key is gone, its type is newer) is put off for a minute and holds up
    no other: its age shows in the figures.
    """
    cursor = await connection.execute(
        """SELECT id, routing_key, message_id, body FROM outbox
            WHERE urgent = %s AND retry_at <= clock_timestamp()
            ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED""",
        (urgent, limit),
    )
    rows, unreadable = [], []
    for row in await cursor.fetchall():
        try:
            body = sealer.open(row["body"], place=_place(row["message_id"]))
            rows.append(
                OutboxRow(row["id"], row["routing_key"], row["message_id"], body, CATALOGUE[row["routing_key"]].owned)
            )
        except (UnsealError, KeyError):
            unreadable.append(row["id"])
            log.error("a message in the outbox cannot be read", type=row["routing_key"], message_id=row["message_id"])
    for statement, values in _putting_off(unreadable, seconds=60):
        await connection.execute(statement, values)
    return rows


def settling(*, published: Sequence[int], refused: Sequence[int]) -> list[Statement]:
    """Return what forgets what the broker has confirmed, and puts off for five seconds what it could not route."""
    forgetting: list[Statement] = [("DELETE FROM outbox WHERE id = ANY(%s)", (list(published),))] if published else []
    return forgetting + _putting_off(refused, seconds=5)


def _putting_off(ids: Sequence[int], *, seconds: int) -> list[Statement]:
    statement = "UPDATE outbox SET retry_at = clock_timestamp() + make_interval(secs => %s) WHERE id = ANY(%s)"
    return [(statement, (seconds, list(ids)))] if ids else []


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
