"""Do what a person at the clinic asks about one patient: show everything, or forget it."""

from collections.abc import Iterable
from functools import partial

from services.notifier.context import Context
from services.notifier.domain.sender import Correspondent
from services.notifier.domain.state import DeliveryStatus, Reason
from services.notifier.handlers.end_message import end_message
from services.notifier.store import attempts, claims, personal, received
from shared.broker.handler import Handler
from shared.kernel.errors import TransientError
from shared.messages.envelope import Envelope
from shared.messages.patient import ERASE, EXPORT, ErasePatient, ExportPatient, PatientRequest
from shared.postgres import patient_requests
from shared.postgres.database import lock_in_order
from shared.postgres.unit_of_work import UnitOfWork


def rows(context: Context) -> list[Handler]:
    """Return the rows of the table of handlers."""
    return [
        Handler(EXPORT, export_patient, touches),
        Handler(ERASE, partial(erase_patient, context=context), touches),
    ]


def touches(_envelope: Envelope, request: PatientRequest) -> Iterable[str]:
    """Name what a request changes: its patient's snapshot."""
    return (f"recipient:{_recipient_of(request)}",)


async def export_patient(unit: UnitOfWork, _envelope: Envelope, request: ExportPatient) -> None:
    """Collect everything that is known of a patient here; texts only where the number is theirs alone."""
    numbers = await _own_numbers(unit, request)
    content = {
        "messages": await personal.messages_of_patient(
            unit.connection, unit.sealer, request.clinic_id, request.patient_ref
        ),
        "texts": await personal.texts_of_numbers(unit.connection, unit.sealer, numbers),
        "closings": await personal.closings_of_numbers(unit.connection, numbers),
    }
    await patient_requests.record_export(unit.connection, unit.sealer, request, content, now=unit.now)


async def erase_patient(unit: UnitOfWork, _envelope: Envelope, request: ErasePatient, *, context: Context) -> None:
    """Forget what was said to and by a patient, and how they are reached.

    What waits ends; that messages went out stays written down, without their words. A closed number stays closed: it is
    kept as a keyed hash only, and forgetting it would text somebody who said stop.

    Raises:
        TransientError: a message is under way; its outcome needs its words.
    """
    numbers = await _own_numbers(unit, request)
    waiting, under_way = await personal.open_messages_of(unit.connection, request.clinic_id, request.patient_ref)
    if under_way:
        raise TransientError("a message to this patient is under way")
    for message_id in waiting:
        message = await attempts.open_message(unit.connection, unit.sealer, message_id)
        if message is not None:
            await end_message(unit, message, DeliveryStatus.WITHDRAWN, Reason.ERASED, context=context)
    said = await personal.forget_messages(unit.connection, request.clinic_id, request.patient_ref)
    texts = await personal.forget_texts(unit.connection, unit.sealer, numbers)
    replies = [f"number:{number.hex()}" for number in numbers]
    await personal.forget_recipients(unit.connection, unit.sealer, [_recipient_of(request), *replies], now=unit.now)
    counts = {"ended": len(waiting), "messages": said, "texts": texts}
    await patient_requests.record(unit.connection, request, "erase", now=unit.now, counts=counts)


async def _own_numbers(unit: UnitOfWork, request: PatientRequest) -> list[bytes]:
    """Lock and return the patient's number, unless somebody else has it too: then its texts may be theirs."""
    recipient_id = _recipient_of(request)
    contact = (await claims.contacts(unit.connection, unit.sealer, [recipient_id])).get(recipient_id)
    if contact is None or contact.phone is None:
        return []
    numbers = unit.sealer.lookups(contact.phone.e164)
    await lock_in_order(unit.connection, [Correspondent(request.clinic_id, (), tuple(numbers)).lock])
    holders = await received.patients_with_number(unit.connection, numbers)
    return numbers if holders == [(request.clinic_id, request.patient_ref)] else []


def _recipient_of(request: PatientRequest) -> str:
    return f"patient:{request.clinic_id}:{request.patient_ref}"
