"""Plan one automatic text that is nobody's plan: an answer to a keyword, or a page to operations people."""

from datetime import timedelta
from typing import Any, Literal

from services.notifier.domain.equalise import Insertion
from services.notifier.domain.sender import Correspondent
from services.notifier.store import outcomes, plans
from shared.clinics.model import Clinic
from shared.messages.base import Channel, Consent, Purpose
from shared.messages.plan import MessagesPlan, PlannedMessage, Recipient
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry import tracing

_ANSWER_WITHIN = timedelta(hours=1)


def language_of(text: str) -> str:
    """Guess from the text itself, only where nothing else is known: a Spanish keyword is answered in Spanish."""
    spanish = ("alto", "parar", "baja", "detener", "basta", "cancelar", "mensajes", "ayuda", "empezar", "comenzar")
    return "es" if any(word in text.casefold() for word in spanish) else "en"


async def answer_sender(
    unit: UnitOfWork, who: Correspondent, clinic: Clinic, *, purpose: Purpose, template: str, cause: str, language: str
) -> None:
    """Answer the number that wrote, once per ``cause``: judged, written down and sent as any other message."""
    recipient = Recipient(
        language=language, time_zone=clinic.time_zone, consent=Consent(), as_of=unit.now, reply_to=who.reply_to
    )
    plan = _plan(
        who.clinic_id,
        who.patient_ref or who.reply_to,
        f"replies:{cause}",
        recipient,
        _message(clinic, purpose, template, "routine", unit),
    )
    await plans.readdress(unit.connection, unit.sealer, plan)
    await _insert(unit, plan, who.reply_to, detail="answer")


async def page_operations(unit: UnitOfWork, clinic_id: str, clinic: Clinic, *, template: str, cause: str) -> None:
    """Text the clinic's operations people, once per ``cause``, at any hour."""
    for phone in clinic.operations_phones:
        subject = f"ops:{cause}:{unit.sealer.lookup(phone).hex()[:8]}"
        recipient = Recipient(kind="staff", phone=phone, time_zone=clinic.time_zone, consent=Consent(), as_of=unit.now)
        plan = _plan(clinic_id, "staff", subject, recipient, _message(clinic, Purpose.PAGE, template, "urgent", unit))
        if await plans.accept_revision(unit.connection, subject, 1, now=unit.now):
            await plans.save_recipient(unit.connection, unit.sealer, f"staff:{subject}", plan)
            await _insert(unit, plan, f"staff:{subject}", detail="page")


def _message(
    clinic: Clinic, purpose: Purpose, template: str, urgency: Literal["routine", "urgent"], unit: UnitOfWork
) -> PlannedMessage:
    values: dict[str, Any] = {
        "clinic_name": clinic.name,
        "clinic_phone": clinic.phone,
        "time_zone": clinic.time_zone,
    }
    return PlannedMessage(
        key=template,
        purpose=purpose,
        template=template,
        values=values,
        send_at=unit.now,
        expires_at=unit.now + _ANSWER_WITHIN,
        urgency=urgency,
    )


def _plan(
    clinic_id: str, patient_ref: str, subject: str, recipient: Recipient, message: PlannedMessage
) -> MessagesPlan:
    return MessagesPlan(
        clinic_id=clinic_id,
        patient_ref=patient_ref,
        subject=subject,
        revision=1,
        recipient=recipient,
        messages=(message,),
    )


async def _insert(unit: UnitOfWork, plan: MessagesPlan, recipient_id: str, *, detail: str) -> None:
    insertion = Insertion(plan.messages[0], Channel.SMS)
    inserted = await plans.insert_messages(
        unit.connection, unit.sealer, plan, recipient_id, [insertion], traceparent=tracing.current()
    )
    for message_id in inserted:
        await outcomes.remember(unit.connection, message_id, "planned", now=unit.now, detail=detail)
    await plans.announce_due(unit.connection, [insertion.lane])
