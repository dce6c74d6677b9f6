"""Note what a patient has been told once its message was sent, and plan anew from there."""

from collections.abc import Iterable

from services.booking_events import store
from services.booking_events.handlers.plan_reminders import plan_reminders, subject_of
from shared.clinics.model import Clinics
from shared.messages.base import Purpose
from shared.messages.envelope import Envelope
from shared.messages.outcome import MessageOutcome
from shared.postgres.unit_of_work import UnitOfWork


def touches(_envelope: Envelope, outcome: MessageOutcome) -> Iterable[str]:
    """Name what a sent message changes: its patient."""
    return (f"patient:{outcome.patient_ref}",)


def concerns(outcome: MessageOutcome) -> bool:
    """Return whether a message was ours; other services' messages are none of our business."""
    return outcome.subject == subject_of(outcome.patient_ref)


async def note_sent(unit: UnitOfWork, envelope: Envelope, outcome: MessageOutcome, *, clinics: Clinics) -> None:
    """Mark appointments as told."""
    if await store.lock_patient(unit.connection, unit.sealer, outcome.patient_ref) is None:
        return
    is_reminder = outcome.purpose in (Purpose.REMINDER_NEAR, Purpose.REMINDER_FAR)
    sent_at = envelope.time or unit.now
    told = await store.mark_told(
        unit.connection, outcome.patient_ref, outcome.key, sent_at=sent_at, only_untold=is_reminder
    )
    if told:
        await plan_reminders(unit, clinics, outcome.patient_ref)
