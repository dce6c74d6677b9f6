"""Tell followup which infusions a patient has had, whenever that changes."""

from collections.abc import Sequence

from services.booking_events import store
from services.booking_events.domain.appointment import Appointment
from services.booking_events.domain.course import Course, course_of
from shared.clinics.model import Clinic
from shared.kernel.ids import canonical_json, digest
from shared.messages.infusions import PATIENT_INFUSIONS, PastInfusion, PatientInfusions
from shared.messages.plan import Recipient
from shared.postgres.unit_of_work import UnitOfWork


async def tell_infusions(
    unit: UnitOfWork,
    known: store.KnownPatient,
    appointments: Sequence[Appointment],
    clinic: Clinic,
    recipient: Recipient,
) -> None:
    """Publish the snapshot if it differs from the last one; nobody is told of patients who had no infusion yet."""
    course = course_of(appointments, clinic, unit.now)
    if not course.past and not course.voided:
        return
    patient = known.patient
    snapshot = _snapshot(course, known, recipient, revision=1)
    content = snapshot.model_dump(mode="json", exclude={"revision": True, "recipient": {"as_of"}})
    snapshot_digest = digest(canonical_json(content))
    if snapshot_digest == known.infusions_digest:
        return
    await store.mark_past(unit.connection, [item.identity for item in course.past], now=unit.now)
    revision = await store.raise_infusions_revision(unit.connection, patient.patient_ref, snapshot_digest)
    unit.publish(
        PATIENT_INFUSIONS,
        snapshot.model_copy(update={"revision": revision}),
        subject=f"infusions:{patient.patient_ref}",
    )
    await store.remember(
        unit.connection,
        "infusions told",
        now=unit.now,
        patient_ref=patient.patient_ref,
        clinic_id=patient.clinic_id,
        detail=f"revision {revision}: {len(course.past)} past, {len(course.voided)} voided",
    )


def _snapshot(course: Course, known: store.KnownPatient, recipient: Recipient, *, revision: int) -> PatientInfusions:
    return PatientInfusions(
        clinic_id=known.patient.clinic_id,
        patient_ref=known.patient.patient_ref,
        revision=revision,
        infusions=tuple(
            PastInfusion(
                infusion_id=str(item.identity),
                started_at=item.started_at,
                ended_at=item.ended_at,
                series=item.series,
                assumed=item.assumed,
            )
            for item in course.past
        ),
        voided=tuple(str(identity) for identity in course.voided),
        next_starts_at=course.next_starts_at,
        recipient=recipient,
    )
