"""The inbox: which messages a service has handled, so that each takes effect once."""

from collections.abc import Iterable, Sequence
from enum import Enum

from shared.messages.envelope import Envelope
from shared.postgres.database import LOCK_IN_ORDER, Connection


class Arrival(Enum):
    """What the inbox says of a delivery."""

    NEW = "new"
    SEEN = "seen"
    CONFLICT = "conflict"
    NOT_OURS = "not_ours"


async def enter(connection: Connection, envelope: Envelope, *, touches: Iterable[str] = ()) -> Arrival:
    """Lock what a message touches, then enter it into the inbox of the running transaction, unless it is there already.

    CONFLICT means that the same source used the same id for other content.
    """
    values = {"source": envelope.source, "id": envelope.id, "digest": bytes.fromhex(envelope.content_digest)}
    # One statement for both: what is counted in the condition is locked before the row is made.
    inserted = await connection.execute(
        f"""WITH locked AS MATERIALIZED ({LOCK_IN_ORDER})
            INSERT INTO inbox (source, id, digest)
            SELECT %(source)s::text, %(id)s::text, %(digest)s::bytea WHERE (SELECT count(*) FROM locked) >= 0
            ON CONFLICT DO NOTHING""",  # noqa: S608 - constant
        {**values, "names": list(touches)},
    )
    if inserted.rowcount:
        return Arrival.NEW
    cursor = await connection.execute(
        "SELECT digest = %(digest)s AS same FROM inbox WHERE source = %(source)s AND id = %(id)s", values
    )
    row = await cursor.fetchone()
    return Arrival.SEEN if row is None or row["same"] else Arrival.CONFLICT


async def enter_each(
    connection: Connection, envelopes: Sequence[Envelope], *, touches: Iterable[str] = ()
) -> list[bool]:
    """Lock what several messages touch, in one order, then enter those that are not there yet; say which are new."""
    keys = [(envelope.source, envelope.id) for envelope in envelopes]
    cursor = await connection.execute(
        f"""WITH locked AS MATERIALIZED ({LOCK_IN_ORDER})
            INSERT INTO inbox (source, id, digest)
            SELECT * FROM unnest(%(sources)s::text[], %(ids)s::text[], %(digests)s::bytea[])
             WHERE (SELECT count(*) FROM locked) >= 0
            ON CONFLICT DO NOTHING RETURNING source, id""",  # noqa: S608 - constant
        {
            "names": list(touches),
            "sources": [source for source, _id in keys],
            "ids": [message_id for _source, message_id in keys],
            "digests": [bytes.fromhex(envelope.content_digest) for envelope in envelopes],
        },
    )
    entered = {(row["source"], row["id"]) for row in await cursor.fetchall()}
    return [key in entered for key in keys]


async def forget(connection: Connection, *, older_than_days: int = 14) -> int:
    """Delete entries past their keeping time; return how many."""
    cursor = await connection.execute(
        "DELETE FROM inbox WHERE handled_at < clock_timestamp() - make_interval(days => %s)", (older_than_days,)
    )
    return cursor.rowcount
