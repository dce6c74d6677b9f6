"""Publish what a patient or a person at the clinic should still be told: the newest plan of one subject."""

from collections.abc import Sequence

from services.followup.store import patients
from shared.clinics.model import Clinic
from shared.messages.base import JsonObject
from shared.messages.plan import MESSAGES_PLAN, MessagesPlan, PlannedMessage, Recipient
from shared.postgres.unit_of_work import UnitOfWork


async def publish_plan(
    unit: UnitOfWork,
    *,
    clinic_id: str,
    patient_ref: str,
    subject: str,
    recipient: Recipient,
    messages: Sequence[PlannedMessage],
    closed: Sequence[str] = (),
    revision: int | None = None,
) -> None:
    """Publish one more revision of a subject's plan; or a given one, of a plan that never changes."""
    if revision is None:
        revision = await patients.raise_revision(unit.connection, subject)
    plan = MessagesPlan(
        clinic_id=clinic_id,
        patient_ref=patient_ref,
        subject=subject,
        revision=revision,
        recipient=recipient,
        messages=tuple(messages),
        closed_prompts=tuple(closed),
    )
    unit.publish(MESSAGES_PLAN, plan, subject=subject)


def clinic_values(clinic: Clinic) -> JsonObject:
    """Return the values that every text has."""
    return {"clinic_name": clinic.name, "clinic_phone": clinic.phone, "time_zone": clinic.time_zone}
