"""A reader wants no more e-mails: by one click, by the page behind it, or by a complaint to the provider."""

from dataclasses import dataclass

from services.notifier.context import Context
from services.notifier.handlers.heed_error import close_address
from services.notifier.store import claims, outcomes, receipts
from shared.messages.base import Channel
from shared.postgres.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Reader:
    """Who holds an unsubscribe link, as far as a page may show it: the clinic, and the language to speak."""

    clinic_name: str
    clinic_phone: str
    language: str


async def find_reader(unit: UnitOfWork, token: str, *, context: Context) -> Reader | None:
    """Return whose link a token makes; None for a token that we never gave out."""
    addressee = await receipts.addressee_of_token(unit.connection, token)
    if addressee is None:
        return None
    contacts = await claims.contacts(unit.connection, unit.sealer, [addressee.recipient_id])
    contact = contacts.get(addressee.recipient_id)
    clinic = context.clinic(addressee.clinic_id)
    spoken = contact.language.partition("-")[0].lower() if contact else "en"
    return Reader(clinic.name, clinic.phone, spoken)


async def end_emails(unit: UnitOfWork, token: str, how: str, *, context: Context) -> None:
    """Send no more e-mails to the mailbox that an attempt's e-mail went to."""
    addressee = await receipts.addressee_of_token(unit.connection, token)
    if addressee is None:
        return
    sender = context.sender_name(addressee.clinic_id, Channel.EMAIL)
    if await close_address(unit, addressee, channel=Channel.EMAIL, sender=sender, address=addressee.address, how=how):
        await outcomes.remember(unit.connection, addressee.message_id, "e-mails ended", now=unit.now, detail=how)
