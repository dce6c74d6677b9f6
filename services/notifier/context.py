"""What the notifier's handlers share: clinics, senders, limits and the provider."""

from dataclasses import dataclass, field
from datetime import timedelta

from services.notifier.providers.twilio_sms import Sender, TwilioSms
from services.notifier.templates import TemplateCatalogue
from shared.clinics.model import Clinic, Clinics
from shared.kernel.contact import PhoneNumber
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


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a handler may need beside its unit of work."""

    clinics: Clinics
    catalogue: TemplateCatalogue
    provider: TwilioSms
    default_sender: Sender
    metrics: Metrics
    timing: Timing = field(default_factory=Timing)
    only_to: frozenset[str] | None = None
    """A staging guard: where set, nothing leaves for any other number."""

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

    def may_reach(self, phone: PhoneNumber) -> bool:
        """Return whether the staging guard lets a number through."""
        return self.only_to is None or phone.e164 in self.only_to
