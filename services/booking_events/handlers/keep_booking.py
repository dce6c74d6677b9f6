"""Keep what a booking system says of one booking, in order, and plan its patient anew."""

from collections.abc import Iterable

from services.booking_events import store
from services.booking_events.domain.appointment import (
    STATUS_OF,
    Appointment,
    Identity,
    Status,
    Verdict,
    content_of,
    judge,
    order_of,
    take,
)
from services.booking_events.domain.patient import alias_of, read_patient
from services.booking_events.domain.task import Task, TaskKind
from services.booking_events.handlers.keep_appointment import keep_appointment
from services.booking_events.handlers.plan_reminders import raise_tasks
from shared.clinics.model import Clinics
from shared.kernel.contact import parse_phone
from shared.kernel.errors import PermanentError
from shared.kernel.ids import digest
from shared.messages.booking import Booking
from shared.messages.envelope import Envelope
from shared.postgres.unit_of_work import UnitOfWork


class ContradictionError(PermanentError):
    """Two events of the same order say different things of one booking."""


def touches(envelope: Envelope, booking: Booking) -> Iterable[str]:
    """Name what an event changes: its booking, and its patient as far as they can be named yet."""
    identity = Identity(booking.clinic_id, envelope.source, booking.booking_id)
    alias = alias_of(booking.clinic_id, envelope.source, booking.patient)
    return (f"booking:{identity.clinic_id}/{identity}", f"patient:{digest(alias)[:32]}")


async def keep_booking(unit: UnitOfWork, envelope: Envelope, booking: Booking, *, clinics: Clinics) -> None:
    """Take an event in, unless it is stale or a repetition.

    Raises:
        PermanentError: an unknown clinic, no order, or an order of another kind.
        ContradictionError: another event of the same order says something else.
    """
    clinic = clinics.get(booking.clinic_id)
    if clinic is None:
        raise PermanentError("data.clinic_id: no clinic of that id stands in the clinic file")
    identity = Identity(booking.clinic_id, envelope.source, booking.booking_id)
    status, order = STATUS_OF[envelope.type], order_of(booking, envelope.time)
    current = await store.find_appointment(unit.connection, identity)
    verdict = judge(current, status, order, content_of(status, booking))
    if verdict is Verdict.CONTRADICTED:
        raise ContradictionError("data: another event of the same order says something else of this booking")
    if verdict is not Verdict.TAKEN:
        known_ref = current.patient_ref if current else None
        await _remember(unit, envelope, identity, known_ref, f"{verdict} ({order})")
        return
    patient_ref = await _know_patient(unit, envelope, booking, current)
    handed_over = current is not None and await _is_handed_over(unit, booking, current, patient_ref)
    booked_at = booking.occurred_at or envelope.time or unit.now
    appointment = take(
        current,
        booking,
        identity=identity,
        patient_ref=patient_ref,
        status=status,
        order=order,
        now=unit.now,
        booked_at=booked_at,
        announced=clinic.announces(booked_at),
        handed_over=handed_over,
    )
    await _remember(unit, envelope, identity, patient_ref, f"{verdict} ({order})")
    await keep_appointment(unit, current, appointment, clinic=clinic, clinics=clinics)


async def report_contradiction(unit: UnitOfWork, envelope: Envelope, booking: Booking, error: PermanentError) -> None:
    """Ask a person to look, before a contradicting event goes to the dead-letter queue."""
    if not isinstance(error, ContradictionError):
        return
    identity = Identity(booking.clinic_id, envelope.source, booking.booking_id)
    current = await store.find_appointment(unit.connection, identity)
    task = Task(
        TaskKind.CONTRADICTING_BOOKING,
        booking.clinic_id,
        current.patient_ref if current else None,
        cause=f"{envelope.source}|{envelope.id}",
        due_by=booking.starts_at,
        references={"source": identity.source, "booking_id": identity.booking_id, "message_id": envelope.id},
    )
    await raise_tasks(unit, [task])


async def _know_patient(unit: UnitOfWork, envelope: Envelope, booking: Booking, current: Appointment | None) -> str:
    """Return the patient's reference, and keep their newest details."""
    alias = alias_of(booking.clinic_id, envelope.source, booking.patient)
    hashes = unit.sealer.lookups(alias)
    patient_ref = await store.find_patient_ref(unit.connection, hashes)
    if patient_ref is None and current is not None and booking.patient.patient_id is None:
        # The address changed, the booking did not: the patient is the same, under one more alias.
        patient_ref = current.patient_ref
    patient_ref = patient_ref or f"pt_{hashes[0].hex()[:24]}"
    as_of = min(booking.occurred_at or envelope.time or unit.now, unit.now)
    patient = read_patient(patient_ref, booking.clinic_id, booking.patient, booking.consent, as_of=as_of)
    await store.save_patient(unit.connection, unit.sealer, patient)
    await store.save_alias(unit.connection, hashes[0], patient_ref)
    return patient_ref


async def _is_handed_over(unit: UnitOfWork, booking: Booking, current: Appointment, patient_ref: str) -> bool:
    """Return whether a booking is somebody else's now, at another number; whoever was told of it has to be called."""
    if patient_ref == current.patient_ref:
        return False
    before = await store.lock_patient(unit.connection, unit.sealer, current.patient_ref)
    phone = parse_phone(booking.patient.phone)
    if before is None or before.patient.phone == (phone.e164 if phone else None):
        return False
    told = current.told
    if told is not None and told.status is Status.BOOKED and told.starts_at > unit.now:
        task = Task(
            TaskKind.CHANGE_NOT_TEXTED_IN_TIME,
            booking.clinic_id,
            current.patient_ref,
            cause=f"{current.identity}:{current.order}:handed over",
            due_by=told.starts_at,
            references={"source": current.identity.source, "booking_id": current.identity.booking_id},
        )
        await raise_tasks(unit, [task])
    return True


async def _remember(
    unit: UnitOfWork, envelope: Envelope, identity: Identity, patient_ref: str | None, verdict: str
) -> None:
    await store.remember(
        unit.connection,
        envelope.type,
        now=unit.now,
        patient_ref=patient_ref,
        clinic_id=identity.clinic_id,
        identity=identity,
        detail=verdict,
    )
