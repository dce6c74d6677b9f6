"""Plan what a patient should still be told, and publish the plan if it differs from the last one."""

from services.booking_events import store
from services.booking_events.domain.patient import Patient
from services.booking_events.domain.plan import Plan, plan_patient
from services.booking_events.domain.task import Task
from services.booking_events.handlers.tell_infusions import tell_infusions
from shared.clinics.model import Clinics
from shared.kernel.ids import canonical_json, digest
from shared.messages.plan import MESSAGES_PLAN, MessagesPlan, Recipient
from shared.messages.staff_task import RAISED, StaffTaskRaised
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry.log import log


def subject_of(patient_ref: str) -> str:
    """Return the subject under which a patient's reminders are planned."""
    return f"reminders:{patient_ref}"


async def plan_reminders(unit: UnitOfWork, clinics: Clinics, patient_ref: str) -> None:
    """Plan anew under the patient's row lock; what has not changed is not sent again.

    For a clinic that left the file nothing is planned any more: nobody could say by which rules.
    """
    found = await store.lock_patient(unit.connection, unit.sealer, patient_ref)
    if found is None:
        return
    patient, clinic = found.patient, clinics.get(found.patient.clinic_id)
    if clinic is None:
        log.warning("the clinic of a patient left the file", clinic_id=patient.clinic_id, patient_ref=patient_ref)
        return
    appointments = await store.appointments_of(unit.connection, patient_ref, now=unit.now)
    plan = Plan() if found.is_erased else plan_patient(patient, appointments, clinic, unit.now)
    recipient = patient.recipient(clinic_zone=clinic.time_zone)
    await raise_tasks(unit, plan.tasks)
    await tell_infusions(unit, found, appointments, clinic, recipient)
    plan_digest = _digest(plan, recipient)
    if plan_digest == found.plan_digest:
        return
    await store.save_tellings(unit.connection, patient_ref, plan.tellings)
    revision = await store.raise_revision(unit.connection, patient_ref, plan_digest)
    unit.publish(MESSAGES_PLAN, _message(plan, patient, recipient, revision), subject=subject_of(patient_ref))
    await store.remember(
        unit.connection,
        "planned",
        now=unit.now,
        patient_ref=patient_ref,
        clinic_id=patient.clinic_id,
        detail=f"revision {revision}: {len(plan.messages)} messages",
    )


async def raise_tasks(unit: UnitOfWork, tasks: list[Task]) -> None:
    """Write tasks and tell everybody of those that are new."""
    new = await store.save_tasks(unit.connection, tasks, now=unit.now)
    for task in tasks:
        if task.task_id in new:
            unit.publish(
                RAISED,
                StaffTaskRaised(
                    task_id=task.task_id,
                    clinic_id=task.clinic_id,
                    patient_ref=task.patient_ref,
                    kind=task.kind,
                    references=task.references,
                    due_by=task.due_by,
                ),
                subject=task.task_id,
            )


def _message(plan: Plan, patient: Patient, recipient: Recipient, revision: int) -> MessagesPlan:
    return MessagesPlan(
        clinic_id=patient.clinic_id,
        patient_ref=patient.patient_ref,
        subject=subject_of(patient.patient_ref),
        revision=revision,
        recipient=recipient,
        messages=tuple(plan.messages),
    )


def _digest(plan: Plan, recipient: Recipient) -> str:
    return digest(
        canonical_json([message.model_dump(mode="json") for message in plan.messages]),
        canonical_json(recipient.model_dump(mode="json", exclude={"as_of"})),
    )
