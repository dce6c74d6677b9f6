"""From a message to one request to the provider of its channel, ready to be made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from services.notifier.context import Context
from services.notifier.domain.answer import Answer
from services.notifier.domain.email import EmailContent, calendar_entry, write_email
from services.notifier.domain.message import Address, Message
from services.notifier.domain.rendering import TemplateError, render
from services.notifier.providers.sendgrid_email import Email
from services.notifier.providers.twilio_sms import Text
from services.notifier.providers.twilio_voice import Call
from shared.kernel.contact import EmailAddress, PhoneNumber
from shared.kernel.ids import digest
from shared.messages.base import Channel


@dataclass(frozen=True, slots=True)
class Composed:
    """A request that has not been made. ``words`` is what a listing at the provider is compared with."""

    words: str
    ask: Callable[[], Awaitable[Answer]]


def compose(
    message: Message, address: Address, *, language: str, token: str, context: Context, now: datetime
) -> Composed:
    """Render a message for its channel; ``token`` names the attempt.

    Raises:
        TemplateError: its words cannot be made.
    """
    match address:
        case PhoneNumber() if message.channel is Channel.VOICE:
            return _call(message, address, language=language, token=token, context=context)
        case PhoneNumber():
            return _text(message, address, language=language, token=token, context=context, now=now)
        case EmailAddress():
            return _email(message, address, language=language, token=token, context=context, now=now)


def _text(message: Message, to: PhoneNumber, *, language: str, token: str, context: Context, now: datetime) -> Composed:
    words = render(message.template, language, message.values, context.catalogue_of(message.clinic_id)).text
    text = Text(to, words, context.sender_of(message.clinic_id), token, message.expires_at - now)
    return Composed(words, lambda: context.provider.send(text))


def _call(message: Message, to: PhoneNumber, *, language: str, token: str, context: Context) -> Composed:
    carrier, sender = context.voice, context.caller_of(message.clinic_id)
    if carrier is None or sender is None:
        raise TemplateError("call: nothing places calls here")
    words = render(message.template, language, message.values, context.catalogue_of(message.clinic_id)).text
    call = Call(to, words, language, sender, token)
    return Composed(words, lambda: carrier.ring(call))


def _email(
    message: Message, to: EmailAddress, *, language: str, token: str, context: Context, now: datetime
) -> Composed:
    carrier, sender = context.email, context.email_sender_of(message.clinic_id)
    if carrier is None or sender is None:
        raise TemplateError("email: nothing carries e-mails here")
    words = context.clinic(message.clinic_id).email
    content = write_email(
        message.template,
        message.purpose,
        message.values,
        language=language,
        words=words,
        catalogue=context.catalogue_of(message.clinic_id),
        unsubscribe_url=context.unsubscribe_url(token),
    )
    if words.phi_allowed:
        calendar = _calendar(message, summary=sender.name, now=now)
        content = EmailContent(content.subject, content.text, content.html, calendar)
    email = Email(to, sender, content, token, context.unsubscribe_url(token))
    return Composed(content.text, lambda: carrier.send(email))


def _calendar(message: Message, *, summary: str, now: datetime) -> str | None:
    """Return a calendar entry of the one visit that an e-mail is about; its id stays the same when the visit moves."""
    visits, bookings = message.values.get("visits"), message.values.get("bookings")
    if not (isinstance(visits, list) and isinstance(bookings, list) and len(visits) == len(bookings) == 1):
        return None
    ends_at = visits[0].get("ends_at")
    return calendar_entry(
        uid=digest("visit", message.clinic_id, message.patient_ref, str(bookings[0]))[:32],
        summary=summary,
        phone=str(message.values.get("clinic_phone", "")),
        starts_at=datetime.fromisoformat(visits[0]["starts_at"]),
        ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
        cancelled=message.template == "cancelled",
        now=now,
    )
