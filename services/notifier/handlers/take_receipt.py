"""Take in a delivery receipt: it proves that a message exists, and says how far it is along."""

from dataclasses import dataclass
from datetime import timedelta

from services.notifier.context import Context, rule_for
from services.notifier.domain.answer import Remedy
from services.notifier.domain.message import Message
from services.notifier.domain.receipt import NOT_DELIVERED, Receipt, advance
from services.notifier.handlers.end_message import publish_outcome
from services.notifier.handlers.fall_back import fall_back
from services.notifier.handlers.heed_error import heed_error
from services.notifier.handlers.stop_sending import stop_sending
from services.notifier.store import attempts, outcomes
from shared.messages import outcome as events
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry.log import log


@dataclass(frozen=True, slots=True)
class ReceiptReport:
    """One status callback, in our words. ``token`` names the attempt that it was asked for with."""

    provider_reference: str
    status: Receipt
    error_code: str | None
    token: str | None


async def keep_receipt(unit: UnitOfWork, report: ReceiptReport) -> int | None:
    """Keep a receipt and return the message that it belongs to, if that is known."""
    await outcomes.save_receipt(
        unit.connection, report.provider_reference, report.status, report.error_code, now=unit.now
    )
    return await attempts.message_of_reference(unit.connection, report.provider_reference)


async def apply_known_receipts(
    unit: UnitOfWork, message: Message, provider_reference: str, *, context: Context
) -> None:
    """Apply the receipts that came before we knew whose they were."""
    for status, code in await outcomes.receipts_of(unit.connection, provider_reference):
        await apply_receipt(unit, message, provider_reference, status, code, context=context)


async def apply_receipt(
    unit: UnitOfWork,
    message: Message,
    provider_reference: str,
    status: Receipt,
    code: str | None,
    *,
    context: Context,
) -> None:
    """Move a message's receipt forward; late, repeated and contradicting ones change nothing."""
    progress = advance(await outcomes.receipt_of(unit.connection, message.id), status)
    if progress.contradicts:
        log.warning("a receipt contradicts a final one", provider_reference=provider_reference)
    if not progress.applies:
        return
    await outcomes.apply_receipt(unit.connection, message.id, status)
    await outcomes.remember(unit.connection, message.id, f"receipt: {status}", now=unit.now, detail=code)
    if status is Receipt.DELIVERED:
        publish_outcome(unit, message, events.DELIVERED, provider_reference=provider_reference)
    elif status in NOT_DELIVERED:
        await _not_delivered(unit, message, provider_reference, code or "", context=context)


async def _not_delivered(
    unit: UnitOfWork, message: Message, provider_reference: str, code: str, *, context: Context
) -> None:
    """Send again where the error table says that it helps; else say that it failed, and whom that concerns."""
    rule = rule_for(message.channel, code)
    publish_outcome(unit, message, events.FAILED, reason=code or "no code", provider_reference=provider_reference)
    delay: timedelta | None = rule.retry_delay(message.resends)
    if delay is not None and message.wanted and unit.now + delay < message.expires_at:
        await outcomes.send_again(unit.connection, message.id, due_at=unit.now + delay, reason=code)
        await outcomes.remember(unit.connection, message.id, "to be sent again", now=unit.now, detail=code)
    else:
        await heed_error(unit, message, code, context=context)
        await fall_back(unit, message, code or "not delivered", failed=True, context=context)
    if rule.remedy is Remedy.STOP_SENDING:
        await stop_sending(unit, message, code, context=context)
