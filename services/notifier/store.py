"""The SQL of the notifier: one function per statement, sets in and sets out."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.notifier.domain.equalise import Insertion, KnownMessage
from services.notifier.domain.message import Contact, Message
from services.notifier.domain.policy import POLICIES
from services.notifier.domain.receipt import Receipt
from services.notifier.domain.state import DeliveryStatus
from shared.kernel.contact import PhoneNumber
from shared.messages.base import Channel, Consent, Purpose
from shared.messages.plan import MessagesPlan, PlannedMessage
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer

DUE = "due"
"""Channel on which a commit tells the sender that something may be due."""

_MESSAGE = """m.id, m.subject, m.key, m.channel, m.clinic_id, m.patient_ref, m.recipient_id, m.purpose, m.urgent,
    m.state, m.wanted, m.send_at, m.expires_at, m.due_at, m.attempt, m.resends, m.reason, m.provider_reference,
    b.template, b.template_values"""


# Plans.


async def accept_revision(connection: Connection, subject: str, revision: int, *, now: datetime) -> bool:
    """Note a plan's revision; return False if the same or a later one was applied before."""
    cursor = await connection.execute(
        """INSERT INTO plans (subject, revision, applied_at) VALUES (%s, %s, %s)
           ON CONFLICT (subject) DO UPDATE SET revision = excluded.revision, applied_at = excluded.applied_at
            WHERE plans.revision < excluded.revision""",
        (subject, revision, now),
    )
    return cursor.rowcount > 0


async def save_recipient(connection: Connection, sealer: Sealer, recipient_id: str, plan: MessagesPlan) -> None:
    """Keep the newest snapshot of a plan's recipient."""
    recipient = plan.recipient
    contact = recipient.model_dump(mode="json", include={"phone", "email", "language", "time_zone", "consent"})
    await connection.execute(
        """INSERT INTO recipients (recipient_id, clinic_id, patient_ref, contact, number, as_of)
           VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (recipient_id) DO UPDATE
              SET contact = excluded.contact, number = excluded.number, as_of = excluded.as_of
            WHERE recipients.as_of <= excluded.as_of""",
        (
            recipient_id,
            plan.clinic_id,
            plan.patient_ref if recipient.kind == "patient" else None,
            sealer.seal(json.dumps(contact), place=_contact_place(recipient_id)),
            sealer.lookup(recipient.phone) if recipient.phone else None,
            recipient.as_of,
        ),
    )


async def known_messages(connection: Connection, subject: str) -> list[KnownMessage]:
    """Lock and return the rows of a subject."""
    cursor = await connection.execute(
        "SELECT id, key, channel, state FROM messages WHERE subject = %s ORDER BY id FOR UPDATE", (subject,)
    )
    return [
        KnownMessage(row["id"], row["key"], Channel(row["channel"]), DeliveryStatus(row["state"]))
        for row in await cursor.fetchall()
    ]


async def insert_messages(
    connection: Connection, sealer: Sealer, plan: MessagesPlan, recipient_id: str, insertions: Iterable[Insertion]
) -> list[int]:
    """Add planned messages and their bodies; return their ids."""
    ids = []
    for insertion in insertions:
        message = insertion.message
        cursor = await connection.execute(
            """INSERT INTO messages (subject, key, channel, clinic_id, patient_ref, recipient_id, purpose, urgent,
                    priority, state, send_at, expires_at, due_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'planned', %s, %s, %s) RETURNING id""",
            (
                plan.subject,
                message.key,
                insertion.channel,
                plan.clinic_id,
                plan.patient_ref,
                recipient_id,
                message.purpose,
                message.urgency == "urgent",
                POLICIES[message.purpose].priority,
                message.send_at,
                message.expires_at,
                message.send_at,
            ),
        )
        row = await cursor.fetchone()
        assert row is not None
        ids.append(row["id"])
        await _save_body(connection, sealer, row["id"], message)
    return ids


async def update_waiting(
    connection: Connection, sealer: Sealer, updates: Iterable[tuple[int, PlannedMessage]], recipient_id: str
) -> None:
    """Give waiting rows the times and values of a newer plan, and have them judged anew."""
    for message_id, message in updates:
        await connection.execute(
            """UPDATE messages SET send_at = %(send_at)s, expires_at = %(expires_at)s, due_at = %(send_at)s,
                      recipient_id = %(recipient)s
                WHERE id = %(id)s AND state IN ('planned', 'held')""",
            {
                "id": message_id,
                "send_at": message.send_at,
                "expires_at": message.expires_at,
                "recipient": recipient_id,
            },
        )
        await _save_body(connection, sealer, message_id, message)


async def set_wanted(connection: Connection, *, wanted: Sequence[int], unwanted: Sequence[int]) -> list[int]:
    """Let ``wanted`` follow the plan; return the ids of those that are no longer wanted and were so far."""
    if wanted:
        await connection.execute("UPDATE messages SET wanted = true WHERE id = ANY(%s) AND NOT wanted", (list(wanted),))
    if not unwanted:
        return []
    cursor = await connection.execute(
        "UPDATE messages SET wanted = false WHERE id = ANY(%s) AND wanted AND outcome IS NULL RETURNING id",
        (list(unwanted),),
    )
    return [row["id"] for row in await cursor.fetchall()]


async def announce_due(connection: Connection) -> None:
    """Wake the senders when the transaction commits."""
    await connection.execute("SELECT pg_notify(current_schema() || '_' || %s, '')", (DUE,))


async def _save_body(connection: Connection, sealer: Sealer, message_id: int, message: PlannedMessage) -> None:
    await connection.execute(
        """INSERT INTO message_bodies (message_id, template, template_values, expects) VALUES (%s, %s, %s, %s)
           ON CONFLICT (message_id) DO UPDATE
              SET template = excluded.template, template_values = excluded.template_values,
                  expects = excluded.expects""",
        (
            message_id,
            message.template,
            sealer.seal(json.dumps(message.values), place=_body_place(message_id)),
            Jsonb(message.expects.model_dump(mode="json")) if message.expects else None,
        ),
    )


# Claims.


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the provider may be asked: freely, with one message as a trial, or not now."""

    state: Literal["open", "trial", "closed"]


async def provider_gate(connection: Connection, *, trial_for: timedelta) -> Gate:
    """Read the provider's pause; whoever finds it run out gets the trial, and nobody else for ``trial_for``."""
    cursor = await connection.execute("SELECT until <= clock_timestamp() AS over FROM pauses WHERE scope = 'provider'")
    row = await cursor.fetchone()
    if row is None:
        return Gate("open")
    if not row["over"]:
        return Gate("closed")
    cursor = await connection.execute(
        """UPDATE pauses SET until = clock_timestamp() + %s
            WHERE scope = 'provider' AND until <= clock_timestamp()""",
        (trial_for,),
    )
    return Gate("trial" if cursor.rowcount else "closed")


async def claim_due(
    connection: Connection, sealer: Sealer, *, now: datetime, urgent: bool, limit: int, only_expired: bool = False
) -> list[Message]:
    """Lock due messages, the most urgent first; other senders skip them until the transaction ends."""
    cursor = await connection.execute(
        f"""SELECT {_MESSAGE} FROM messages m JOIN message_bodies b ON b.message_id = m.id
             WHERE m.state IN ('planned', 'held') AND m.due_at <= %(now)s AND m.retry_at <= clock_timestamp()
               AND m.urgent = %(urgent)s AND (NOT %(only_expired)s OR m.expires_at <= %(now)s)
             ORDER BY m.priority, m.expires_at LIMIT %(limit)s FOR UPDATE OF m SKIP LOCKED""",  # noqa: S608 - constant
        {"now": now, "urgent": urgent, "limit": limit, "only_expired": only_expired},
    )
    return [_message(row, sealer) for row in await cursor.fetchall()]


async def contacts(connection: Connection, sealer: Sealer, recipient_ids: Iterable[str]) -> dict[str, Contact]:
    """Return recipients by id."""
    cursor = await connection.execute(
        "SELECT recipient_id, contact FROM recipients WHERE recipient_id = ANY(%s)", (list(recipient_ids),)
    )
    return {row["recipient_id"]: _contact(row, sealer) for row in await cursor.fetchall()}


async def busy_numbers(connection: Connection, numbers: Sequence[bytes]) -> set[bytes]:
    """Return which numbers have a text under way whose outcome is not known yet."""
    cursor = await connection.execute(
        """SELECT number FROM messages
            WHERE number = ANY(%s) AND state IN ('sending', 'unknown') AND outcome IS NULL AND NOT urgent""",
        (list(numbers),),
    )
    return {bytes(row["number"]) for row in await cursor.fetchall()}


async def suppressed(connection: Connection, numbers: Sequence[bytes]) -> set[tuple[str, bytes, str]]:
    """Return the suppressions that stand for numbers, as sender, number and kind."""
    cursor = await connection.execute(
        "SELECT sender, number, kind FROM suppressions WHERE number = ANY(%s)", (list(numbers),)
    )
    return {(row["sender"], bytes(row["number"]), row["kind"]) for row in await cursor.fetchall()}


async def paused_clinics(connection: Connection) -> set[str]:
    """Return the clinics whose sending a person has paused."""
    cursor = await connection.execute("SELECT scope FROM pauses WHERE scope LIKE 'clinic:%'")
    return {row["scope"].removeprefix("clinic:") for row in await cursor.fetchall()}


async def automatic_texts_since(connection: Connection, numbers: Sequence[bytes], since: datetime) -> dict[bytes, int]:
    """Count what was sent by itself in answer to each number since a time."""
    cursor = await connection.execute(
        """SELECT number, count(*) AS texts FROM messages
            WHERE number = ANY(%s) AND purpose IN ('answer_reply', 'opt_out_confirmation') AND outcome = 'sent'
              AND ended_at > %s GROUP BY number""",
        (list(numbers), since),
    )
    return {bytes(row["number"]): row["texts"] for row in await cursor.fetchall()}


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


async def end(connection: Connection, message_id: int, status: DeliveryStatus, *, reason: str, now: datetime) -> bool:
    """Give a message its one outcome; return False if it has one."""
    cursor = await connection.execute(
        """UPDATE messages SET state = %(status)s, outcome = %(status)s, reason = %(reason)s, ended_at = %(now)s
            WHERE id = %(id)s AND outcome IS NULL""",
        {"status": status, "reason": reason, "now": now, "id": message_id},
    )
    return cursor.rowcount > 0


async def start_attempt(connection: Connection, message_id: int, token: str, number: bytes, body_hash: bytes) -> int:
    """Write an attempt down before it is made; return its number."""
    cursor = await connection.execute(
        """UPDATE messages SET state = 'sending', attempt = attempt + 1, started_at = clock_timestamp(), number = %s,
                  looks = 0, look_at = NULL, reason = NULL
            WHERE id = %s RETURNING attempt, started_at""",
        (number, message_id),
    )
    row = await cursor.fetchone()
    assert row is not None
    await connection.execute(
        """INSERT INTO attempts (token, message_id, number_of_attempt, started_at, body_hash)
           VALUES (%s, %s, %s, %s, %s)""",
        (token, message_id, row["attempt"], row["started_at"], body_hash),
    )
    attempt: int = row["attempt"]
    return attempt


# Answers and evidence.


async def open_message(connection: Connection, sealer: Sealer, message_id: int) -> Message | None:
    """Lock and return a message."""
    cursor = await connection.execute(
        f"""SELECT {_MESSAGE} FROM messages m JOIN message_bodies b ON b.message_id = m.id
             WHERE m.id = %s FOR UPDATE OF m""",  # noqa: S608 - constant
        (message_id,),
    )
    row = await cursor.fetchone()
    return _message(row, sealer) if row else None


async def message_of_token(connection: Connection, token: str) -> tuple[int, int] | None:
    """Return the message and attempt that a token belongs to."""
    cursor = await connection.execute("SELECT message_id, number_of_attempt FROM attempts WHERE token = %s", (token,))
    row = await cursor.fetchone()
    return (row["message_id"], row["number_of_attempt"]) if row else None


async def message_of_reference(connection: Connection, provider_reference: str) -> int | None:
    """Return the message that a provider reference belongs to."""
    cursor = await connection.execute("SELECT id FROM messages WHERE provider_reference = %s", (provider_reference,))
    row = await cursor.fetchone()
    return row["id"] if row else None


async def adopt(
    connection: Connection, message_id: int, provider_reference: str, *, segments: int | None, now: datetime
) -> bool:
    """Record that the provider has a message; return False if its outcome is known already."""
    cursor = await connection.execute(
        """UPDATE messages SET state = 'sent', outcome = 'sent', reason = NULL, ended_at = %(now)s, receipt = NULL,
                  provider_reference = %(reference)s, segments = coalesce(%(segments)s, segments)
            WHERE id = %(id)s AND outcome IS NULL AND state IN ('sending', 'unknown')""",
        {"now": now, "reference": provider_reference, "segments": segments, "id": message_id},
    )
    return cursor.rowcount > 0


async def note_result(connection: Connection, token: str, result: str, provider_reference: str | None = None) -> None:
    """Write down how an attempt ended."""
    await connection.execute(
        "UPDATE attempts SET result = %s, provider_reference = coalesce(%s, provider_reference) WHERE token = %s",
        (result, provider_reference, token),
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


async def abandoned(connection: Connection, *, lease: timedelta) -> list[tuple[int, int]]:
    """Lock and return the messages whose sender died between writing the attempt and its answer."""
    cursor = await connection.execute(
        """SELECT id, attempt FROM messages WHERE state = 'sending' AND outcome IS NULL
              AND started_at < clock_timestamp() - %s FOR UPDATE SKIP LOCKED""",
        (lease,),
    )
    return [(row["id"], row["attempt"]) for row in await cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message whose outcome is unknown and whose turn to be looked for has come."""

    message_id: int
    attempt: int
    started_at: datetime
    looks: int
    body_hash: bytes
    recipient_id: str


async def take_doubts(connection: Connection, *, limit: int, look_gap: timedelta) -> list[Doubt]:
    """Take messages to look for, and put off their next look, so that a crash only delays it."""
    cursor = await connection.execute(
        """UPDATE messages AS m SET look_at = clock_timestamp() + %s
             FROM attempts AS a
            WHERE m.id IN (SELECT id FROM messages WHERE state = 'unknown' AND outcome IS NULL
                              AND look_at <= clock_timestamp() ORDER BY look_at LIMIT %s FOR UPDATE SKIP LOCKED)
              AND a.message_id = m.id AND a.number_of_attempt = m.attempt
           RETURNING m.id, m.attempt, m.started_at, m.looks, a.body_hash, m.recipient_id""",
        (look_gap, limit),
    )
    return [
        Doubt(row["id"], row["attempt"], row["started_at"], row["looks"], bytes(row["body_hash"]), row["recipient_id"])
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
    await connection.execute(
        """UPDATE messages SET retry_at = 'epoch'
            WHERE state IN ('planned', 'held') AND retry_at > clock_timestamp() AND reason = 'busy_number'
              AND recipient_id IN (SELECT r.recipient_id FROM recipients r JOIN messages m ON m.number = r.number
                                    WHERE m.id = %s)""",
        (message_id,),
    )


async def wait_for_number(connection: Connection, message_ids: Sequence[int], *, for_s: float) -> None:
    """Let messages wait until the number's other text is settled."""
    await connection.execute(
        "UPDATE messages SET retry_at = clock_timestamp() + %s, reason = 'busy_number' WHERE id = ANY(%s)",
        (timedelta(seconds=for_s), list(message_ids)),
    )


# Receipts.


async def save_receipt(
    connection: Connection, provider_reference: str, status: Receipt, error_code: int | None, *, now: datetime
) -> bool:
    """Keep a receipt; return False if it was known."""
    cursor = await connection.execute(
        """INSERT INTO receipts (provider_reference, status, error_code, received_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        (provider_reference, status, error_code, now),
    )
    return cursor.rowcount > 0


async def receipts_of(connection: Connection, provider_reference: str) -> list[tuple[Receipt, int | None]]:
    """Return the receipts kept for a provider reference, in the order of their arrival."""
    cursor = await connection.execute(
        "SELECT status, error_code FROM receipts WHERE provider_reference = %s ORDER BY received_at",
        (provider_reference,),
    )
    return [(Receipt(row["status"]), row["error_code"]) for row in await cursor.fetchall()]


async def receipt_of(connection: Connection, message_id: int) -> Receipt | None:
    """Return how far a message is along."""
    cursor = await connection.execute("SELECT receipt FROM messages WHERE id = %s", (message_id,))
    row = await cursor.fetchone()
    return Receipt(row["receipt"]) if row and row["receipt"] else None


async def apply_receipt(connection: Connection, message_id: int, status: Receipt) -> None:
    """Move a message's receipt forward."""
    await connection.execute("UPDATE messages SET receipt = %s WHERE id = %s", (status, message_id))


async def send_again(connection: Connection, message_id: int, *, due_at: datetime, reason: str) -> None:
    """Let a message that certainly did not arrive be sent once more."""
    await connection.execute(
        """UPDATE messages SET state = 'planned', outcome = NULL, ended_at = NULL, provider_reference = NULL,
                  receipt = NULL, resends = resends + 1, due_at = %s, reason = %s
            WHERE id = %s AND state = 'sent'""",
        (due_at, reason, message_id),
    )


# Inbound texts, opt-outs and pauses.


async def save_inbound(
    connection: Connection,
    sealer: Sealer,
    *,
    provider_reference: str,
    clinic_id: str,
    phone: str,
    sender: str,
    text: str,
    media: int,
    handled_as: str,
    now: datetime,
) -> bool:
    """Keep an inbound text; return False if it was kept before."""
    content = sealer.seal(json.dumps({"from": phone, "text": text}), place=f"inbound.content:{provider_reference}")
    cursor = await connection.execute(
        """INSERT INTO inbound (provider_reference, clinic_id, number, sender, content, media, handled_as, received_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        (provider_reference, clinic_id, sealer.lookup(phone), sender, content, media, handled_as, now),
    )
    return cursor.rowcount > 0


async def patients_with_number(connection: Connection, numbers: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return the patients, as clinic and reference, who have one of these numbers; the last heard of first."""
    cursor = await connection.execute(
        """SELECT clinic_id, patient_ref FROM recipients WHERE number = ANY(%s) AND patient_ref IS NOT NULL
            ORDER BY as_of DESC, recipient_id""",
        (list(numbers),),
    )
    return [(row["clinic_id"], row["patient_ref"]) for row in await cursor.fetchall()]


async def suppress(connection: Connection, sender: str, number: bytes, *, kind: str, how: str, now: datetime) -> bool:
    """Close a number for one kind of text; return False if it was closed."""
    cursor = await connection.execute(
        """INSERT INTO suppressions (sender, number, kind, since, how) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        (sender, number, kind, now, how),
    )
    return cursor.rowcount > 0


async def lift_suppressions(connection: Connection, sender: str, numbers: Sequence[bytes], *, now: datetime) -> int:
    """Open numbers again, and have what was held for them judged anew."""
    cursor = await connection.execute(
        "DELETE FROM suppressions WHERE sender = %s AND number = ANY(%s)", (sender, list(numbers))
    )
    await connection.execute(
        """UPDATE messages SET due_at = greatest(send_at, %s) WHERE state = 'held' AND reason = 'opted_out'
              AND recipient_id IN (SELECT recipient_id FROM recipients WHERE number = ANY(%s))""",
        (now, list(numbers)),
    )
    return cursor.rowcount


async def pause_provider(connection: Connection, cause: str, *, first: timedelta, longest: timedelta) -> bool:
    """Stop asking the provider for a while, longer each time; return whether sending was not paused before."""
    cursor = await connection.execute(
        """INSERT INTO pauses (scope, cause, until) VALUES ('provider', %(cause)s, clock_timestamp() + %(first)s)
           ON CONFLICT (scope) DO UPDATE
              SET cause = excluded.cause, trials = pauses.trials + 1,
                  until = clock_timestamp() + least(%(first)s * power(2, least(pauses.trials + 1, 16)), %(longest)s)
           RETURNING trials""",
        {"cause": cause, "first": first, "longest": longest},
    )
    row = await cursor.fetchone()
    return row is not None and row["trials"] == 0


async def resume_provider(connection: Connection) -> bool:
    """Ask the provider freely again; return whether it was paused."""
    cursor = await connection.execute("DELETE FROM pauses WHERE scope = 'provider'")
    return cursor.rowcount > 0


async def pause_clinic(connection: Connection, clinic_id: str, *, cause: str) -> None:
    """Hold everything of a clinic until a person resumes it."""
    await connection.execute(
        "INSERT INTO pauses (scope, cause) VALUES (%s, %s) ON CONFLICT DO NOTHING", (f"clinic:{clinic_id}", cause)
    )


async def resume_clinic(connection: Connection, clinic_id: str) -> int:
    """End a clinic's pause, and have what it held judged anew; return how many messages that are."""
    await connection.execute("DELETE FROM pauses WHERE scope = %s", (f"clinic:{clinic_id}",))
    cursor = await connection.execute(
        "UPDATE messages SET due_at = send_at WHERE state = 'held' AND reason = 'paused' AND clinic_id = %s",
        (clinic_id,),
    )
    await announce_due(connection)
    return cursor.rowcount


# History, tasks and figures.


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


async def forget_bodies(connection: Connection, *, before: datetime) -> int:
    """Delete texts and replies past their keeping time; keys and outcomes stay, so that nothing is ever sent again."""
    cursor = await connection.execute(
        """DELETE FROM message_bodies USING messages m
            WHERE m.id = message_bodies.message_id AND m.ended_at < %s""",
        (before,),
    )
    await connection.execute("DELETE FROM inbound WHERE received_at < %s", (before,))
    return cursor.rowcount


def _contact_place(recipient_id: str) -> str:
    return f"recipients.contact:{recipient_id}"


def _body_place(message_id: int) -> str:
    return f"message_bodies.template_values:{message_id}"


def _message(row: DictRow, sealer: Sealer) -> Message:
    values: dict[str, Any] = json.loads(sealer.open(row["template_values"], place=_body_place(row["id"])))
    return Message(
        id=row["id"],
        subject=row["subject"],
        key=row["key"],
        channel=Channel(row["channel"]),
        clinic_id=row["clinic_id"],
        patient_ref=row["patient_ref"],
        recipient_id=row["recipient_id"],
        purpose=Purpose(row["purpose"]),
        urgent=row["urgent"],
        state=DeliveryStatus(row["state"]),
        wanted=row["wanted"],
        send_at=row["send_at"],
        expires_at=row["expires_at"],
        due_at=row["due_at"],
        attempt=row["attempt"],
        resends=row["resends"],
        reason=row["reason"],
        provider_reference=row["provider_reference"],
        template=row["template"],
        values=values,
    )


def _contact(row: DictRow, sealer: Sealer) -> Contact:
    recipient_id = row["recipient_id"]
    content = json.loads(sealer.open(row["contact"], place=_contact_place(recipient_id)))
    return Contact(
        recipient_id=recipient_id,
        phone=PhoneNumber(content["phone"]) if content["phone"] else None,
        language=content["language"],
        time_zone=content["time_zone"],
        consent=Consent.model_validate(content["consent"]),
    )
