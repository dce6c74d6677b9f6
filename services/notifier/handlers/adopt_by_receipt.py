"""A signed status callback bearing an attempt's token proves that the provider has the message."""

from services.notifier.context import Context
from services.notifier.handlers.record_answer import adopt
from services.notifier.handlers.take_receipt import ReceiptReport, apply_receipt, keep_receipt
from services.notifier.store import attempts
from shared.postgres.unit_of_work import UnitOfWork


async def adopt_by_receipt(unit: UnitOfWork, report: ReceiptReport, *, context: Context) -> None:
    """Keep a receipt, adopt the message that it proves, and move it forward."""
    owner = await keep_receipt(unit, report)
    if owner is not None:
        message = await attempts.open_message(unit.connection, unit.sealer, owner)
        if message is not None:
            await apply_receipt(
                unit, message, report.provider_reference, report.status, report.error_code, context=context
            )
        return
    named = await attempts.message_of_token(unit.connection, report.token) if report.token else None
    if named is None:
        return  # kept; it is applied when we learn whose it is
    message_id, attempt = named
    message = await attempts.open_message(unit.connection, unit.sealer, message_id)
    if message is not None:
        await attempts.note_result(unit.connection, report.token or "", "Callback", report.provider_reference)
        await adopt(unit, message, report.provider_reference, attempt, context=context)
