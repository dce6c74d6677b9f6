"""The console's own SQL: people, sessions, dead letters, finished tasks and the audit. One function per statement."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import DictRow

from services.console.domain.access import Role, Visitor
from services.console.domain.origin import origin_of
from shared.broker.dead_letters import DeadLetter
from shared.kernel.ids import digest
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

PAGE = 50
_AUDIT_LOCK = "console audit"


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters of one queue that failed in the same way."""

    queue: str
    cause: str
    reason: str


# People and sessions.


async def save_person(connection: Connection, name: str, role: Role, password_hash: str) -> None:
    """Let a person sign in with a password; who is known gets the new one, and comes in anew in the new role."""
    await _end_what_is_open(connection, name)
    await connection.execute(
        """INSERT INTO people (name, role, password_hash) VALUES (%s, %s, %s)
           ON CONFLICT (name) DO UPDATE
              SET role = excluded.role, password_hash = excluded.password_hash, disabled_at = NULL""",
        (name, role, password_hash),
    )


async def disable_person(connection: Connection, name: str) -> bool:
    """Let a person sign in no more, neither by what is open already; return False if there is no such person."""
    await _end_what_is_open(connection, name)
    cursor = await connection.execute(
        "UPDATE people SET disabled_at = clock_timestamp() WHERE name = %s AND disabled_at IS NULL", (name,)
    )
    return cursor.rowcount > 0


async def _end_what_is_open(connection: Connection, name: str) -> None:
    """End a person's sessions, and the links that nobody has used yet: both hold the role of when they were made."""
    await connection.execute(
        """WITH links AS (DELETE FROM sign_in_links WHERE person = %(name)s AND used_at IS NULL)
           DELETE FROM sessions WHERE person = %(name)s""",
        {"name": name},
    )


async def people(connection: Connection) -> list[DictRow]:
    """Return everybody who may sign in with a password."""
    cursor = await connection.execute("SELECT name, role, created_at, disabled_at FROM people ORDER BY name")
    return await cursor.fetchall()


async def find_person(connection: Connection, name: str) -> tuple[Role, str] | None:
    """Return the role and the kept password of somebody who may sign in."""
    cursor = await connection.execute(
        "SELECT role, password_hash FROM people WHERE name = %s AND disabled_at IS NULL", (name,)
    )
    row = await cursor.fetchone()
    return (Role(row["role"]), row["password_hash"]) if row else None


async def count_failures(connection: Connection, name: str, *, within: timedelta) -> int:
    """Return how often signing in under a name has failed lately."""
    cursor = await connection.execute(
        "SELECT count(*) AS times FROM sign_in_failures WHERE name = %s AND at > clock_timestamp() - %s", (name, within)
    )
    row = await cursor.fetchone()
    return int(row["times"]) if row else 0


async def note_failure(connection: Connection, name: str) -> None:
    """Count a failed try to sign in."""
    await connection.execute("INSERT INTO sign_in_failures (name) VALUES (%s)", (name,))


async def save_link(connection: Connection, token: str, visitor: Visitor, *, lasts: timedelta) -> None:
    """Keep a link that lets somebody in once."""
    await connection.execute(
        """INSERT INTO sign_in_links (digest, person, role, expires_at)
           VALUES (%s, %s, %s, clock_timestamp() + %s)""",
        (_digest(token), visitor.person, visitor.role, lasts),
    )


async def use_link(connection: Connection, token: str) -> Visitor | None:
    """Use a link up; return whom it lets in, or None where it is unknown, used or too old."""
    cursor = await connection.execute(
        """UPDATE sign_in_links SET used_at = clock_timestamp()
            WHERE digest = %s AND used_at IS NULL AND expires_at > clock_timestamp() RETURNING person, role""",
        (_digest(token),),
    )
    row = await cursor.fetchone()
    return Visitor(row["person"], Role(row["role"])) if row else None


async def start_session(connection: Connection, token: str, visitor: Visitor, *, how: str) -> None:
    """Keep a session under the digest of its cookie."""
    await connection.execute(
        "INSERT INTO sessions (digest, person, role, how) VALUES (%s, %s, %s, %s)",
        (_digest(token), visitor.person, visitor.role, how),
    )


async def visit(
    connection: Connection, token: str, *, idle: timedelta, longest: timedelta, active: bool
) -> Visitor | None:
    """Return whose session a cookie is, unless it has ended; ``active``: what they do now keeps it going."""
    cursor = await connection.execute(
        """UPDATE sessions SET seen_at = CASE WHEN %(active)s THEN clock_timestamp() ELSE seen_at END
            WHERE digest = %(digest)s AND seen_at > clock_timestamp() - %(idle)s
              AND started_at > clock_timestamp() - %(longest)s
           RETURNING person, role""",
        {"digest": _digest(token), "idle": idle, "longest": longest, "active": active},
    )
    row = await cursor.fetchone()
    return Visitor(row["person"], Role(row["role"])) if row else None


async def end_session(connection: Connection, token: str) -> None:
    """End a session."""
    await connection.execute("DELETE FROM sessions WHERE digest = %s", (_digest(token),))


async def forget_old_doors(connection: Connection) -> None:
    """Delete links, sessions and failures that are of no more use."""
    await connection.execute("DELETE FROM sign_in_links WHERE expires_at < clock_timestamp() - interval '1 day'")
    await connection.execute("DELETE FROM sessions WHERE seen_at < clock_timestamp() - interval '1 day'")
    await connection.execute("DELETE FROM sign_in_failures WHERE at < clock_timestamp() - interval '1 day'")


# The audit.


async def audit(
    connection: Connection, visitor: Visitor, what: str, *, target: str | None = None, detail: str | None = None
) -> None:
    """Append what somebody did or looked at. Each row seals the one before it."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (_AUDIT_LOCK,))
    cursor = await connection.execute("SELECT digest FROM audit ORDER BY id DESC LIMIT 1")
    row = await cursor.fetchone()
    previous = bytes(row["digest"]) if row else b""
    link = bytes.fromhex(_link(previous, visitor.person, visitor.role, what, target, detail))
    await connection.execute(
        """INSERT INTO audit (person, role, what, target, detail, previous, digest)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        (visitor.person, visitor.role, what, target, detail, previous, link),
    )


async def audit_trail(connection: Connection, *, before: int | None, person: str | None) -> list[DictRow]:
    """Return a page of the audit, the newest first."""
    cursor = await connection.execute(
        """SELECT id, at, person, role, what, target, detail FROM audit
            WHERE (%(before)s::bigint IS NULL OR id < %(before)s) AND (%(person)s::text IS NULL OR person = %(person)s)
            ORDER BY id DESC LIMIT %(limit)s""",
        {"before": before, "person": person, "limit": PAGE + 1},
    )
    return await cursor.fetchall()


async def broken_links(connection: Connection) -> list[int]:
    """Return the rows of the audit that were changed, or before which one is missing."""
    broken, previous = [], b""
    cursor = await connection.execute(
        "SELECT id, person, role, what, target, detail, previous, digest FROM audit ORDER BY id"
    )
    for row in await cursor.fetchall():
        link = _link(previous, row["person"], row["role"], row["what"], row["target"], row["detail"])
        if bytes(row["previous"]) != previous or bytes(row["digest"]).hex() != link:
            broken.append(int(row["id"]))
        previous = bytes(row["digest"])
    return broken


def _link(previous: bytes, *parts: str | None) -> str:
    return digest(previous, *("" if part is None else f"={part}" for part in parts))


# Dead letters.


async def save_letter(connection: Connection, sealer: Sealer, letter: DeadLetter) -> bool:
    """Keep a dead letter; return False if it was kept before and nobody has decided on it yet."""
    place = digest(letter.queue, letter.message_id, letter.body)
    origin = origin_of(letter.body)
    cursor = await connection.execute(
        """INSERT INTO dead_letters (queue, message_id, type, cause, reason, attempts, routing_key, correlation_id,
                content_type, source, clinic_id, body, digest, times_before)
           SELECT %(queue)s, %(id)s, %(type)s, %(cause)s, %(reason)s, %(attempts)s, %(key)s, %(correlation)s,
                %(content)s, %(source)s, %(clinic)s, %(body)s, %(digest)s,
                (SELECT count(*) FROM dead_letters WHERE message_id = %(id)s AND queue = %(queue)s)
           ON CONFLICT (queue, message_id, digest) WHERE state = 'open' DO NOTHING""",
        {
            "queue": letter.queue,
            "id": letter.message_id,
            "type": letter.type,
            "cause": letter.cause,
            "reason": letter.reason,
            "attempts": letter.attempts,
            "key": letter.routing_key,
            "correlation": letter.correlation_id,
            "content": letter.content_type,
            "source": origin.source,
            "clinic": origin.clinic_id,
            "body": sealer.seal(letter.body, place=_place(place)),
            "digest": bytes.fromhex(place),
        },
    )
    return cursor.rowcount > 0


async def letter_groups(connection: Connection) -> list[DictRow]:
    """Return the open letters by queue and cause, the largest group first."""
    cursor = await connection.execute(
        """SELECT queue, cause, reason, count(*) AS letters,
                  clock_timestamp() - min(taken_at) AS since, clock_timestamp() - max(taken_at) AS latest,
                  max(times_before) AS times_before, max(id) AS last_id,
                  coalesce(array_agg(DISTINCT source) FILTER (WHERE source IS NOT NULL), '{}') AS sources
             FROM dead_letters WHERE state = 'open'
            GROUP BY queue, cause, reason ORDER BY letters DESC, queue, reason"""
    )
    return await cursor.fetchall()


async def letters_of(connection: Connection, group: Group, *, before: int | None) -> list[DictRow]:
    """Return a page of a group's letters, the newest first."""
    cursor = await connection.execute(
        """SELECT id, message_id, type, source, clinic_id, attempts, taken_at, times_before FROM dead_letters
            WHERE state = 'open' AND queue = %s AND cause = %s AND reason = %s AND (%s::bigint IS NULL OR id < %s)
            ORDER BY id DESC LIMIT %s""",
        (group.queue, group.cause, group.reason, before, before, PAGE + 1),
    )
    return await cursor.fetchall()


async def decided_letters(connection: Connection, *, limit: int) -> list[DictRow]:
    """Return the letters that somebody decided on last."""
    cursor = await connection.execute(
        """SELECT id, queue, type, message_id, state, decided_at, decided_by, decided_why FROM dead_letters
            WHERE state IN ('replayed', 'discarded') ORDER BY decided_at DESC LIMIT %s""",
        (limit,),
    )
    return await cursor.fetchall()


async def count_letters(connection: Connection) -> dict[str, int]:
    """Return how many letters wait for a decision, by queue."""
    cursor = await connection.execute(
        "SELECT queue, count(*) AS letters FROM dead_letters WHERE state = 'open' GROUP BY queue"
    )
    return {row["queue"]: row["letters"] for row in await cursor.fetchall()}


async def letters_by_source(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how many letters wait for a decision, by the clinic and the source that they name."""
    cursor = await connection.execute(
        """SELECT clinic_id, source, count(*) AS letters FROM dead_letters
            WHERE state = 'open' AND source IS NOT NULL AND clinic_id IS NOT NULL GROUP BY 1, 2"""
    )
    return {(row["clinic_id"], row["source"]): row["letters"] for row in await cursor.fetchall()}


async def open_letters(connection: Connection, queue: str, *, message_id: str | None) -> list[DictRow]:
    """Return the open letters of a queue, sealed; of one message, or all."""
    cursor = await connection.execute(
        """SELECT * FROM dead_letters
            WHERE state = 'open' AND queue = %(queue)s AND (%(id)s::text IS NULL OR message_id = %(id)s) ORDER BY id""",
        {"queue": queue, "id": message_id},
    )
    return await cursor.fetchall()


async def find_letter(connection: Connection, letter_id: int) -> DictRow | None:
    """Return one letter, sealed."""
    cursor = await connection.execute("SELECT * FROM dead_letters WHERE id = %s", (letter_id,))
    return await cursor.fetchone()


def open_letter(sealer: Sealer, row: DictRow) -> DeadLetter | None:
    """Return a letter as it came, or None once its body is past its keeping time.

    Raises:
        UnsealError: the key that sealed it is gone.
    """
    if row["body"] is None:
        return None
    return DeadLetter(
        queue=row["queue"],
        message_id=row["message_id"],
        type=row["type"],
        cause=row["cause"],
        reason=row["reason"],
        attempts=row["attempts"],
        body=sealer.open(row["body"], place=_place(bytes(row["digest"]).hex())),
        routing_key=row["routing_key"],
        correlation_id=row["correlation_id"],
        content_type=row["content_type"],
    )


async def decide_letters(
    connection: Connection,
    *,
    ids: Sequence[int] | None,
    group: Group | None,
    up_to: int | None,
    state: str,
    by: str,
    why: str | None,
) -> int:
    """Decide on open letters, named by id or by their group up to an id; return how many that were."""
    cursor = await connection.execute(
        """UPDATE dead_letters
              SET state = %(state)s, decided_at = clock_timestamp(), decided_by = %(by)s, decided_why = %(why)s
            WHERE state = 'open' AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s))
              AND (%(queue)s::text IS NULL OR (queue = %(queue)s AND cause = %(cause)s AND reason = %(reason)s))
              AND (%(up_to)s::bigint IS NULL OR id <= %(up_to)s)""",
        {
            "state": state,
            "by": by,
            "why": why,
            "ids": list(ids) if ids is not None else None,
            "queue": group.queue if group else None,
            "cause": group.cause if group else None,
            "reason": group.reason if group else None,
            "up_to": up_to,
        },
    )
    return cursor.rowcount


async def take_replaying(connection: Connection, *, limit: int) -> list[DictRow]:
    """Lock letters that are to be sent back; another console skips them until the transaction ends."""
    cursor = await connection.execute(
        "SELECT * FROM dead_letters WHERE state = 'replaying' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED", (limit,)
    )
    return await cursor.fetchall()


async def settle_letters(connection: Connection, ids: Sequence[int]) -> None:
    """Note that letters were sent back."""
    await connection.execute("UPDATE dead_letters SET state = 'replayed' WHERE id = ANY(%s)", (list(ids),))


async def reopen_letters(connection: Connection, ids: Sequence[int]) -> None:
    """Put letters that could not be sent back before people again, unless the same one has come anew."""
    await connection.execute(
        """UPDATE dead_letters AS d SET decided_at = NULL, decided_by = NULL, decided_why = NULL, state = 'open'
            WHERE d.id = ANY(%s)
              AND NOT EXISTS (SELECT 1 FROM dead_letters o WHERE o.state = 'open' AND o.queue = d.queue
                                 AND o.message_id = d.message_id AND o.digest = d.digest)""",
        (list(ids),),
    )


async def forget_letters(connection: Connection, *, after: timedelta) -> int:
    """Delete the bodies of letters that were decided on long ago; that they were there stays known."""
    cursor = await connection.execute(
        """UPDATE dead_letters SET body = NULL
            WHERE body IS NOT NULL AND state IN ('replayed', 'discarded') AND decided_at < clock_timestamp() - %s""",
        (after,),
    )
    return cursor.rowcount


# Feeds.


async def end_feed(connection: Connection, clinic_id: str, source: str, *, by: str, now: datetime) -> None:
    """Note that nothing more is to come from a feed; once it is heard of again it counts as any other."""
    await connection.execute(
        """INSERT INTO ended_feeds (clinic_id, source, ended_by, ended_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT (clinic_id, source) DO UPDATE SET ended_by = excluded.ended_by, ended_at = excluded.ended_at""",
        (clinic_id, source, by, now),
    )


# Tasks.


async def finish_task(connection: Connection, task_id: str, *, how: str, by: str, now: datetime) -> bool:
    """Note that a task is done; return False if it was before."""
    cursor = await connection.execute(
        """INSERT INTO finished_tasks (task_id, how, finished_by, finished_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        (task_id, how, by, now),
    )
    return cursor.rowcount > 0


def _place(letter_digest: str) -> str:
    return f"dead_letters.body:{letter_digest}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
