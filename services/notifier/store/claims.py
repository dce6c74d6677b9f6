"""Due messages: claimed, judged by these facts, and held or started."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import DictRow

from services.notifier.domain.budget import SERIES, WEEK
from services.notifier.domain.message import Contact, Message
from services.notifier.domain.policy import COUNTED, NOTICES
from services.notifier.store.rows import COLUMNS, read_contact, read_message
from shared.messages.base import Channel, Purpose
from shared.messages.plan import ACCEPTED
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer, UnsealError
from shared.telemetry.log import log

_PLANNER_ANSWERS_WITHIN = timedelta(minutes=1)
"""What its planner does not withdraw or change for that long after a notice has left, goes."""
_ANSWERS = 2
"""The last priority of those that answer somebody."""
_WAITS_FOR_PROVIDER = "('rate_limited', 'provider_not_reached', 'busy_number', 'not_found_at_provider')"
_WAITING = f"""SELECT DISTINCT ON (recipient_id, channel, urgent) recipient_id, channel, urgent, send_at, id
      FROM messages
     WHERE wanted AND state = 'planned' AND due_at <= %(now)s AND retry_at > 'epoch' AND retry_at > clock_timestamp()
       AND reason IN {_WAITS_FOR_PROVIDER}
     ORDER BY recipient_id, channel, urgent, send_at, id"""  # noqa: S608 - constant
_MAY_GO = """(w.id IS NULL OR (m.send_at, m.id) <= (w.send_at, w.id))
    AND (m.after_key IS NULL OR NOT EXISTS (SELECT FROM messages e
        WHERE e.subject = m.subject AND e.key = m.after_key AND e.wanted AND e.outcome IS NULL))
    AND (m.purpose <> ALL(%(notices)s) OR NOT EXISTS (SELECT FROM messages e JOIN plans p ON p.subject = e.subject
        WHERE e.subject = m.subject AND e.key <> m.key AND e.purpose = ANY(%(notices)s)
          AND e.outcome = 'sent' AND e.ended_at > p.applied_at AND e.ended_at > %(planner_since)s))"""


async def claim_due(
    connection: Connection,
    sealer: Sealer,
    *,
    now: datetime,
    channels: Collection[Channel],
    urgent: Collection[bool],
    limit: int,
    only_expired: bool = False,
) -> list[Message]:
    """Lock due messages; other senders skip them until the transaction ends.

    What answers somebody goes first, then whatever becomes useless soonest: after an outage that loses the least.
    Nothing overtakes an earlier message to the same recipient that waits for the provider, nor the one it follows.
    A notice that was planned before another of its subject left, perhaps to the same effect, waits for its planner.
    One that cannot be opened (its key is gone) is put off for a minute and holds up no other.
    """
    cursor = await connection.execute(
        f"""WITH waiting AS MATERIALIZED ({_WAITING})
            SELECT {COLUMNS} FROM messages m
              LEFT JOIN waiting w ON (w.recipient_id, w.channel, w.urgent) = (m.recipient_id, m.channel, m.urgent)
             WHERE m.state IN ('planned', 'held') AND m.due_at <= %(now)s AND m.retry_at <= clock_timestamp()
               AND m.channel = ANY(%(channels)s) AND m.urgent = ANY(%(urgent)s)
               AND (m.expires_at <= %(now)s OR NOT %(only_expired)s AND {_MAY_GO})
             ORDER BY m.priority > {_ANSWERS}, m.expires_at, m.priority, m.id
             LIMIT %(limit)s FOR UPDATE OF m SKIP LOCKED""",  # noqa: S608 - constant
        {
            "now": now,
            "channels": list(channels),
            "urgent": list(urgent),
            "limit": limit,
            "only_expired": only_expired,
            "notices": sorted(NOTICES),
            "planner_since": now - _PLANNER_ANSWERS_WITHIN,
        },
    )
    rows = {row["id"]: row for row in await cursor.fetchall()}
    if not rows:
        return []
    # Read once the messages are locked: a plan that changes both then shows in both, or in neither.
    cursor = await connection.execute(
        "SELECT message_id, template, template_values, traceparent FROM message_bodies WHERE message_id = ANY(%s)",
        (list(rows),),
    )
    bodies = {body["message_id"]: body for body in await cursor.fetchall()}
    messages, sealed = [], []
    for key, row in rows.items():
        if key in bodies:
            try:
                messages.append(read_message({**row, **bodies[key]}, sealer))
            except UnsealError:
                sealed.append(key)
    await put_off_sealed(connection, sealed)
    return messages


async def put_off_sealed(connection: Connection, message_ids: Sequence[int]) -> None:
    """Look again in a minute at messages that cannot be opened: a key may come back."""
    if message_ids:
        log.error("messages cannot be opened: a sealing key is gone", count=len(message_ids))
        await connection.execute(
            "UPDATE messages SET retry_at = clock_timestamp() + interval '1 minute' WHERE id = ANY(%s)",
            (list(message_ids),),
        )


async def contacts(connection: Connection, sealer: Sealer, recipient_ids: Iterable[str]) -> dict[str, Contact]:
    """Return recipients by id.

    Raises:
        UnsealError: one of them cannot be opened.
    """
    return {row["recipient_id"]: read_contact(row, sealer) for row in await _recipients(connection, recipient_ids)}


async def readable_contacts(
    connection: Connection, sealer: Sealer, recipient_ids: Iterable[str]
) -> tuple[dict[str, Contact], set[str]]:
    """Return recipients by id, and the ids of those that cannot be opened."""
    found, sealed = {}, set()
    for row in await _recipients(connection, recipient_ids):
        try:
            found[row["recipient_id"]] = read_contact(row, sealer)
        except UnsealError:
            sealed.add(row["recipient_id"])
    return found, sealed


async def _recipients(connection: Connection, recipient_ids: Iterable[str]) -> list[DictRow]:
    cursor = await connection.execute(
        "SELECT recipient_id, contact FROM recipients WHERE recipient_id = ANY(%s)", (list(recipient_ids),)
    )
    return await cursor.fetchall()


@dataclass(frozen=True, slots=True)
class Traffic:
    """What has been going on at a number of late."""

    is_busy: bool = False
    """Whether a text is under way whose outcome is not known yet."""
    answers: int = 0
    """How many texts were sent by themselves in answer to it, but for those about an answer that was asked for."""
    last_text_at: datetime | None = None
    """When it was last sent a text that counts."""


async def traffic(
    connection: Connection, numbers: Sequence[bytes], *, answers_since: datetime, texts_since: datetime
) -> dict[bytes, Traffic]:
    """Return the traffic of each number that has any."""
    cursor = await connection.execute(
        """SELECT number,
                  bool_or(outcome IS NULL) AS busy,
                  count(*) FILTER (WHERE outcome = 'sent' AND purpose IN ('answer_reply', 'opt_out_confirmation')
                                     AND NOT starts_with(subject, %(accepted)s) AND ended_at > %(answers)s) AS answers,
                  max(ended_at) FILTER (WHERE outcome IN ('sent', 'unknown') AND channel = 'sms'
                                          AND purpose = ANY(%(counted)s) AND ended_at > %(texts)s) AS last_text_at
             FROM messages
            WHERE number = ANY(%(numbers)s)
              AND (ended_at > least(%(answers)s, %(texts)s)
                   OR state IN ('sending', 'unknown') AND outcome IS NULL AND NOT urgent AND channel <> 'email')
            GROUP BY number""",
        {
            "numbers": list(numbers),
            "answers": answers_since,
            "texts": texts_since,
            "counted": sorted(COUNTED),
            "accepted": ACCEPTED,
        },
    )
    return {
        bytes(row["number"]): Traffic(row["busy"], row["answers"], row["last_text_at"])
        for row in await cursor.fetchall()
    }


async def last_heard(connection: Connection, numbers: Sequence[bytes]) -> dict[bytes, datetime]:
    """Return when each of these numbers wrote last."""
    cursor = await connection.execute(
        "SELECT number, max(received_at) AS at FROM inbound WHERE number = ANY(%s) GROUP BY number", (list(numbers),)
    )
    return {bytes(row["number"]): row["at"] for row in await cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a patient has been sent of late, and when the visits lie that they are reminded of."""

    texts: tuple[datetime, ...] = ()
    visits: frozenset[datetime] = frozenset()


async def allowances(connection: Connection, recipient_ids: Collection[str], *, now: datetime) -> dict[str, Allowance]:
    """Return what each recipient's weekly budget is reckoned from."""
    cursor = await connection.execute(
        """SELECT recipient_id, coalesce(ended_at, %(now)s) AS at, NULL::timestamptz AS visit
             FROM messages
            WHERE recipient_id = ANY(%(ids)s) AND channel = 'sms' AND purpose = ANY(%(counted)s)
              AND (outcome IN ('sent', 'unknown') AND ended_at > %(week)s
                   OR state IN ('sending', 'unknown') AND outcome IS NULL)
           UNION ALL
           SELECT DISTINCT recipient_id, %(now)s, expires_at FROM messages
            WHERE recipient_id = ANY(%(ids)s) AND purpose = %(near)s AND (wanted OR outcome = 'sent')
              AND expires_at BETWEEN %(from)s AND %(to)s""",
        {
            "ids": list(recipient_ids),
            "counted": sorted(COUNTED),
            "near": Purpose.REMINDER_NEAR,
            "now": now,
            "week": now - WEEK,
            "from": now - SERIES,
            "to": now + SERIES,
        },
    )
    texts: dict[str, list[datetime]] = defaultdict(list)
    visits: dict[str, set[datetime]] = defaultdict(set)
    for row in await cursor.fetchall():
        if row["visit"] is None:
            texts[row["recipient_id"]].append(row["at"])
        else:
            visits[row["recipient_id"]].add(row["visit"])
    return {recipient: Allowance(tuple(texts[recipient]), frozenset(visits[recipient])) for recipient in recipient_ids}


async def hold(connection: Connection, message_id: int, *, reason: str, until: datetime) -> None:
    """Let a message wait."""
    await connection.execute(
        "UPDATE messages SET state = 'held', reason = %s, due_at = %s WHERE id = %s AND state IN ('planned', 'held')",
        (reason, until, message_id),
    )


async def postpone(connection: Connection, message_ids: Sequence[int], *, for_s: float) -> None:
    """Look at messages again after a moment of real time, without calling it a hold."""
    await connection.execute(
        "UPDATE messages SET retry_at = clock_timestamp() + %s WHERE id = ANY(%s)",
        (timedelta(seconds=for_s), list(message_ids)),
    )


@dataclass(frozen=True, slots=True)
class Start:
    """An attempt to be written down. ``number`` and ``body_hash`` are keyed hashes."""

    message_id: int
    token: str
    number: bytes
    body_hash: bytes


async def start_attempts(connection: Connection, starts: Sequence[Start], *, now: datetime) -> dict[int, int]:
    """Write attempts down before they are made, and into the history; return their numbers by message."""
    if not starts:
        return {}
    cursor = await connection.execute(
        """WITH started AS (
               UPDATE messages AS m SET state = 'sending', attempt = m.attempt + 1, started_at = clock_timestamp(),
                      number = new.number, looks = 0, look_at = NULL, reason = NULL
                 FROM unnest(%(ids)s::bigint[], %(tokens)s::text[], %(numbers)s::bytea[], %(bodies)s::bytea[])
                      AS new (id, token, number, body_hash)
                WHERE m.id = new.id
               RETURNING m.id, m.attempt, m.started_at, new.token, new.body_hash),
           noted AS (
               INSERT INTO attempts (token, message_id, number_of_attempt, started_at, body_hash)
               SELECT token, id, attempt, started_at, body_hash FROM started),
           remembered AS (
               INSERT INTO history (at, message_id, what, detail)
               SELECT %(now)s, id, 'sending', 'attempt ' || attempt FROM started ORDER BY id)
           SELECT id, attempt FROM started""",
        {
            "now": now,
            "ids": [start.message_id for start in starts],
            "tokens": [start.token for start in starts],
            "numbers": [start.number for start in starts],
            "bodies": [start.body_hash for start in starts],
        },
    )
    return {row["id"]: row["attempt"] for row in await cursor.fetchall()}


async def due_unsent(connection: Connection, *, now: datetime) -> int:
    """Count messages that are wanted, due and not sent."""
    cursor = await connection.execute(
        """SELECT count(*) AS due FROM messages
            WHERE state IN ('planned', 'held') AND due_at <= %s AND wanted""",
        (now,),
    )
    row = await cursor.fetchone()
    assert row is not None
    due: int = row["due"]
    return due
