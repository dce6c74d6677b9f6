"""Take in what the e-mail provider reports: each event once, in the order in which things happened."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.notifier.context import Context
from services.notifier.domain.receipt import Receipt
from services.notifier.handlers.adopt_by_receipt import adopt_by_receipt
from services.notifier.handlers.end_emails import end_emails
from services.notifier.handlers.take_receipt import ReceiptReport
from services.notifier.store import receipts
from shared.postgres.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class EmailEvent:
    """One event, in our words. ``at`` is seconds since 1970 by the provider's clock.

    ``status`` is None where it says nothing of delivery; ``objects`` names how the reader asked for no more, if so.
    """

    event_id: str
    token: str
    provider_reference: str
    at: int
    status: Receipt | None
    code: str | None
    objects: str | None


async def take_email_events(unit: UnitOfWork, events: Sequence[EmailEvent], *, context: Context) -> None:
    """Apply the events that are new."""
    new = await receipts.new_events(unit.connection, [event.event_id for event in events], now=unit.now)
    for event in sorted(events, key=lambda event: event.at):
        if event.event_id not in new:
            continue
        new.discard(event.event_id)
        if event.status is not None:
            report = ReceiptReport(event.provider_reference, event.status, event.code, event.token)
            await adopt_by_receipt(unit, report, context=context)
        if event.objects is not None:
            await end_emails(unit, event.token, event.objects, context=context)
