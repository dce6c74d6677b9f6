"""What became of a call to the provider, and the evidence for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifier.domain.message import Message
from services.notifier.store.plans import DUE
from services.notifier.store.rows import MESSAGE_COLUMNS, read_message
from shared.messages.base import Channel
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer


async def open_message(connection: Connection, sealer: Sealer, message_id: int) -> Message | None:
    """Lock and return a message."""
    return (await open_messages(connection, sealer, [message_id])).get(message_id)


async def open_messages(connection: Connection, sealer: Sealer, message_ids: Collection[int]) -> dict[int, Message]:
    """Lock messages, always in the same order, and return them by their ids."""
    cursor = await connection.execute(
        f"""SELECT {MESSAGE_COLUMNS} FROM messages m JOIN message_bodies b ON b.message_id = m.id
             WHERE m.id = ANY(%s) ORDER BY m.id FOR UPDATE OF m""",  # noqa: S608 - constant
        (list(message_ids),),
    )
    return {row["id"]: read_message(row, sealer) for row in await cursor.fetchall()}


async def open_by_reference(connection: Connection, sealer: Sealer, references: Collection[str]) -> dict[str, Message]:
    """Lock the messages that provider references belong to, always in the same order, and return them by those."""
    cursor = await connection.execute(
        f"""SELECT {MESSAGE_COLUMNS} FROM messages m JOIN message_bodies b ON b.message_id = m.id
             WHERE m.provider_reference = ANY(%s) ORDER BY m.id FOR UPDATE OF m""",  # noqa: S608 - constant
        (list(references),),
    )
    return {row["provider_reference"]: read_message(row, sealer) for row in await cursor.fetchall()}


async def message_of_token(connection: Connection, token: str) -> tuple[int, int] | None:
    """Return the message and attempt that a token belongs to."""
    cursor = await connection.execute("SELECT message_id, number_of_attempt FROM attempts WHERE token = %s", (token,))
    row = await cursor.fetchone()
    return (row["message_id"], row["number_of_attempt"]) if row else None


@dataclass(frozen=True, slots=True)
class Proof:
    """That the provider has the message of one attempt."""

    message: Message
    attempt: int
    provider_reference: str
    segments: int | None = None


async def adopt(connection: Connection, proofs: Sequence[Proof], *, now: datetime) -> set[int]:
    """Record that the provider has messages; return those whose outcome was not known already."""
    cursor = await connection.execute(
        """UPDATE messages AS m SET state = 'sent', outcome = 'sent', reason = NULL, ended_at = %(now)s, receipt = NULL,
                  provider_reference = new.reference, segments = coalesce(new.segments, m.segments)
             FROM unnest(%(ids)s::bigint[], %(references)s::text[], %(segments)s::smallint[])
                  AS new (id, reference, segments)
            WHERE m.id = new.id AND m.outcome IS NULL AND m.state IN ('sending', 'unknown')
           RETURNING m.id""",
        {
            "now": now,
            "ids": [proof.message.id for proof in proofs],
            "references": [proof.provider_reference for proof in proofs],
            "segments": [proof.segments for proof in proofs],
        },
    )
    return {row["id"] for row in await cursor.fetchall()}


async def note_late_proof(connection: Connection, message_id: int, provider_reference: str) -> bool:
    """Attach the provider's message to one whose outcome was given up as unknown: it did go out, once.

    Return False if that is not how it stands.
    """
    cursor = await connection.execute(
        """UPDATE messages SET provider_reference = %s
            WHERE id = %s AND outcome = 'unknown' AND provider_reference IS NULL""",
        (provider_reference, message_id),
    )
    return cursor.rowcount > 0


async def note_result(connection: Connection, token: str, result: str, provider_reference: str | None = None) -> None:
    """Write down how an attempt ended."""
    await note_results(connection, [(token, result, provider_reference)])


async def note_results(connection: Connection, results: Sequence[tuple[str, str, str | None]]) -> None:
    """Write down how attempts ended: for each token the result and, where there is one, the provider's reference."""
    tokens, words, references = zip(*results, strict=True)
    await connection.execute(
        """UPDATE attempts AS a SET result = new.result,
                  provider_reference = coalesce(new.reference, a.provider_reference),
                  answered_at = coalesce(a.answered_at, clock_timestamp())
             FROM unnest(%s::text[], %s::text[], %s::text[]) AS new (token, result, reference)
            WHERE a.token = new.token""",
        (list(tokens), list(words), list(references)),
    )


async def give_back(
    connection: Connection,
    message_id: int,
    attempt: int,
    *,
    reason: str,
    retry_after: timedelta,
    due_at: datetime | None,
) -> bool:
    """Let a message wait again after an attempt that certainly sent nothing.

    ``retry_after`` is real time; ``due_at`` is clinical time, where the error table asks for a later try.
    """
    cursor = await connection.execute(
        """UPDATE messages SET state = 'planned', reason = %(reason)s, retry_at = clock_timestamp() + %(after)s,
                  due_at = coalesce(%(due_at)s, due_at), resends = resends + (%(due_at)s::timestamptz IS NOT NULL)::int
            WHERE id = %(id)s AND attempt = %(attempt)s AND outcome IS NULL AND state IN ('sending', 'unknown')""",
        {"reason": reason, "after": retry_after, "due_at": due_at, "id": message_id, "attempt": attempt},
    )
    return cursor.rowcount > 0


async def make_unknown(connection: Connection, message_id: int, attempt: int, *, grace: timedelta) -> bool:
    """Record that nobody knows whether the provider has a message; look for evidence after the grace period."""
    cursor = await connection.execute(
        """UPDATE messages SET state = 'unknown', looks = 0, look_at = started_at + %s
            WHERE id = %s AND attempt = %s AND outcome IS NULL AND state = 'sending'""",
        (grace, message_id, attempt),
    )
    return cursor.rowcount > 0


async def abandoned(connection: Connection, *, lease: timedelta) -> list[tuple[int, int, Channel]]:
    """Lock and return the messages whose sender died between writing the attempt and its answer."""
    cursor = await connection.execute(
        """SELECT id, attempt, channel FROM messages WHERE state = 'sending' AND outcome IS NULL
              AND started_at < clock_timestamp() - %s FOR UPDATE SKIP LOCKED""",
        (lease,),
    )
    return [(row["id"], row["attempt"], Channel(row["channel"])) for row in await cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message whose outcome is unknown and whose turn to be looked for has come."""

    message_id: int
    attempt: int
    started_at: datetime
    looks: int
    body_hash: bytes
    recipient_id: str
    channel: Channel


async def take_doubts(connection: Connection, *, limit: int, look_gap: timedelta) -> list[Doubt]:
    """Take messages to look for, and put off their next look, so that a crash only delays it."""
    cursor = await connection.execute(
        """UPDATE messages AS m SET look_at = clock_timestamp() + %s
             FROM attempts AS a
            WHERE m.id IN (SELECT id FROM messages WHERE state = 'unknown' AND outcome IS NULL
                              AND look_at <= clock_timestamp() ORDER BY look_at LIMIT %s FOR UPDATE SKIP LOCKED)
              AND a.message_id = m.id AND a.number_of_attempt = m.attempt
           RETURNING m.id, m.attempt, m.started_at, m.looks, a.body_hash, m.recipient_id, m.channel""",
        (look_gap, limit),
    )
    return [
        Doubt(
            row["id"],
            row["attempt"],
            row["started_at"],
            row["looks"],
            bytes(row["body_hash"]),
            row["recipient_id"],
            Channel(row["channel"]),
        )
        for row in await cursor.fetchall()
    ]


async def taken_references(connection: Connection, references: Sequence[str]) -> set[str]:
    """Return which provider references belong to a message already."""
    cursor = await connection.execute(
        "SELECT provider_reference FROM messages WHERE provider_reference = ANY(%s)", (list(references),)
    )
    return {row["provider_reference"] for row in await cursor.fetchall()}


async def count_look(connection: Connection, message_id: int, attempt: int) -> None:
    """Count a look that found nothing."""
    await connection.execute(
        "UPDATE messages SET looks = looks + 1 WHERE id = %s AND attempt = %s AND state = 'unknown'",
        (message_id, attempt),
    )


async def release_number(connection: Connection, message_id: int) -> None:
    """Let other messages to the same number, which waited for this one, be looked at again."""
    await release_numbers(connection, [message_id])


async def release_numbers(connection: Connection, message_ids: Sequence[int]) -> None:
    """Let other messages to the same numbers, which waited for these, be looked at again."""
    await connection.execute(
        """WITH released AS (
               UPDATE messages SET retry_at = 'epoch'
                WHERE state IN ('planned', 'held') AND retry_at > 'epoch' AND retry_at > clock_timestamp()
                  AND reason = 'busy_number'
                  AND recipient_id IN (SELECT r.recipient_id FROM recipients r JOIN messages m ON m.number = r.number
                                        WHERE m.id = ANY(%s))
               RETURNING 1)
           SELECT pg_notify(current_schema() || '_' || %s, '') FROM released LIMIT 1""",
        (list(message_ids), DUE),
    )


async def wait_for_number(connection: Connection, message_ids: Sequence[int], *, for_s: float) -> None:
    """Let messages wait until the number's other text is settled."""
    if message_ids:
        await connection.execute(
            "UPDATE messages SET retry_at = clock_timestamp() + %s, reason = 'busy_number' WHERE id = ANY(%s)",
            (timedelta(seconds=for_s), list(message_ids)),
        )
