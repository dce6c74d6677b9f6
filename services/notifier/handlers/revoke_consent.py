"""Close a number because its holder said so in their own words, or because it is not the patient's (K9, 4.1)."""

from collections.abc import Iterable

from services.notifier.context import Context
from services.notifier.domain.answer import TaskKind
from services.notifier.domain.sender import Correspondent
from services.notifier.handlers.answer_sender import answer_sender
from services.notifier.handlers.close_number import close_number
from services.notifier.handlers.end_message import raise_named_task
from services.notifier.handlers.heed_error import Holder, close_address
from services.notifier.store import claims, received
from shared.messages.base import Channel, Purpose
from shared.messages.envelope import Envelope
from shared.messages.reading import RecipientRevoke
from shared.postgres.unit_of_work import UnitOfWork

_CONFIRMATIONS: dict[tuple[str, ...], str] = {
    ("all",): "opt_out_confirmation",
    ("checkins",): "opt_out_checkins",
    ("reminders",): "opt_out_reminders",
}


def touches(_envelope: Envelope, revoke: RecipientRevoke) -> Iterable[str]:
    """Name what a revocation changes: the number that wrote."""
    return (revoke.reply_to,)


async def _close_mailboxes(unit: UnitOfWork, who: Correspondent, *, how: str, context: Context) -> None:
    """Whoever wants no more contact at all wants no e-mails either (K9)."""
    for clinic_id, patient_ref in who.patients:
        recipient_id = f"patient:{clinic_id}:{patient_ref}"
        contact = (await claims.contacts(unit.connection, unit.sealer, [recipient_id])).get(recipient_id)
        sender = context.sender_name(clinic_id, Channel.EMAIL)
        if contact is not None and contact.email is not None and sender:
            await close_address(
                unit,
                Holder(clinic_id, patient_ref),
                channel=Channel.EMAIL,
                sender=sender,
                address=unit.sealer.lookup(contact.email.key),
                how=how,
            )


async def revoke_consent(unit: UnitOfWork, _envelope: Envelope, revoke: RecipientRevoke, *, context: Context) -> None:
    """Close what was asked to be closed, and confirm it once. A wrong number is told nothing at all."""
    contact = (await claims.contacts(unit.connection, unit.sealer, [revoke.reply_to])).get(revoke.reply_to)
    if contact is None or contact.phone is None:
        return
    numbers = unit.sealer.lookups(contact.phone.e164)
    patients = tuple(await received.patients_with_number(unit.connection, numbers))
    who = Correspondent(revoke.clinic_id, patients, tuple(numbers))
    clinic, ours = context.clinic(revoke.clinic_id), context.sender_of(revoke.clinic_id).name
    kinds = ("all",) if "all" in revoke.kinds else revoke.kinds
    closed = await close_number(unit, who, ours=ours, kinds=kinds, how=revoke.how)
    if Channel.EMAIL in revoke.channels:
        await _close_mailboxes(unit, who, how=revoke.how, context=context)
    if revoke.how == "wrong_number":
        await raise_named_task(
            unit,
            TaskKind.WRONG_NUMBER,
            cause=f"{revoke.reply_to}:{revoke.provider_reference}",
            clinic_id=revoke.clinic_id,
            patient_ref=who.patient_ref,
            references={"provider_reference": revoke.provider_reference},
        )
    elif closed:
        await answer_sender(
            unit,
            who,
            clinic,
            purpose=Purpose.OPT_OUT_CONFIRMATION,
            template=_CONFIRMATIONS.get(tuple(kinds), "opt_out_confirmation"),
            cause=revoke.provider_reference,
            language=revoke.language or contact.language,
        )
