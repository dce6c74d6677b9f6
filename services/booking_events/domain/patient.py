"""Who a booking is about: one opaque reference per patient, found again when their details change."""

from dataclasses import dataclass
from datetime import datetime

from shared.kernel.contact import parse_email, parse_phone
from shared.messages.base import Consent
from shared.messages.booking import BookedPatient
from shared.messages.plan import Recipient


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient as last heard of. ``phone`` is in E.164 form, or None where nothing can be dialled."""

    patient_ref: str
    clinic_id: str
    phone: str | None
    email: str | None
    given_name: str | None
    language: str
    time_zone: str | None
    consent: Consent
    as_of: datetime

    def recipient(self, *, clinic_zone: str) -> Recipient:
        """Return the snapshot that travels with a plan."""
        return Recipient(
            phone=self.phone,
            email=self.email,
            given_name=self.given_name,
            language=self.language,
            time_zone=self.time_zone or clinic_zone,
            consent=self.consent,
            as_of=self.as_of,
        )


def alias_of(clinic_id: str, source: str, patient: BookedPatient) -> str:
    """Return the name under which a patient is recognised: the source's id, else e-mail, else phone and name.

    Two people may share an address or a telephone, never a patient id: so what is known of an id is never joined with
    what is known of an address.
    """
    if patient.patient_id:
        return f"id|{clinic_id}|{source}|{patient.patient_id}"
    email = parse_email(patient.email)
    if email or patient.email:
        return f"email|{clinic_id}|{(email or patient.email or '').casefold()}"
    phone = parse_phone(patient.phone)
    dialled = phone.e164 if phone else patient.phone
    return f"phone|{clinic_id}|{dialled}|{(patient.given_name or '').strip().casefold()}"


def read_patient(
    patient_ref: str, clinic_id: str, patient: BookedPatient, consent: Consent, *, as_of: datetime
) -> Patient:
    """Read what a booking says of its patient; a number or an address that cannot be used is left out."""
    phone = parse_phone(patient.phone)
    return Patient(
        patient_ref=patient_ref,
        clinic_id=clinic_id,
        phone=phone.e164 if phone else None,
        email=parse_email(patient.email),
        given_name=patient.given_name,
        language=patient.language,
        time_zone=patient.time_zone,
        consent=consent,
        as_of=as_of,
    )
