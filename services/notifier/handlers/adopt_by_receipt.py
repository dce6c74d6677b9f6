"""A signed status callback bearing an attempt's token proves that the provider has the message."""

from collections.abc import Sequence

from services.notifier.context import Context
from services.notifier.handlers.record_answer import adopt
from services.notifier.handlers.take_receipt import ReceiptReport, apply_receipts, keep_receipts
from services.notifier.store import attempts
from services.notifier.store.attempts import Proof
from shared.postgres.unit_of_work import UnitOfWork


async def adopt_by_receipts(unit: UnitOfWork, reports: Sequence[ReceiptReport], *, context: Context) -> None:
    """Keep receipts, adopt the messages that they prove, and move those forward."""
    await keep_receipts(unit, reports)
    references = {report.provider_reference for report in reports}
    known = await attempts.open_by_reference(unit.connection, unit.sealer, references)
    ours = [(known[report.provider_reference], report) for report in reports if report.provider_reference in known]
    await apply_receipts(unit, ours, context=context)
    for report in reports:
        if report.provider_reference not in known:
            await _adopt_by_token(unit, report, context=context)


async def adopt_by_receipt(unit: UnitOfWork, report: ReceiptReport, *, context: Context) -> None:
    """Keep a receipt, adopt the message that it proves, and move it forward."""
    await adopt_by_receipts(unit, [report], context=context)


async def _adopt_by_token(unit: UnitOfWork, report: ReceiptReport, *, context: Context) -> None:
    named = await attempts.message_of_token(unit.connection, report.token) if report.token else None
    if named is None:
        return  # kept; it is applied when we learn whose it is
    message_id, attempt = named
    message = await attempts.open_message(unit.connection, unit.sealer, message_id)
    if message is not None:
        await attempts.note_result(unit.connection, report.token or "", "Callback", report.provider_reference)
        await adopt(unit, [Proof(message, attempt, report.provider_reference)], context=context)
