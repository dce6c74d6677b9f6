"""The inbox: which messages a service has handled, so that each takes effect once."""

from enum import Enum

from shared.messages.envelope import Envelope
from shared.postgres.database import Connection


class Arrival(Enum):
    """What the inbox says of a delivery."""

    NEW = "new"
    SEEN = "seen"
    CONFLICT = "conflict"


async def enter(connection: Connection, envelope: Envelope) -> Arrival:
    """Enter a message into the inbox of the running transaction, unless it is there already.

    CONFLICT means that the same source used the same id for other content.
    """
    values = {"source": envelope.source, "id": envelope.id, "digest": bytes.fromhex(envelope.content_digest)}
    inserted = await connection.execute(
        """INSERT INTO inbox (source, id, digest) VALUES (%(source)s, %(id)s, %(digest)s)
           ON CONFLICT DO NOTHING""",
        values,
    )
    if inserted.rowcount:
        return Arrival.NEW
    cursor = await connection.execute(
        "SELECT digest = %(digest)s AS same FROM inbox WHERE source = %(source)s AND id = %(id)s", values
    )
    row = await cursor.fetchone()
    return Arrival.SEEN if row is None or row["same"] else Arrival.CONFLICT


async def forget(connection: Connection, *, older_than_days: int = 14) -> int:
    """Delete entries past their keeping time; return how many."""
    cursor = await connection.execute(
        "DELETE FROM inbox WHERE handled_at < clock_timestamp() - make_interval(days => %s)", (older_than_days,)
    )
    return cursor.rowcount
