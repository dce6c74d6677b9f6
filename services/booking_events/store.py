"""The SQL of booking_events: one function per statement, sets in and sets out."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from services.booking_events.domain.appointment import Appointment, Identity, Order, OrderedBy, Status, Told
from services.booking_events.domain.patient import Patient
from services.booking_events.domain.plan import Telling
from services.booking_events.domain.task import Task
from shared.messages.base import Consent
from shared.messages.booking import Modality, Series, VisitKind
from shared.postgres.database import Connection
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
    contact = {
        "phone": patient.phone,
        "email": patient.email,
        "given_name": patient.given_name,
        "language": patient.language,
        "time_zone": patient.time_zone,
        "consent": patient.consent.model_dump(),
    }
    await connection.execute(
        """INSERT INTO patients (patient_ref, clinic_id, contact, as_of) VALUES (%s, %s, %s, %s)
           ON CONFLICT (patient_ref) DO UPDATE SET contact = excluded.contact, as_of = excluded.as_of
            WHERE patients.as_of <= excluded.as_of""",
        (
            patient.patient_ref,
            patient.clinic_id,
            sealer.seal(json.dumps(contact), place=_contact_place(patient.patient_ref)),
            patient.as_of,
        ),
    )


async def lock_patient(connection: Connection, sealer: Sealer, patient_ref: str) -> tuple[Patient, str | None] | None:
    """Lock a patient's row; return them with the digest of their last plan."""
    cursor = await connection.execute(
        """SELECT clinic_id, contact, as_of, plan_digest FROM patients
            WHERE patient_ref = %s FOR UPDATE""",
        (patient_ref,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    contact = json.loads(sealer.open(row["contact"], place=_contact_place(patient_ref)))
    contact["consent"] = Consent.model_validate(contact["consent"])
    patient = Patient(patient_ref=patient_ref, clinic_id=row["clinic_id"], as_of=row["as_of"], **contact)
    return patient, row["plan_digest"]


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


async def find_appointment(connection: Connection, identity: Identity) -> Appointment | None:
    """Return an appointment by its identity."""
    cursor = await connection.execute(
        "SELECT * FROM appointments WHERE clinic_id = %s AND source = %s AND booking_id = %s",
        (identity.clinic_id, identity.source, identity.booking_id),
    )
    row = await cursor.fetchone()
    return _appointment(row) if row else None


async def appointments_of(connection: Connection, patient_ref: str, *, now: datetime) -> list[Appointment]:
    """Return what a plan for the patient has to consider."""
    cursor = await connection.execute(
        """SELECT * FROM appointments WHERE patient_ref = %s
              AND (starts_at > %s OR told_starts_at > %s)""",
        (patient_ref, now - _LOOK_BACK, now - _LOOK_BACK),
    )
    return [_appointment(row) for row in await cursor.fetchall()]


async def save_appointments(connection: Connection, appointments: Iterable[Appointment]) -> None:
    """Write appointments as they now stand."""
    rows = [_appointment_row(appointment) for appointment in appointments]
    await connection.cursor().executemany(
        """INSERT INTO appointments (clinic_id, source, booking_id, patient_ref, status, ordered_by, order_value,
                content, visit_kind, modality, starts_at, ends_at, series, first_seen_at, timed_at, changed_at,
                told_status, told_starts_at, told_modality)
           VALUES (%(clinic_id)s, %(source)s, %(booking_id)s, %(patient_ref)s, %(status)s, %(ordered_by)s,
                %(order_value)s, %(content)s, %(visit_kind)s, %(modality)s, %(starts_at)s, %(ends_at)s, %(series)s,
                %(first_seen_at)s, %(timed_at)s, %(changed_at)s, %(told_status)s, %(told_starts_at)s, %(told_modality)s)
           ON CONFLICT (clinic_id, source, booking_id) DO UPDATE SET patient_ref = excluded.patient_ref,
                status = excluded.status, ordered_by = excluded.ordered_by, order_value = excluded.order_value,
                content = excluded.content, visit_kind = excluded.visit_kind, modality = excluded.modality,
                starts_at = excluded.starts_at, ends_at = excluded.ends_at, series = excluded.series,
                timed_at = excluded.timed_at, changed_at = excluded.changed_at, told_status = excluded.told_status,
                told_starts_at = excluded.told_starts_at, told_modality = excluded.told_modality""",
        rows,
    )


async def save_tellings(connection: Connection, patient_ref: str, tellings: Iterable[Telling]) -> None:
    """Remember what each planned message will tell, for when it has been sent."""
    await connection.cursor().executemany(
        """INSERT INTO tellings (patient_ref, key, clinic_id, source, booking_id, status, starts_at, modality)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (patient_ref, key, clinic_id, source, booking_id) DO UPDATE
              SET status = excluded.status, starts_at = excluded.starts_at, modality = excluded.modality""",
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
            )
            for telling in tellings
        ],
    )


async def mark_told(connection: Connection, patient_ref: str, key: str, *, sent_at: datetime, only_untold: bool) -> int:
    """Note that a message was sent: its appointments are now known to the patient as it told them.

    News of an earlier message never undoes a later one; a reminder fills a gap only (``only_untold``).
    """
    cursor = await connection.execute(
        """UPDATE appointments AS a
              SET told_status = t.status, told_starts_at = t.starts_at, told_modality = t.modality, told_at = %(at)s
             FROM tellings AS t
            WHERE t.patient_ref = %(patient)s AND t.key = %(key)s AND a.patient_ref = t.patient_ref
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
    }
