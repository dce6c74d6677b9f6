"""What a provider's error says of the number or mailbox itself, and whom that concerns."""

from dataclasses import dataclass

from services.notifier.context import Context, rule_for
from services.notifier.domain.answer import Remedy
from services.notifier.domain.message import Message
from services.notifier.handlers.end_message import raise_task
from services.notifier.store import receipts, suppressions
from services.notifier.store.receipts import Addressee
from shared.messages.base import Channel
from shared.messages.reply import OPTED_OUT, RecipientOpted
from shared.postgres.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Holder:
    """A patient whose number or mailbox it is."""

    clinic_id: str
    patient_ref: str


async def heed_error(unit: UnitOfWork, message: Message, code: str, *, context: Context) -> None:
    """Believe the provider's opt-out, remember what leads nowhere, and raise the task that the error table names."""
    rule = rule_for(message.channel, code)
    if rule.remedy is Remedy.SUPPRESS and message.number is not None:
        sender = context.sender_name(message.clinic_id, message.channel)
        await close_address(
            unit, message, channel=message.channel, sender=sender, address=message.number, how=f"provider {code}"
        )
    if message.number is not None and await _leads_nowhere(unit, message, message.number, rule.remedy, code):
        sender = context.sender_name(message.clinic_id, message.channel)
        await suppressions.suppress(
            unit.connection, sender, message.number, kind="unusable", how=f"provider {code}", now=unit.now
        )
    if rule.task is not None and rule.remedy is not Remedy.STOP_SENDING:
        await raise_task(unit, rule.task, message, due_by=message.expires_at)


async def _leads_nowhere(unit: UnitOfWork, message: Message, number: bytes, remedy: Remedy, code: str) -> bool:
    if remedy is Remedy.MARK_IF_REPEATED:
        return await receipts.was_refused_before(unit.connection, number, code, besides=message.id)
    return remedy is Remedy.MARK_UNUSABLE


async def close_address(
    unit: UnitOfWork, whose: Message | Addressee | Holder, *, channel: Channel, sender: str, address: bytes, how: str
) -> bool:
    """Send nothing more to a number or mailbox, and tell everybody; return False if it was closed."""
    if not await suppressions.suppress(unit.connection, sender, address, kind="all", how=how, now=unit.now):
        return False
    unit.publish(
        OPTED_OUT,
        RecipientOpted(
            clinic_id=whose.clinic_id,
            patient_ref=whose.patient_ref,
            channel=channel,
            kind="all",
            how=how.partition(" ")[0],
        ),
        subject=whose.patient_ref,
    )
    return True
