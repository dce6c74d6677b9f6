"""Pause a clinic when its feed suddenly cancels or moves an unusual share of its bookings, and ask a person to look."""

from services.booking_events import store
from services.booking_events.domain.appointment import Appointment
from services.booking_events.domain.brake import is_unusual
from services.booking_events.domain.task import Task, TaskKind
from services.booking_events.handlers.plan_reminders import raise_tasks
from shared.clinics.model import Clinic
from shared.messages.pause import PAUSE, PauseClinic
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry.log import log


async def watch_feed(unit: UnitOfWork, appointment: Appointment, clinic: Clinic) -> None:
    """Look at a feed after it cancelled or moved a booking. Notices wait a while anyway, so the pause comes first."""
    identity = appointment.identity
    since = unit.now - clinic.brake.within
    seen = await store.upheaval_of(unit.connection, identity, since=since, now=unit.now)
    if not is_unusual(seen, clinic.brake):
        return
    await store.mark_braked(unit.connection, identity, now=unit.now)
    log.error("a feed changes too much at once: the clinic is paused", clinic_id=identity.clinic_id, count=seen.changed)
    unit.publish(
        PAUSE, PauseClinic(clinic_id=identity.clinic_id, cause=TaskKind.FEED_BRAKED), subject=identity.clinic_id
    )
    task = Task(
        TaskKind.FEED_BRAKED,
        identity.clinic_id,
        None,
        cause=f"{identity.source}|{unit.now.isoformat()}",
        due_by=unit.now,
        references={"source": identity.source, "changed": str(seen.changed), "untouched": str(seen.untouched)},
    )
    await raise_tasks(unit, [task])
