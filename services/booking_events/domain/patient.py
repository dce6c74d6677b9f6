"""Who a booking is about: one opaque reference per patient, found again when their details change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.kernel.contact import parse_email, parse_phone
from shared.kernel.errors import PermanentError
from shared.messages.base import Consent
from shared.messages.booking import BookedPatient
from shared.messages.patient import CorrectPatient
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


@dataclass(frozen=True, slots=True)
class Correction:
    """One detail put right by hand: what the booking system said of it, and what holds instead."""

    was: Any
    holds: Any


def correct(patient: Patient, corrections: Mapping[str, Correction]) -> Patient:
    """Return the patient with corrections in force: each until the booking system itself says another thing."""
    held = {name: item.holds for name, item in corrections.items() if details_of(patient)[name] == item.was}
    consent = {name.removeprefix(_CONSENT): held.pop(name) for name in list(held) if name.startswith(_CONSENT)}
    return replace(patient, consent=patient.consent.model_copy(update=consent), **held)


def unknown_person(patient: Patient) -> Patient:
    """Return what is left of a patient whose details were erased."""
    return replace(patient, phone=None, email=None, given_name=None, language="en", time_zone=None, consent=Consent())


def details_of(patient: Patient) -> dict[str, Any]:
    """Return the details that can be corrected, by the names that corrections use."""
    return {
        "phone": patient.phone,
        "email": patient.email,
        "given_name": patient.given_name,
        "language": patient.language,
        "time_zone": patient.time_zone,
        **{f"{_CONSENT}{kind}": agreed for kind, agreed in patient.consent.model_dump().items()},
    }


def read_corrections(wish: CorrectPatient, known: Patient) -> dict[str, Correction]:
    """Read what is to be put right against what the booking system last said.

    Raises:
        PermanentError: a number or an address that cannot be used.
    """
    holds: dict[str, Any] = {
        "given_name": wish.given_name,
        "language": wish.language,
        "time_zone": wish.time_zone,
        **{f"{_CONSENT}{kind}": agreed for kind, agreed in wish.consent.model_dump().items()},
    }
    if wish.phone is not None:
        phone = parse_phone(wish.phone)
        if phone is None:
            raise PermanentError("data.phone: is not a telephone number such as +12125550123")
        holds["phone"] = phone.e164
    if wish.email is not None:
        holds["email"] = parse_email(wish.email)
        if holds["email"] is None:
            raise PermanentError("data.email: is not an address")
    said = details_of(known)
    return {name: Correction(said[name], value) for name, value in holds.items() if value is not None}


_CONSENT = "consent."


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
