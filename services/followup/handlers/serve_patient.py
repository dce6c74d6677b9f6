"""Do what a person at the clinic asks about one patient: show everything, or forget it."""

from collections.abc import Iterable

from services.followup.store import patients, personal, records
from shared.broker.handler import Handler
from shared.kernel.errors import PermanentError
from shared.messages.envelope import Envelope
from shared.messages.patient import ERASE, EXPORT, ErasePatient, ExportPatient, PatientRequest
from shared.postgres import patient_requests
from shared.postgres.unit_of_work import UnitOfWork


def rows() -> list[Handler]:
    """Return the rows of the table of handlers."""
    return [Handler(EXPORT, export_patient, touches), Handler(ERASE, erase_patient, touches)]


def touches(_envelope: Envelope, request: PatientRequest) -> Iterable[str]:
    """Name what a request changes: its patient."""
    return (f"patient:{request.patient_ref}",)


async def export_patient(unit: UnitOfWork, _envelope: Envelope, request: ExportPatient) -> None:
    """Collect everything that is known of a patient here. The words behind a case are shown with the case alone."""
    await _require_of_clinic(unit, request)
    content = {
        **await personal.rows_of_patient(unit.connection, request.patient_ref),
        "replies": await personal.replies_of_patient(unit.connection, unit.sealer, request.patient_ref),
    }
    await patient_requests.record_export(unit.connection, unit.sealer, request, content, now=unit.now)


async def erase_patient(unit: UnitOfWork, _envelope: Envelope, request: ErasePatient) -> None:
    """Forget what a patient wrote and answered, and how they are reached.

    Safety cases stay as long as medical records must, with the words that led to them: they are shown to clinicians
    only, and every look is written down.

    Raises:
        PermanentError: a case of this patient is open; a person must be able to reach them.
    """
    await _require_of_clinic(unit, request)
    if await personal.count_open_cases(unit.connection, request.patient_ref):
        raise PermanentError("data.patient_ref: a safety case of this patient is open; close it first")
    checkins = await personal.forget_patient(unit.connection, request.patient_ref)
    replies = await personal.forget_replies(unit.connection, unit.sealer, request.patient_ref)
    counts = {"checkins": checkins, "replies": replies}
    await patient_requests.record(unit.connection, request, "erase", now=unit.now, counts=counts)
    records.remember(
        unit,
        "patient erased",
        clinic_id=request.clinic_id,
        patient_ref=request.patient_ref,
        detail=f"asked for by {request.who}",
    )


async def _require_of_clinic(unit: UnitOfWork, request: PatientRequest) -> None:
    """Somebody who has had no infusion yet is known to others and not here."""
    found = await patients.find(unit.connection, unit.sealer, [request.patient_ref])
    known = found.get(request.patient_ref)
    if known is not None and known.clinic_id != request.clinic_id:
        raise PermanentError("data.patient_ref: no patient of that reference is known at this clinic")
