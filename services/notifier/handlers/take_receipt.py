"""Take in a delivery receipt: it proves that a message exists, and says how far it is along."""

from collections.abc import Mapping, Sequence
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
from services.notifier.store import outcomes
from shared.messages import outcome as events
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry import tracing
from shared.telemetry.log import log


@dataclass(frozen=True, slots=True)
class ReceiptReport:
    """One status callback, in our words. ``token`` names the attempt that it was asked for with.

    ``traceparent`` is the request's own: the message's trace has a link to it.
    """

    provider_reference: str
    status: Receipt
    error_code: str | None
    token: str | None
    traceparent: str | None = None


async def keep_receipts(unit: UnitOfWork, reports: Sequence[ReceiptReport]) -> None:
    """Keep receipts, whoever's they are."""
    await outcomes.save_receipts(
        unit.connection,
        ((report.provider_reference, report.status, report.error_code) for report in reports),
        now=unit.now,
    )


async def apply_known_receipts(unit: UnitOfWork, messages: Mapping[str, Message], *, context: Context) -> None:
    """Apply the receipts that came before we knew whose they were, by the provider's reference of each message."""
    known = await outcomes.receipts_of(unit.connection, list(messages))
    await apply_receipts(
        unit,
        [(messages[reference], ReceiptReport(reference, status, code, None)) for reference, status, code in known],
        context=context,
    )


async def apply_receipts(
    unit: UnitOfWork, reports: Sequence[tuple[Message, ReceiptReport]], *, context: Context
) -> None:
    """Move the receipts of locked messages forward; late, repeated and contradicting ones change nothing."""
    latest: dict[int, Receipt] = {}
    applied = []
    for message, report in reports:
        progress = advance(latest.get(message.id, message.receipt), report.status)
        if progress.contradicts:
            log.warning("a receipt contradicts a final one", provider_reference=report.provider_reference)
        if progress.applies:
            latest[message.id] = report.status
            applied.append((message, report))
    if not applied:
        return
    await outcomes.apply_receipts(unit.connection, latest)
    entries = [(message.id, f"receipt: {report.status}", report.error_code) for message, report in applied]
    await outcomes.remember_each(unit.connection, entries, now=unit.now)
    for message, report in applied:
        reference, code = report.provider_reference, report.error_code
        with (
            tracing.following(report.traceparent),
            tracing.span(
                f"receipt {report.status}",
                parent=message.traceparent,
                is_root=False,
                provider_reference=reference,
                channel=message.channel,
                code=code,
            ),
        ):
            if report.status is Receipt.DELIVERED:
                publish_outcome(unit, message, events.DELIVERED, provider_reference=reference)
            elif report.status in NOT_DELIVERED:
                await _not_delivered(unit, message, reference, code or "", context=context)


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
