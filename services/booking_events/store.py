"""The SQL of booking_events: one function per statement, sets in and sets out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.booking_events.domain.appointment import Appointment, Identity, Order, OrderedBy, Status, Told
from services.booking_events.domain.brake import Upheaval
from services.booking_events.domain.patient import Correction, Patient, correct
from services.booking_events.domain.plan import Telling
from services.booking_events.domain.reply import Listed
from services.booking_events.domain.task import Task
from shared.messages.base import Consent
from shared.messages.booking import Modality, Series, VisitKind
from shared.postgres.database import Connection, execute_each
from shared.postgres.sealing import Sealer

# Appointments that are over stay in the plan's sight this long, for notices about them that are still under way.
_LOOK_BACK = timedelta(days=2)


async def find_patient_ref(connection: Connection, aliases: Sequence[bytes]) -> str | None:
    """Return the patient known under any of the aliases."""
    cursor = await connection.execute("SELECT patient_ref FROM aliases WHERE alias = ANY(%s) LIMIT 1", (list(aliases),))
    row = await cursor.fetchone()
    return row["patient_ref"] if row else None


async def save_alias(connection: Connection, alias: bytes, patient_ref: str) -> None:
    """Let a patient be found under one more alias; an alias that is somebody's stays theirs."""
    await connection.execute(
        "INSERT INTO aliases (alias, patient_ref) VALUES (%s, %s) ON CONFLICT DO NOTHING", (alias, patient_ref)
    )


async def save_patient(connection: Connection, sealer: Sealer, patient: Patient) -> None:
    """Keep a patient's details, unless newer ones are known."""
    await connection.execute(
        """INSERT INTO patients (patient_ref, clinic_id, contact, as_of) VALUES (%s, %s, %s, %s)
           ON CONFLICT (patient_ref) DO UPDATE SET contact = excluded.contact, as_of = excluded.as_of
            WHERE patients.as_of <= excluded.as_of""",
        (
            patient.patient_ref,
            patient.clinic_id,
            _seal_contact(sealer, patient),
            patient.as_of,
        ),
    )


@dataclass(frozen=True, slots=True)
class KnownPatient:
    """A patient as corrections have it, what their booking system says, and the digests of what was last published."""

    patient: Patient
    as_booked: Patient
    corrections: dict[str, Correction]
    is_erased: bool
    plan_digest: str | None
    infusions_digest: str | None


async def lock_patient(connection: Connection, sealer: Sealer, patient_ref: str) -> KnownPatient | None:
    """Lock a patient's row and return it."""
    cursor = await connection.execute(
        """SELECT clinic_id, contact, as_of, corrections, corrected_at, erased_at, plan_digest, infusions_digest
             FROM patients WHERE patient_ref = %s FOR UPDATE""",
        (patient_ref,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    contact = json.loads(sealer.open(row["contact"], place=_contact_place(patient_ref)))
    contact["consent"] = Consent.model_validate(contact["consent"])
    booked = Patient(patient_ref=patient_ref, clinic_id=row["clinic_id"], as_of=row["as_of"], **contact)
    corrections = _corrections(row, sealer, patient_ref)
    patient = correct(booked, corrections)
    if row["corrected_at"] is not None:
        patient = replace(patient, as_of=max(booked.as_of, row["corrected_at"]))
    return KnownPatient(
        patient,
        booked,
        corrections,
        is_erased=row["erased_at"] is not None and row["erased_at"] >= booked.as_of,
        plan_digest=row["plan_digest"],
        infusions_digest=row["infusions_digest"],
    )


async def save_corrections(
    connection: Connection, sealer: Sealer, patient_ref: str, corrections: Mapping[str, Correction], *, now: datetime
) -> None:
    """Keep what was put right by hand."""
    content = json.dumps({name: [item.was, item.holds] for name, item in corrections.items()})
    await connection.execute(
        "UPDATE patients SET corrections = %s, corrected_at = %s WHERE patient_ref = %s",
        (sealer.seal(content, place=_corrections_place(patient_ref)), now, patient_ref),
    )


async def erase_patient(connection: Connection, sealer: Sealer, patient: Patient, *, now: datetime) -> int:
    """Forget how a patient is reached and called; return under how many names they were known.

    Their appointments stay, under a reference that leads to nobody.
    """
    await connection.execute(
        """UPDATE patients SET contact = %s, as_of = %s, erased_at = %s, corrections = NULL, corrected_at = NULL
            WHERE patient_ref = %s""",
        (_seal_contact(sealer, patient), now, now, patient.patient_ref),
    )
    cursor = await connection.execute("DELETE FROM aliases WHERE patient_ref = %s", (patient.patient_ref,))
    return cursor.rowcount


async def all_of_patient(connection: Connection, patient_ref: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row about a patient that can be read without a key."""
    found = {}
    for table in ("appointments", "history", "staff_tasks"):
        cursor = await connection.execute(
            sql.SQL("SELECT * FROM {} WHERE patient_ref = %s").format(sql.Identifier(table)), (patient_ref,)
        )
        found[table] = [dict(row) for row in await cursor.fetchall()]
    return found


async def raise_revision(connection: Connection, patient_ref: str, digest: str) -> int:
    """Count one more plan of a patient; return its revision."""
    cursor = await connection.execute(
        """UPDATE patients SET plan_revision = plan_revision + 1, plan_digest = %s
            WHERE patient_ref = %s RETURNING plan_revision""",
        (digest, patient_ref),
    )
    row = await cursor.fetchone()
    assert row is not None
    revision: int = row["plan_revision"]
    return revision


async def raise_infusions_revision(connection: Connection, patient_ref: str, digest: str) -> int:
    """Count one more snapshot of a patient's infusions; return its revision."""
    cursor = await connection.execute(
        """UPDATE patients SET infusions_revision = infusions_revision + 1, infusions_digest = %s
            WHERE patient_ref = %s RETURNING infusions_revision""",
        (digest, patient_ref),
    )
    row = await cursor.fetchone()
    assert row is not None
    revision: int = row["infusions_revision"]
    return revision


async def find_appointment(connection: Connection, identity: Identity) -> Appointment | None:
    """Return an appointment by its identity."""
    cursor = await connection.execute(
        "SELECT * FROM appointments WHERE clinic_id = %s AND source = %s AND booking_id = %s",
        (identity.clinic_id, identity.source, identity.booking_id),
    )
    row = await cursor.fetchone()
    return _appointment(row) if row else None


async def appointments_of(connection: Connection, patient_ref: str, *, now: datetime) -> list[Appointment]:
    """Return what a plan for the patient has to consider, and every visit that took place or was taken to have."""
    cursor = await connection.execute(
        """SELECT * FROM appointments WHERE patient_ref = %s
              AND (starts_at > %s OR told_starts_at > %s OR past_since IS NOT NULL OR assumed_at IS NOT NULL
                   OR status = 'completed')""",
        (patient_ref, now - _LOOK_BACK, now - _LOOK_BACK),
    )
    return [_appointment(row) for row in await cursor.fetchall()]


async def save_appointments(
    connection: Connection, appointments: Iterable[tuple[Appointment, datetime | None]]
) -> None:
    """Write appointments as they now stand, each with when it is to be taken to have taken place."""
    rows = [_appointment_row(appointment) | {"assume_at": due} for appointment, due in appointments]
    await execute_each(
        connection,
        """INSERT INTO appointments (clinic_id, source, booking_id, patient_ref, status, ordered_by, order_value,
                content, visit_kind, modality, starts_at, ends_at, series, first_seen_at, timed_at, changed_at,
                told_status, told_starts_at, told_modality, confirmed_for, past_since, assumed_at, assume_at)
           VALUES (%(clinic_id)s, %(source)s, %(booking_id)s, %(patient_ref)s, %(status)s, %(ordered_by)s,
                %(order_value)s, %(content)s, %(visit_kind)s, %(modality)s, %(starts_at)s, %(ends_at)s, %(series)s,
                %(first_seen_at)s, %(timed_at)s, %(changed_at)s, %(told_status)s, %(told_starts_at)s, %(told_modality)s,
                %(confirmed_for)s, %(past_since)s, %(assumed_at)s, %(assume_at)s)
           ON CONFLICT (clinic_id, source, booking_id) DO UPDATE SET patient_ref = excluded.patient_ref,
                status = excluded.status, ordered_by = excluded.ordered_by, order_value = excluded.order_value,
                content = excluded.content, visit_kind = excluded.visit_kind, modality = excluded.modality,
                starts_at = excluded.starts_at, ends_at = excluded.ends_at, series = excluded.series,
                timed_at = excluded.timed_at, changed_at = excluded.changed_at, told_status = excluded.told_status,
                told_starts_at = excluded.told_starts_at, told_modality = excluded.told_modality,
                confirmed_for = excluded.confirmed_for, past_since = excluded.past_since,
                assumed_at = excluded.assumed_at, assume_at = excluded.assume_at""",
        rows,
    )


async def mark_past(connection: Connection, identities: Sequence[Identity], *, now: datetime) -> None:
    """Note, once, that appointments were taken to have taken place."""
    await connection.execute(
        """UPDATE appointments SET past_since = %s
            WHERE past_since IS NULL
              AND (clinic_id, source, booking_id) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))""",
        (now, *_columns(identities)),
    )


async def mark_confirmed(connection: Connection, identities: Sequence[Identity]) -> None:
    """Note that the patient said yes to appointments as they stand."""
    await connection.execute(
        """UPDATE appointments SET confirmed_for = starts_at
            WHERE (clinic_id, source, booking_id) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))""",
        _columns(identities),
    )


async def patients_with_endings(connection: Connection, *, now: datetime, limit: int) -> list[str]:
    """Return patients with visits whose end nobody has reported in time."""
    cursor = await connection.execute(
        "SELECT DISTINCT patient_ref FROM appointments WHERE assume_at <= %s LIMIT %s", (now, limit)
    )
    return [row["patient_ref"] for row in await cursor.fetchall()]


async def assume_endings(connection: Connection, patient_ref: str, *, now: datetime) -> list[Identity]:
    """Take a patient's due visits to have taken place, unless their feed reports how visits end; return those taken."""
    cursor = await connection.execute(
        """UPDATE appointments AS a
              SET assume_at = NULL,
                  assumed_at = CASE WHEN EXISTS (SELECT FROM feeds f WHERE f.ends_since IS NOT NULL
                                                    AND (f.clinic_id, f.source) = (a.clinic_id, a.source))
                                    THEN NULL ELSE %(now)s::timestamptz END
            WHERE patient_ref = %(patient)s AND assume_at <= %(now)s
           RETURNING clinic_id, source, booking_id, assumed_at""",
        {"patient": patient_ref, "now": now},
    )
    return [
        Identity(row["clinic_id"], row["source"], row["booking_id"])
        for row in await cursor.fetchall()
        if row["assumed_at"] is not None
    ]


async def note_that_feed_says_ends(connection: Connection, identity: Identity, *, now: datetime) -> None:
    """Remember that a feed reports how its visits end."""
    await connection.execute(
        """INSERT INTO feeds (clinic_id, source, ends_since) VALUES (%s, %s, %s)
           ON CONFLICT (clinic_id, source) DO UPDATE SET ends_since = excluded.ends_since
            WHERE feeds.ends_since IS NULL""",
        (identity.clinic_id, identity.source, now),
    )


async def upheaval_of(connection: Connection, identity: Identity, *, since: datetime, now: datetime) -> Upheaval:
    """Count what a booking's feed has cancelled or moved since a time, or since the brake last answered it."""
    cursor = await connection.execute(
        """WITH recent AS (
                SELECT greatest(%(since)s, (SELECT braked_at FROM feeds
                        WHERE clinic_id = %(clinic)s AND source = %(source)s)) AS since),
              changed AS (
                SELECT count(*) AS n FROM appointments a, recent r
                 WHERE a.clinic_id = %(clinic)s AND a.source = %(source)s AND a.changed_at > r.since
                   AND a.starts_at > %(now)s AND a.first_seen_at < a.timed_at AND a.timed_at > r.since
                   AND a.status IN ('booked', 'cancelled'))
           SELECT changed.n AS changed,
                  CASE WHEN changed.n < 2 THEN 0 ELSE
                  (SELECT count(*) FROM appointments a, recent r
                    WHERE a.clinic_id = %(clinic)s AND a.source = %(source)s AND a.starts_at > %(now)s
                      AND a.status = 'booked'
                      AND (a.timed_at <= r.since OR a.first_seen_at >= a.timed_at)) END AS untouched
             FROM changed""",
        {"clinic": identity.clinic_id, "source": identity.source, "since": since, "now": now},
    )
    row = await cursor.fetchone()
    assert row is not None
    return Upheaval(row["changed"], row["untouched"])


async def mark_braked(connection: Connection, identity: Identity, *, now: datetime) -> None:
    """Remember when a feed's changes were found unusual: what came until then has been answered."""
    await connection.execute(
        """INSERT INTO feeds (clinic_id, source, braked_at) VALUES (%s, %s, %s)
           ON CONFLICT (clinic_id, source) DO UPDATE SET braked_at = excluded.braked_at""",
        (identity.clinic_id, identity.source, now),
    )


async def note_turned_away(connection: Connection, feed: str, reason: str, *, now: datetime) -> None:
    """Remember that a feed's webhook has turned a caller away; an hour's quiet ends the row of such calls.

    At most once a second: who is not let in shall not keep the database busy.
    """
    await connection.execute(
        """INSERT INTO turned_away AS t (feed, reason, since, last_at) VALUES (%(feed)s, %(reason)s, %(now)s, %(now)s)
           ON CONFLICT (feed) DO UPDATE
              SET reason = excluded.reason, last_at = excluded.last_at,
                  since = CASE WHEN t.last_at < excluded.last_at - interval '1 hour'
                               THEN excluded.since ELSE t.since END
            WHERE t.last_at <= excluded.last_at - interval '1 second'""",
        {"feed": feed, "reason": reason[:200], "now": now},
    )


async def save_tellings(connection: Connection, patient_ref: str, tellings: Iterable[Telling]) -> None:
    """Remember what each planned message will tell, for when it has been sent."""
    await execute_each(
        connection,
        """INSERT INTO tellings (patient_ref, key, clinic_id, source, booking_id, status, starts_at, modality, tells)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (patient_ref, key, clinic_id, source, booking_id) DO UPDATE
              SET status = excluded.status, starts_at = excluded.starts_at, modality = excluded.modality,
                  tells = excluded.tells""",
        [
            (
                patient_ref,
                telling.key,
                telling.identity.clinic_id,
                telling.identity.source,
                telling.identity.booking_id,
                telling.told.status,
                telling.told.starts_at,
                telling.told.modality,
                telling.tells,
            )
            for telling in tellings
        ],
    )


async def listed_by(connection: Connection, patient_ref: str, key: str) -> list[Listed]:
    """Return what a message listed: its appointments, each with the time that it gave."""
    cursor = await connection.execute(
        """SELECT clinic_id, source, booking_id, starts_at FROM tellings
            WHERE patient_ref = %s AND key = %s AND status = 'booked'""",
        (patient_ref, key),
    )
    return [
        Listed(Identity(row["clinic_id"], row["source"], row["booking_id"]), row["starts_at"])
        for row in await cursor.fetchall()
    ]


async def mark_told(connection: Connection, patient_ref: str, key: str, *, sent_at: datetime, only_untold: bool) -> int:
    """Note that a message was sent: its appointments are now known to the patient as it told them.

    News of an earlier message never undoes a later one; a reminder fills a gap only (``only_untold``).
    """
    cursor = await connection.execute(
        """UPDATE appointments AS a
              SET told_status = t.status, told_starts_at = t.starts_at, told_modality = t.modality, told_at = %(at)s
             FROM tellings AS t
            WHERE t.patient_ref = %(patient)s AND t.key = %(key)s AND t.tells AND a.patient_ref = t.patient_ref
              AND (a.clinic_id, a.source, a.booking_id) = (t.clinic_id, t.source, t.booking_id)
              AND (a.told_at IS NULL OR a.told_at <= %(at)s) AND (NOT %(gap)s OR a.told_status IS NULL)""",
        {"patient": patient_ref, "key": key, "at": sent_at, "gap": only_untold},
    )
    return cursor.rowcount


async def save_tasks(connection: Connection, tasks: Sequence[Task], *, now: datetime) -> set[str]:
    """Write tasks; return the ids of those that were not known before."""
    new = set()
    for task in tasks:
        cursor = await connection.execute(
            """INSERT INTO staff_tasks (task_id, clinic_id, patient_ref, kind, refs, due_by, raised_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            (task.task_id, task.clinic_id, task.patient_ref, task.kind, Jsonb(task.references), task.due_by, now),
        )
        if cursor.rowcount:
            new.add(task.task_id)
    return new


async def remember(
    connection: Connection,
    what: str,
    *,
    now: datetime,
    patient_ref: str | None,
    clinic_id: str,
    identity: Identity | None = None,
    detail: str | None = None,
) -> None:
    """Append to the history that answers why."""
    await connection.execute(
        """INSERT INTO history (at, patient_ref, clinic_id, source, booking_id, what, detail)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        (
            now,
            patient_ref,
            clinic_id,
            identity.source if identity else None,
            identity.booking_id if identity else None,
            what,
            detail,
        ),
    )


def _contact_place(patient_ref: str) -> str:
    return f"patients.contact:{patient_ref}"


def _corrections_place(patient_ref: str) -> str:
    return f"patients.corrections:{patient_ref}"


def _corrections(row: DictRow, sealer: Sealer, patient_ref: str) -> dict[str, Correction]:
    if row["corrections"] is None:
        return {}
    content = json.loads(sealer.open(row["corrections"], place=_corrections_place(patient_ref)))
    return {name: Correction(was, holds) for name, (was, holds) in content.items()}


def _seal_contact(sealer: Sealer, patient: Patient) -> bytes:
    contact = {
        "phone": patient.phone,
        "email": patient.email,
        "given_name": patient.given_name,
        "language": patient.language,
        "time_zone": patient.time_zone,
        "consent": patient.consent.model_dump(),
    }
    return sealer.seal(json.dumps(contact), place=_contact_place(patient.patient_ref))


def _appointment(row: DictRow) -> Appointment:
    told = (
        Told(Status(row["told_status"]), row["told_starts_at"], Modality(row["told_modality"]))
        if row["told_status"]
        else None
    )
    return Appointment(
        identity=Identity(row["clinic_id"], row["source"], row["booking_id"]),
        patient_ref=row["patient_ref"],
        status=Status(row["status"]),
        order=Order(OrderedBy(row["ordered_by"]), row["order_value"]),
        content=row["content"],
        visit_kind=VisitKind(row["visit_kind"]),
        modality=Modality(row["modality"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        series=Series.model_validate(row["series"]) if row["series"] else None,
        first_seen_at=row["first_seen_at"],
        timed_at=row["timed_at"],
        changed_at=row["changed_at"],
        told=told,
        confirmed_for=row["confirmed_for"],
        past_since=row["past_since"],
        assumed_at=row["assumed_at"],
    )


def _appointment_row(appointment: Appointment) -> dict[str, Any]:
    told = appointment.told
    return {
        "clinic_id": appointment.identity.clinic_id,
        "source": appointment.identity.source,
        "booking_id": appointment.identity.booking_id,
        "patient_ref": appointment.patient_ref,
        "status": appointment.status,
        "ordered_by": appointment.order.by,
        "order_value": appointment.order.value,
        "content": appointment.content,
        "visit_kind": appointment.visit_kind,
        "modality": appointment.modality,
        "starts_at": appointment.starts_at,
        "ends_at": appointment.ends_at,
        "series": Jsonb(appointment.series.model_dump()) if appointment.series else None,
        "first_seen_at": appointment.first_seen_at,
        "timed_at": appointment.timed_at,
        "changed_at": appointment.changed_at,
        "told_status": told.status if told else None,
        "told_starts_at": told.starts_at if told else None,
        "told_modality": told.modality if told else None,
        "confirmed_for": appointment.confirmed_for,
        "past_since": appointment.past_since,
        "assumed_at": appointment.assumed_at,
    }


def _columns(identities: Sequence[Identity]) -> tuple[list[str], list[str], list[str]]:
    return (
        [identity.clinic_id for identity in identities],
        [identity.source for identity in identities],
        [identity.booking_id for identity in identities],
    )
