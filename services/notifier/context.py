"""What the notifier's handlers share: clinics, senders, limits and the provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from services.notifier.domain.answer import ErrorRule
from services.notifier.domain.message import Address
from services.notifier.providers import sendgrid_errors, twilio_errors
from services.notifier.providers.sendgrid_email import EmailSender, SendGridEmail
from services.notifier.providers.twilio_sms import Sender, TwilioSms
from services.notifier.providers.twilio_voice import TwilioVoice
from services.notifier.templates import TemplateCatalogue
from shared.clinics.model import Clinic, Clinics
from shared.messages.base import Channel
from shared.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Timing:
    """Real-time limits of the send protocol (RELIABILITY.md 3.3)."""

    lease: timedelta = timedelta(seconds=30)
    grace: timedelta = timedelta(seconds=90)
    look_gap: timedelta = timedelta(seconds=30)
    pause: timedelta = timedelta(seconds=15)
    longest_pause: timedelta = timedelta(minutes=5)
    read_within: timedelta = timedelta(seconds=30)
    email_grace: timedelta = timedelta(minutes=10)

    def grace_of(self, channel: Channel) -> timedelta:
        """Return how long after a call evidence may take: an e-mail's comes by itself, in batches."""
        return self.email_grace if channel is Channel.EMAIL else self.grace


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a handler may need beside its unit of work."""

    clinics: Clinics
    catalogue: TemplateCatalogue
    provider: TwilioSms
    default_sender: Sender
    metrics: Metrics
    timing: Timing = field(default_factory=Timing)
    catalogues: Mapping[str, TemplateCatalogue] = field(default_factory=dict)
    voice: TwilioVoice | None = None
    voice_number: str | None = None
    """Where calls come from, where a clinic has no number of its own."""
    email: SendGridEmail | None = None
    email_from: str | None = None
    public_url: str = ""
    only_to: frozenset[str] | None = None
    """A staging guard: where set, nothing leaves for any other number or address."""

    def clinic(self, clinic_id: str) -> Clinic:
        """Return a clinic; one that left the file is treated like the first that stands there, with its window."""
        return self.clinics.get(clinic_id) or next(iter(self.clinics.clinics.values()))

    def sender_of(self, clinic_id: str) -> Sender:
        """Return where a clinic's texts come from."""
        clinic = self.clinics.get(clinic_id)
        if clinic is not None and clinic.sender is not None:
            return Sender(messaging_service_sid=self.default_sender.messaging_service_sid, from_number=clinic.sender)
        return self.default_sender

    @property
    def our_numbers(self) -> tuple[str, ...]:
        """The numbers that patients write to; empty where only a Messaging Service knows them."""
        numbers = [clinic.sender for clinic in self.clinics.clinics.values()]
        if self.default_sender.from_number is None and None in numbers:
            return ()
        return tuple(dict.fromkeys(number or self.default_sender.from_number or "" for number in numbers))

    def catalogue_of(self, clinic_id: str) -> TemplateCatalogue:
        """Return a clinic's templates: ours, but for those that it has put its own in the place of."""
        return self.catalogues.get(clinic_id, self.catalogue)

    def email_sender_of(self, clinic_id: str) -> EmailSender | None:
        """Return whom a clinic's e-mails are from; None where none can be sent."""
        clinic = self.clinic(clinic_id)
        address = clinic.email.sender or self.email_from
        return EmailSender(address, clinic.name) if self.email is not None and address else None

    def sender_name(self, clinic_id: str, channel: Channel) -> str:
        """Return what opt-outs from a clinic are kept under."""
        if channel is not Channel.EMAIL:
            return self.sender_of(clinic_id).name
        sender = self.email_sender_of(clinic_id)
        return sender.address.casefold() if sender else ""

    def can_send(self, clinic_id: str, channel: Channel) -> bool:
        """Return whether anything carries a clinic's messages on a channel."""
        if channel is Channel.EMAIL:
            return self.email_sender_of(clinic_id) is not None
        if channel is Channel.VOICE:
            return self.voice is not None and self.caller_of(clinic_id) is not None
        return True

    def caller_of(self, clinic_id: str) -> str | None:
        """Return the number that a clinic's calls come from; a Messaging Service cannot call."""
        return self.sender_of(clinic_id).from_number or self.voice_number

    def may_reach(self, address: Address) -> bool:
        """Return whether the staging guard lets a number or an address through."""
        return self.only_to is None or address.key in self.only_to

    def unsubscribe_url(self, token: str) -> str:
        """Return where the reader of an e-mail can end them."""
        return f"{self.public_url.rstrip('/')}/unsubscribe/{token}"


def rule_for(channel: Channel, code: str) -> ErrorRule:
    """Return what to do about a provider's code. A call that nobody picked up is its planner's matter."""
    return sendgrid_errors.rule_for(code) if channel is Channel.EMAIL else twilio_errors.rule_for(code)


def scope_of(channel: Channel) -> str:
    """Return the name under which sending through a channel's provider is paused."""
    return "email" if channel is Channel.EMAIL else "provider"
