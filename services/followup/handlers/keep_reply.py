"""Keep a reply, and have a person read what no keyword explains."""

from collections.abc import Iterable

from services.followup import store
from shared.kernel.ids import digest
from shared.messages.envelope import Envelope
from shared.messages.reading import MESSAGE_READ, MessageRead
from shared.messages.reply import HandledAs, MessageReceived
from shared.messages.staff_task import RAISED, StaffTaskRaised
from shared.postgres.unit_of_work import UnitOfWork

_TASK = "reply_to_read"


def touches(_envelope: Envelope, reply: MessageReceived) -> Iterable[str]:
    """Name what a reply changes: its patient, or the unknown number that it came from."""
    return (f"patient:{reply.patient_ref or reply.reply_to}",)


async def keep_reply(unit: UnitOfWork, _envelope: Envelope, reply: MessageReceived) -> None:
    """Keep a reply; unless it was a keyword, ask a person to read it."""
    needs_reader = reply.handled_as is HandledAs.NONE
    task_id = digest("followup", _TASK, reply.provider_reference)[:32] if needs_reader else None
    new = await store.save_reply(unit.connection, unit.sealer, reply, task_id=task_id, now=unit.now)
    unit.publish(
        MESSAGE_READ,
        MessageRead(clinic_id=reply.clinic_id, provider_reference=reply.provider_reference),
        subject=reply.provider_reference,
    )
    if new and task_id is not None:
        unit.publish(
            RAISED,
            StaffTaskRaised(
                task_id=task_id,
                clinic_id=reply.clinic_id,
                patient_ref=reply.patient_ref,
                kind=_TASK,
                references={"provider_reference": reply.provider_reference},
            ),
            subject=task_id,
        )
