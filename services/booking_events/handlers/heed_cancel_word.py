"""A patient ended texts with the word CANCEL: they may have meant the visit, so a person asks (DOMAIN.md K3)."""

from collections.abc import Iterable

from services.booking_events import store
from services.booking_events.domain.reply import decide
from services.booking_events.handlers.answer_reply import pass_on
from shared.clinics.model import Clinics
from shared.messages.envelope import Envelope
from shared.messages.reading import ReplyResult
from shared.messages.reply import CANCEL_WORD, RecipientOpted
from shared.postgres.unit_of_work import UnitOfWork


def touches(_envelope: Envelope, opted: RecipientOpted) -> Iterable[str]:
    """Name what it concerns: the patient, if one is known."""
    return (f"patient:{opted.patient_ref}",) if opted.patient_ref else ()


async def heed_cancel_word(unit: UnitOfWork, envelope: Envelope, opted: RecipientOpted, *, clinics: Clinics) -> None:
    """Raise a task and say that a change is wished for. No text can follow: the number is closed."""
    clinic = clinics.get(opted.clinic_id)
    if opted.how != CANCEL_WORD or opted.patient_ref is None or clinic is None:
        return
    known = await store.lock_patient(unit.connection, unit.sealer, opted.patient_ref)
    if known is None:
        return
    appointments = await store.appointments_of(unit.connection, opted.patient_ref, now=unit.now)
    verdict = decide(ReplyResult.CANCEL_REQUEST, [], appointments, now=unit.now, zone=clinic.zone)
    if verdict.visits:
        await pass_on(unit, known.patient, verdict, wish="cancel", cause=envelope.id)
