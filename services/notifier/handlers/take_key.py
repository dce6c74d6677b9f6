"""Take in the key that somebody pressed during a page by phone."""

from dataclasses import dataclass

from services.notifier.context import Context
from services.notifier.domain.receipt import Receipt
from services.notifier.handlers.adopt_by_receipt import adopt_by_receipt
from services.notifier.handlers.take_receipt import ReceiptReport
from services.notifier.providers.twilio_voice import Said
from services.notifier.store import attempts, claims, outcomes
from shared.messages.safety import PAGE_ANSWERED, PageAnswered
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry import tracing

_TAKES, _DECLINES = "1", "2"


@dataclass(frozen=True, slots=True)
class KeyPress:
    """What the provider reports. ``token`` names the attempt that the call was."""

    provider_reference: str
    token: str
    keys: str


@dataclass(frozen=True, slots=True)
class Reaction:
    """What the call says now, and in which language."""

    said: Said
    language: str


async def take_key(unit: UnitOfWork, press: KeyPress, *, context: Context) -> Reaction | None:
    """Tell followup who takes or declines a page; None where the call is none of ours."""
    # Somebody who presses keys proves that the call exists, whatever became of the answer to our request.
    await adopt_by_receipt(
        unit, ReceiptReport(press.provider_reference, Receipt.SENT, None, press.token), context=context
    )
    named = await attempts.message_of_token(unit.connection, press.token)
    message = await attempts.open_message(unit.connection, unit.sealer, named[0]) if named else None
    if message is None:
        return None
    contact = (await claims.contacts(unit.connection, unit.sealer, [message.recipient_id])).get(message.recipient_id)
    language = contact.language if contact else "en"
    if press.keys not in (_TAKES, _DECLINES):
        return Reaction(Said.AGAIN, language)
    takes = press.keys == _TAKES
    answer = PageAnswered(
        clinic_id=message.clinic_id,
        subject=message.subject,
        key=message.key,
        channel=message.channel,
        answer="acknowledged" if takes else "declined",
        answered_at=unit.now,
    )
    with tracing.span("page answered", parent=message.traceparent, outcome=answer.answer, channel=message.channel):
        unit.publish(PAGE_ANSWERED, answer, subject=message.subject)
    await outcomes.remember(
        unit.connection, message.id, "page taken" if takes else "page declined", now=unit.now, detail="by key"
    )
    if not takes:
        return Reaction(Said.DECLINED, language)
    # Once somebody has a case its pages are no longer wanted.
    return Reaction(Said.TAKEN if message.wanted else Said.GONE, language)
