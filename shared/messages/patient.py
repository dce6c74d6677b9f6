"""``patient.*.v1``: what a person at the clinic asks of everything that is known of one patient."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from shared.messages.base import AboutPatient, Identifier, LanguageTag, ShortText, TimeZoneName, WireModel

EXPORT = "patient.export.v1"
ERASE = "patient.erase.v1"
CORRECT = "patient.correct.v1"


class PatientRequest(AboutPatient):
    """Asks every service; each records that it has done its part. ``who`` asked."""

    request_id: Identifier
    who: Annotated[str, Field(min_length=1, max_length=60)]


class ExportPatient(PatientRequest):
    """Command: collect everything that is known of a patient, sealed, for the person who asked."""


class ErasePatient(PatientRequest):
    """Command: forget a patient's words, numbers and names. What was done stays written down, without them."""


class CorrectedConsent(WireModel):
    """Consents that were given or taken back by hand; None leaves one as it is."""

    reminders: bool | None = None
    checkins: bool | None = None
    email: bool | None = None


class CorrectPatient(PatientRequest):
    """Command: put details right by hand. A correction holds until the booking system itself says another thing."""

    phone: ShortText | None = None
    email: ShortText | None = None
    given_name: ShortText | None = None
    language: LanguageTag | None = None
    time_zone: TimeZoneName | None = None
    consent: CorrectedConsent = CorrectedConsent()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        details = (self.phone, self.email, self.given_name, self.language, self.time_zone)
        consents = (self.consent.reminders, self.consent.checkins, self.consent.email)
        if all(value is None for value in (*details, *consents)):
            raise ValueError("nothing to correct")
        return self
