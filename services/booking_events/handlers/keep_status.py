"""Keep what became of a booking where a feed names it by its id alone."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from services.booking_events import store
from services.booking_events.domain.appointment import Identity, Order, OrderedBy, Status, Verdict, judge
from services.booking_events.handlers.keep_appointment import keep_appointment
from shared.clinics.model import Clinic, Clinics
from shared.kernel.errors import PermanentError
from shared.kernel.ids import digest
from shared.postgres.unit_of_work import UnitOfWork


async def keep_status(
    unit: UnitOfWork,
    identity: Identity,
    status: Status,
    *,
    at: datetime,
    of: Collection[Status],
    clinic: Clinic,
    clinics: Clinics,
) -> None:
    """Let a booking become something as of ``at``, if it is in one of ``of`` and nothing later is known of it.

    Raises:
        PermanentError: nobody has told us of that booking.
    """
    current = await store.find_appointment(unit.connection, identity)
    if current is None:
        raise PermanentError("uid: no booking of that id is known here")
    order = Order(OrderedBy.OCCURRED_AT, round(at.timestamp() * 1_000_000))
    content = digest(status, current.content)
    verdict = judge(current, status, order, content) if current.status in of else Verdict.STALE
    if verdict is Verdict.TAKEN:
        after = replace(current, status=status, order=order, content=content, changed_at=unit.now, timed_at=unit.now)
        await keep_appointment(unit, current, after, clinic=clinic, clinics=clinics)
    await store.remember(
        unit.connection,
        f"became {status}",
        now=unit.now,
        patient_ref=current.patient_ref,
        clinic_id=identity.clinic_id,
        identity=identity,
        detail=f"{verdict} ({order})",
    )
