"""Patients, their infusions, and the revisions of the plans that we publish."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.followup.domain.schedule import Infusion
from shared.messages.plan import Recipient
from shared.postgres.database import Connection, execute_each
from shared.postgres.sealing import Sealer
from shared.postgres.side_by_side import ask


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient as the last snapshot tells; without a recipient where only an assessment is known yet."""

    patient_ref: str
    clinic_id: str
    recipient: Recipient | None
    next_starts_at: datetime | None


async def take_snapshot(
    connection: Connection,
    sealer: Sealer,
    *,
    patient_ref: str,
    clinic_id: str,
    revision: int,
    recipient: Recipient,
    next_starts_at: datetime | None,
) -> bool:
    """Keep a snapshot; return False if the same or a later one was kept before."""
    cursor = await connection.execute(
        """INSERT INTO patients (patient_ref, clinic_id, contact, snapshot_revision, next_starts_at)
           VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (patient_ref) DO UPDATE SET clinic_id = excluded.clinic_id, contact = excluded.contact,
                snapshot_revision = excluded.snapshot_revision, next_starts_at = excluded.next_starts_at
            WHERE patients.snapshot_revision < excluded.snapshot_revision""",
        (
            patient_ref,
            clinic_id,
            sealer.seal(recipient.model_dump_json(), place=_place(patient_ref)),
            revision,
            next_starts_at,
        ),
    )
    return cursor.rowcount > 0


async def know(connection: Connection, *, patient_ref: str, clinic_id: str) -> None:
    """Know a patient of whom no snapshot has come yet."""
    await connection.execute(
        "INSERT INTO patients (patient_ref, clinic_id) VALUES (%s, %s) ON CONFLICT DO NOTHING", (patient_ref, clinic_id)
    )


async def find(connection: Connection, sealer: Sealer, patient_refs: Sequence[str]) -> dict[str, Patient]:
    """Return patients by reference."""
    rows = await ask(
        connection,
        """SELECT place, patient_ref, clinic_id, contact, next_starts_at
             FROM unnest(%s::text[]) WITH ORDINALITY AS asked(patient_ref, place) JOIN patients USING (patient_ref)""",
        [(ref,) for ref in dict.fromkeys(patient_refs)],
    )
    found = {}
    for row in rows:
        ref = row["patient_ref"]
        recipient = (
            Recipient.model_validate_json(sealer.open(row["contact"], place=_place(ref))) if row["contact"] else None
        )
        found[ref] = Patient(ref, row["clinic_id"], recipient, row["next_starts_at"])
    return found


async def save_infusions(connection: Connection, patient_ref: str, infusions: Sequence[Infusion]) -> None:
    """Make the patient's infusions equal to a snapshot."""
    await connection.execute(
        "DELETE FROM infusions WHERE patient_ref = %s AND NOT infusion_id = ANY(%s)",
        (patient_ref, [infusion.infusion_id for infusion in infusions]),
    )
    await execute_each(
        connection,
        """INSERT INTO infusions (patient_ref, infusion_id, started_at, ended_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT (patient_ref, infusion_id)
           DO UPDATE SET started_at = excluded.started_at, ended_at = excluded.ended_at""",
        [(patient_ref, one.infusion_id, one.started_at, one.ended_at) for one in infusions],
    )


async def raise_revision(connection: Connection, subject: str) -> int:
    """Count one more plan of a subject; return its revision."""
    rows = await ask(
        connection,
        """WITH asked AS (SELECT * FROM unnest(%s::text[]) WITH ORDINALITY AS a(subject, place)),
                raised AS (
               INSERT INTO plans (subject, revision) SELECT subject, 1 FROM asked
               ON CONFLICT (subject) DO UPDATE SET revision = plans.revision + 1 RETURNING subject, revision)
           SELECT place, revision FROM raised JOIN asked USING (subject)""",
        [(subject,)],
    )
    revision: int = rows[0]["revision"]
    return revision


def _place(patient_ref: str) -> str:
    return f"patients.contact:{patient_ref}"
