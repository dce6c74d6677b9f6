"""Answer a reply: once, and in few words."""

from services.followup.context import Context, hours_of
from services.followup.handlers.publish_plan import clinic_values, publish_plan
from services.followup.handlers.record_answer import THANKS
from shared.messages.base import Purpose
from shared.messages.plan import ACCEPTED, ANSWERS, PlannedMessage, Recipient
from shared.postgres.unit_of_work import UnitOfWork


async def answer_patient(
    unit: UnitOfWork,
    template: str,
    *,
    clinic_id: str,
    patient_ref: str,
    recipient: Recipient,
    reference: str,
    context: Context,
) -> None:
    """Plan one answer. Its subject is the reply's own, so that a reply can never be answered twice."""
    clinic = context.clinic(clinic_id)
    hours = hours_of(clinic, recipient)
    await publish_plan(
        unit,
        clinic_id=clinic_id,
        patient_ref=patient_ref,
        subject=f"{ACCEPTED if template in THANKS else ANSWERS}{reference}",
        revision=1,
        recipient=recipient,
        messages=[
            PlannedMessage(
                key=template,
                purpose=Purpose.ANSWER_REPLY,
                template=template,
                values=clinic_values(clinic),
                send_at=unit.now,
                expires_at=hours.window.answer_of_use_until(unit.now, hours.patient),
            )
        ],
    )
