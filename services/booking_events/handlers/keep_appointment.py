"""Let an appointment stand as it now is: what follows for its feed, its brake and its patient."""

from services.booking_events import store
from services.booking_events.domain.appointment import Appointment, Status
from services.booking_events.domain.course import assume_at
from services.booking_events.handlers.plan_reminders import plan_reminders
from services.booking_events.handlers.watch_feed import watch_feed
from shared.clinics.model import Clinic, Clinics
from shared.postgres.unit_of_work import UnitOfWork


async def keep_appointment(
    unit: UnitOfWork, before: Appointment | None, after: Appointment, *, clinic: Clinic, clinics: Clinics
) -> None:
    """Write an appointment down, look at its feed, and plan every patient that it concerns anew."""
    await store.save_appointments(unit.connection, [(after, assume_at(after, clinic))])
    if after.status in (Status.COMPLETED, Status.NO_SHOW):
        await store.note_that_feed_says_ends(unit.connection, after.identity, now=unit.now)
    if before is not None and _is_upheaval(before, after):
        await watch_feed(unit, after, clinic)
    for ref in sorted({after.patient_ref, before.patient_ref if before else after.patient_ref}):
        await plan_reminders(unit, clinics, ref)


def _is_upheaval(before: Appointment, after: Appointment) -> bool:
    """Whether a booking that stood ahead was cancelled or moved: one or two are life, very many are a broken feed."""
    return before.status is Status.BOOKED and (after.status is Status.CANCELLED or after.starts_at != before.starts_at)
