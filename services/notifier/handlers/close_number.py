"""Close a number for texts, or open it again, and tell everybody who it may belong to."""

from collections.abc import Sequence

from services.notifier.domain.sender import Correspondent
from services.notifier.store import plans, suppressions
from shared.messages.base import Channel
from shared.messages.reply import OPTED_IN, OPTED_OUT, RecipientOpted
from shared.postgres.unit_of_work import UnitOfWork


async def close_number(
    unit: UnitOfWork, who: Correspondent, *, ours: str, kinds: Sequence[str] = ("all",), how: str
) -> bool:
    """Close a number for kinds of text from one of our senders; return False if it was closed for all of them."""
    closed = []
    for kind in kinds:
        if await suppressions.suppress(unit.connection, ours, who.numbers[0], kind=kind, how=how, now=unit.now):
            closed.append(kind)
            _tell(unit, OPTED_OUT, who, kind=kind, how=how)
    return bool(closed)


async def open_number(unit: UnitOfWork, who: Correspondent, *, ours: str, how: str) -> bool:
    """Open a number again and have what was held for it judged anew; return False if it was open (K5)."""
    opened = await suppressions.lift_suppressions(unit.connection, ours, who.numbers, now=unit.now)
    await plans.announce_due(unit.connection)
    if opened:
        _tell(unit, OPTED_IN, who, kind="all", how=how)
    return bool(opened)


def _tell(unit: UnitOfWork, event: str, who: Correspondent, *, kind: str, how: str) -> None:
    """A shared number is told of once for each patient who has it."""
    for clinic_id, patient_ref in who.patients or ((who.clinic_id, None),):
        unit.publish(
            event,
            RecipientOpted(clinic_id=clinic_id, patient_ref=patient_ref, channel=Channel.SMS, kind=kind, how=how),
            subject=patient_ref or who.reply_to,
        )
