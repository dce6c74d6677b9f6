"""Texts that came in, and whose they may be."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifier.store.rows import contact_place, read_contact
from shared.messages.base import Consent
from shared.messages.reply import OpenPrompt
from shared.postgres.database import Connection
from shared.postgres.sealing import Sealer
from shared.postgres.side_by_side import ask
from shared.postgres.unit_of_work import UnitOfWork


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
    new = await ask(
        connection,
        """WITH texts AS (
               SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::text[], %s::bytea[], %s::int[],
                                    %s::text[], %s::timestamptz[]) WITH ORDINALITY
                   AS t(provider_reference, clinic_id, number, sender, content, media, handled_as, received_at, place)),
           kept AS (
               INSERT INTO inbound (provider_reference, clinic_id, number, sender, content, media, handled_as,
                      received_at)
               SELECT provider_reference, clinic_id, number, sender, content, media, handled_as, received_at FROM texts
               ON CONFLICT DO NOTHING RETURNING provider_reference)
           SELECT min(place) AS place FROM texts JOIN kept USING (provider_reference) GROUP BY provider_reference""",
        [(provider_reference, clinic_id, sealer.lookup(phone), sender, content, media, handled_as, now)],
    )
    return bool(new)


async def save_number(
    connection: Connection,
    sealer: Sealer,
    reply_to: str,
    *,
    clinic_id: str,
    phone: str,
    language: str,
    time_zone: str,
    now: datetime,
) -> None:
    """Keep the number that wrote, under the opaque name by which plans can answer it; anew where it was erased."""
    contact: dict[str, object] = {
        "phone": phone,
        "email": None,
        "language": language,
        "time_zone": time_zone,
        "consent": Consent().model_dump(),
    }
    sealed = sealer.seal(json.dumps(contact), place=contact_place(reply_to))
    await ask(
        connection,
        """INSERT INTO recipients (recipient_id, clinic_id, contact, number, as_of)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::timestamptz[])
           ON CONFLICT (recipient_id) DO UPDATE
              SET clinic_id = excluded.clinic_id, contact = excluded.contact, number = excluded.number,
                  as_of = excluded.as_of
            WHERE recipients.number IS NULL""",
        [(reply_to, clinic_id, sealed, sealer.lookup(phone), now)],
    )


async def open_prompts(
    connection: Connection, numbers: Sequence[bytes], *, at: datetime, sent_before: datetime, limit: int
) -> list[OpenPrompt]:
    """Return the questions that a number was asked and that still wait for an answer, the newest first.

    A text whose outcome is unknown may have arrived: its question counts.
    """
    rows = await ask(
        connection,
        """SELECT place, m.id, m.subject, m.key, b.expects, coalesce(m.ended_at, m.due_at) AS sent_at
             FROM unnest(%s::bytea[], %s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY
                    AS texts(number, at, before, place)
             JOIN recipients r ON r.number = texts.number
             JOIN messages m ON m.recipient_id = r.recipient_id
             JOIN message_bodies b ON b.message_id = m.id
            WHERE b.expects IS NOT NULL AND NOT b.is_closed
              AND (m.outcome IN ('sent', 'unknown') OR m.state IN ('sending', 'unknown'))
              AND (b.expects ->> 'until')::timestamptz > texts.at AND coalesce(m.ended_at, m.due_at) <= texts.before""",
        [(number, at, sent_before) for number in numbers],
    )
    rows.sort(key=lambda row: (row["sent_at"], row["id"]), reverse=True)
    return [
        OpenPrompt(
            subject=row["subject"],
            key=row["key"],
            expects=row["expects"]["grammar"],
            sent_at=row["sent_at"],
            answer_until=row["expects"]["until"],
        )
        for row in rows[:limit]
    ]


def mark_read(unit: UnitOfWork, provider_references: Iterable[str]) -> None:
    """Note that texts have been read."""
    for provider_reference in provider_references:
        unit.write_at_the_end(
            """UPDATE inbound SET read_at = clock_timestamp()
                WHERE provider_reference = ANY(%s::text[]) AND read_at IS NULL""",
            (provider_reference,),
        )


async def take_unread(connection: Connection, *, longer_than: timedelta) -> dict[str, int]:
    """Take the texts that nobody has read in time and nobody was paged about; return how many per clinic."""
    cursor = await connection.execute(
        """WITH late AS (
                UPDATE inbound SET paged_at = clock_timestamp()
                 WHERE read_at IS NULL AND paged_at IS NULL AND kept_at < clock_timestamp() - %s
                RETURNING clinic_id)
           SELECT clinic_id, count(*) AS texts FROM late GROUP BY clinic_id""",
        (longer_than,),
    )
    return {row["clinic_id"]: row["texts"] for row in await cursor.fetchall()}


async def count_unread(connection: Connection) -> int:
    """Count the texts that nobody has read yet, of the last day."""
    cursor = await connection.execute(
        "SELECT count(*) AS n FROM inbound WHERE read_at IS NULL AND kept_at > clock_timestamp() - interval '1 day'"
    )
    row = await cursor.fetchone()
    assert row is not None
    unread: int = row["n"]
    return unread


async def sweeping_since(connection: Connection) -> datetime:
    """Return when sweeps began here, by the database's clock; the first sweep begins now."""
    cursor = await connection.execute(
        """INSERT INTO sweeps (name) VALUES ('inbound')
           ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING began_at"""
    )
    row = await cursor.fetchone()
    assert row is not None
    began_at: datetime = row["began_at"]
    return began_at


async def unknown_of(connection: Connection, provider_references: Sequence[str]) -> set[str]:
    """Return which of the provider's texts have not been taken in."""
    cursor = await connection.execute(
        """SELECT reference FROM unnest(%s::text[]) AS listed(reference)
            WHERE NOT EXISTS (SELECT FROM inbound i WHERE i.provider_reference = listed.reference)""",
        (list(provider_references),),
    )
    return {row["reference"] for row in await cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a number: a patient; or, without a reference, whoever wrote from it."""

    recipient_id: str
    clinic_id: str
    patient_ref: str | None
    contact: bytes
    """Sealed."""

    def language(self, sealer: Sealer) -> str:
        """Return the language that they are written to in."""
        return read_contact({"recipient_id": self.recipient_id, "contact": self.contact}, sealer).language


async def holders_of(connection: Connection, numbers: Sequence[bytes]) -> list[Holder]:
    """Return the patients who have a number, given by its keyed hashes, and its writer; the last heard of first."""
    rows = await ask(
        connection,
        """SELECT place, r.recipient_id, r.clinic_id, r.patient_ref, r.contact, r.as_of
             FROM unnest(%s::bytea[]) WITH ORDINALITY AS asked(number, place) JOIN recipients r USING (number)
            WHERE r.patient_ref IS NOT NULL OR r.recipient_id LIKE 'number:%%'
            ORDER BY r.as_of DESC, r.recipient_id""",
        [(number,) for number in numbers],
    )
    return [Holder(row["recipient_id"], row["clinic_id"], row["patient_ref"], row["contact"]) for row in rows]


async def patients_with_number(connection: Connection, numbers: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return the patients, as clinic and reference, who have a number; the last heard of first."""
    return [
        (holder.clinic_id, holder.patient_ref)
        for holder in await holders_of(connection, numbers)
        if holder.patient_ref is not None
    ]
