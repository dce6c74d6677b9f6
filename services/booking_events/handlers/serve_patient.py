"""Do what a person at the clinic asks about one patient: export, erase, or put details right."""

from collections.abc import Iterable
from functools import partial

from services.booking_events import store
from services.booking_events.domain.patient import details_of, read_corrections, unknown_person
from services.booking_events.handlers.plan_reminders import plan_reminders
from shared.broker.handler import Handler
from shared.clinics.model import Clinics
from shared.kernel.errors import PermanentError
from shared.messages.envelope import Envelope
from shared.messages.patient import CORRECT, ERASE, EXPORT, CorrectPatient, ErasePatient, ExportPatient, PatientRequest
from shared.postgres import patient_requests
from shared.postgres.unit_of_work import UnitOfWork


def rows(clinics: Clinics) -> list[Handler]:
    """Return the rows of the table of handlers."""
    return [
        Handler(EXPORT, export_patient, touches),
        Handler(ERASE, partial(erase_patient, clinics=clinics), touches),
        Handler(CORRECT, partial(correct_patient, clinics=clinics), touches),
    ]


def touches(_envelope: Envelope, request: PatientRequest) -> Iterable[str]:
    """Name what a request changes: its patient."""
    return (f"patient:{request.patient_ref}",)


async def export_patient(unit: UnitOfWork, _envelope: Envelope, request: ExportPatient) -> None:
    """Collect everything that is known of a patient here."""
    known = await _known(unit, request)
    content = await store.all_of_patient(unit.connection, request.patient_ref)
    details = [{**details_of(known.patient), "as_of": known.patient.as_of}]
    await patient_requests.record_export(
        unit.connection, unit.sealer, request, {"details": details, **content}, now=unit.now
    )
    await _remember(unit, request, "exported")


async def erase_patient(unit: UnitOfWork, _envelope: Envelope, request: ErasePatient, *, clinics: Clinics) -> None:
    """Forget how a patient is reached and called, and plan nothing for them any more."""
    known = await _known(unit, request)
    names = await store.erase_patient(unit.connection, unit.sealer, unknown_person(known.as_booked), now=unit.now)
    await patient_requests.record(unit.connection, request, "erase", now=unit.now, counts={"names": names})
    await _remember(unit, request, "erased")
    await plan_reminders(unit, clinics, request.patient_ref)


async def correct_patient(unit: UnitOfWork, _envelope: Envelope, request: CorrectPatient, *, clinics: Clinics) -> None:
    """Let corrected details hold, and plan anew with them."""
    known = await _known(unit, request)
    corrections = known.corrections | read_corrections(request, known.as_booked)
    await store.save_corrections(unit.connection, unit.sealer, request.patient_ref, corrections, now=unit.now)
    await patient_requests.record(
        unit.connection, request, "correct", now=unit.now, counts={"corrections": len(corrections)}
    )
    await _remember(unit, request, "corrected")
    await plan_reminders(unit, clinics, request.patient_ref)


async def _known(unit: UnitOfWork, request: PatientRequest) -> store.KnownPatient:
    known = await store.lock_patient(unit.connection, unit.sealer, request.patient_ref)
    if known is None or known.patient.clinic_id != request.clinic_id:
        raise PermanentError("data.patient_ref: no patient of that reference is known at this clinic")
    return known


async def _remember(unit: UnitOfWork, request: PatientRequest, what: str) -> None:
    await store.remember(
        unit.connection,
        f"patient {what}",
        now=unit.now,
        patient_ref=request.patient_ref,
        clinic_id=request.clinic_id,
        detail=f"asked for by {request.who}",
    )
