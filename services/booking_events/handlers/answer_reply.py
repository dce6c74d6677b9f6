"""Act on what a patient wrote about their visits, tell whom it concerns, and answer."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from services.booking_events import store
from services.booking_events.domain.appointment import Appointment
from services.booking_events.domain.patient import Patient
from services.booking_events.domain.plan import Telling
from services.booking_events.domain.reply import Answer, Verdict, decide
from services.booking_events.domain.task import Task
from services.booking_events.handlers.plan_reminders import plan_reminders, raise_tasks
from shared.clinics.model import Clinic, Clinics
from shared.messages.appointment import (
    CHANGE_REQUESTED,
    CONFIRMED,
    AppointmentChangeRequested,
    AppointmentConfirmed,
    BookingName,
)
from shared.messages.base import Purpose
from shared.messages.booking import Modality
from shared.messages.envelope import Envelope
from shared.messages.plan import ACCEPTED, ANSWERS, MESSAGES_PLAN, Expects, MessagesPlan, PlannedMessage
from shared.messages.reading import CONFIRM_GRAMMAR, ReplyRead, ReplyResult
from shared.postgres.unit_of_work import UnitOfWork

_AT_LEAST = timedelta(hours=1)
_CALL_BACK_WITHIN = timedelta(hours=4)
_WISHES: dict[ReplyResult, Literal["reschedule", "cancel"]] = {
    ReplyResult.RESCHEDULE: "reschedule",
    ReplyResult.CANCEL_REQUEST: "cancel",
}


def touches(_envelope: Envelope, reply: ReplyRead) -> Iterable[str]:
    """Name what a reply changes: its patient."""
    return (f"patient:{reply.patient_ref}",)


async def answer_reply(unit: UnitOfWork, _envelope: Envelope, reply: ReplyRead, *, clinics: Clinics) -> None:
    """Confirm, or ask a person to call; the patient always gets an answer."""
    known = await store.lock_patient(unit.connection, unit.sealer, reply.patient_ref)
    clinic = clinics.get(reply.clinic_id)
    if known is None or clinic is None:
        return
    patient = known.patient
    listed = await store.listed_by(unit.connection, patient.patient_ref, reply.prompt.key) if reply.prompt else []
    appointments = await store.appointments_of(unit.connection, patient.patient_ref, now=unit.now)
    verdict = decide(reply.result, listed, appointments, now=unit.now, zone=clinic.zone)
    if verdict.confirmed:
        await _confirm(unit, patient, reply, verdict.confirmed)
    if verdict.task is not None:
        await pass_on(unit, patient, verdict, wish=_WISHES.get(reply.result), cause=reply.provider_reference)
    answer = _answer(patient, clinic, reply, verdict, now=unit.now)
    listing = [Telling(answer.key, visit.identity, visit.to_tell, tells=False) for visit in verdict.visits]
    await store.save_tellings(unit.connection, patient.patient_ref, listing)
    plan = _plan(patient, clinic, reply, answer, accepts=bool(verdict.confirmed))
    unit.publish(MESSAGES_PLAN, plan, subject=plan.subject)
    await store.remember(
        unit.connection,
        f"reply: {reply.result}",
        now=unit.now,
        patient_ref=patient.patient_ref,
        clinic_id=patient.clinic_id,
        identity=verdict.visits[0].identity if verdict.visits else None,
        detail=verdict.answer,
    )
    if verdict.confirmed:
        await plan_reminders(unit, clinics, patient.patient_ref)


async def _confirm(unit: UnitOfWork, patient: Patient, reply: ReplyRead, visits: tuple[Appointment, ...]) -> None:
    await store.mark_confirmed(unit.connection, [visit.identity for visit in visits])
    unit.publish(
        CONFIRMED,
        AppointmentConfirmed(
            clinic_id=patient.clinic_id,
            patient_ref=patient.patient_ref,
            bookings=tuple(_name(visit) for visit in visits),
            provider_reference=reply.provider_reference,
        ),
        subject=patient.patient_ref,
    )


async def pass_on(
    unit: UnitOfWork,
    patient: Patient,
    verdict: Verdict,
    *,
    wish: Literal["reschedule", "cancel"] | None,
    cause: str,
) -> None:
    """Ask a person to call the patient, once per ``cause``, and say which visits a change is wished for."""
    assert verdict.task is not None
    first = verdict.visits[0] if verdict.visits else None
    named = {"source": first.identity.source, "booking_id": first.identity.booking_id} if first else {}
    task = Task(
        verdict.task,
        patient.clinic_id,
        patient.patient_ref,
        cause=cause,
        due_by=min(unit.now + _CALL_BACK_WITHIN, first.starts_at) if first else unit.now + _CALL_BACK_WITHIN,
        references={**named, "provider_reference": cause},
    )
    await raise_tasks(unit, [task])
    if wish is not None:
        unit.publish(
            CHANGE_REQUESTED,
            AppointmentChangeRequested(
                clinic_id=patient.clinic_id,
                patient_ref=patient.patient_ref,
                bookings=tuple(_name(visit) for visit in verdict.visits),
                wish=wish,
                provider_reference=cause,
            ),
            subject=patient.patient_ref,
        )


def _answer(patient: Patient, clinic: Clinic, reply: ReplyRead, verdict: Verdict, *, now: datetime) -> PlannedMessage:
    first = verdict.visits[0] if verdict.visits else None
    by_video = first is not None and first.modality is Modality.TELEMEDICINE
    asks_again = verdict.answer is Answer.STANDS_OTHERWISE and first is not None
    return PlannedMessage(
        key=f"{verdict.answer}:{reply.provider_reference}",
        purpose=Purpose.ANSWER_REPLY,
        template=verdict.answer,
        values={
            "clinic_name": clinic.name,
            "clinic_phone": clinic.phone,
            "time_zone": str(patient.time_zone or clinic.time_zone) if by_video else clinic.time_zone,
            "starts_at": first.starts_at.isoformat() if first else None,
            "visits": [{"starts_at": visit.starts_at.isoformat()} for visit in verdict.visits],
        },
        send_at=now,
        expires_at=_of_use_until(patient, clinic, first, now),
        expects=Expects(grammar=CONFIRM_GRAMMAR, until=first.starts_at) if asks_again and first else None,
    )


def _of_use_until(patient: Patient, clinic: Clinic, first: Appointment | None, now: datetime) -> datetime:
    """Return until when an answer is of use: late at night not past the visit that it speaks of, but for an hour."""
    zone = ZoneInfo(patient.time_zone or clinic.time_zone)
    until = clinic.window.hours.answer_of_use_until(now, zone)
    return max(now + _AT_LEAST, min(until, first.starts_at)) if first else until


def _plan(patient: Patient, clinic: Clinic, reply: ReplyRead, answer: PlannedMessage, *, accepts: bool) -> MessagesPlan:
    """The answer is a plan of its own, to the number that wrote, in the language that they wrote in."""
    recipient = patient.recipient(clinic_zone=clinic.time_zone)
    language = reply.language or patient.language
    return MessagesPlan(
        clinic_id=patient.clinic_id,
        patient_ref=patient.patient_ref,
        subject=f"{ACCEPTED if accepts else ANSWERS}{reply.provider_reference}",
        revision=1,
        recipient=recipient.model_copy(update={"reply_to": reply.reply_to, "language": language}),
        messages=(answer,),
    )


def _name(visit: Appointment) -> BookingName:
    return BookingName(source=visit.identity.source, booking_id=visit.identity.booking_id, starts_at=visit.starts_at)
