"""Who wrote, and how to answer them."""

from dataclasses import dataclass
from datetime import datetime

from shared.clinics.model import Clinic
from shared.messages.base import Consent
from shared.messages.plan import Recipient


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote: the patient where one is known, always the number, and in which language to answer."""

    clinic_id: str
    patient_ref: str | None
    candidates: tuple[str, ...]
    reply_to: str
    phone: str | None
    language: str
    is_opted_out: bool = False
    time_zone: str | None = None

    @property
    def thread(self) -> str:
        """Whom a case is about."""
        return self.patient_ref or self.reply_to

    def as_recipient(self, clinic: Clinic, now: datetime) -> Recipient:
        """Return the number that wrote as the recipient of an answer, kept apart from what is known of patients."""
        return Recipient(
            kind="staff",
            phone=self.phone,
            language=self.language,
            time_zone=self.time_zone or clinic.time_zone,
            consent=Consent(),
            as_of=now,
            reply_to=self.reply_to,
        )
