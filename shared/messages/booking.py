"""``booking.*.v1``: what a booking system tells us. Always the full snapshot."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from shared.messages.base import (
    Consent,
    Identifier,
    Instant,
    LanguageTag,
    ShortText,
    TimeZoneName,
    WireModel,
)

CREATED = "booking.created.v1"
RESCHEDULED = "booking.rescheduled.v1"
CANCELLED = "booking.cancelled.v1"
COMPLETED = "booking.completed.v1"
NO_SHOW = "booking.no_show.v1"
BOOKING_TYPES = (CREATED, RESCHEDULED, CANCELLED, COMPLETED, NO_SHOW)


class VisitKind(StrEnum):
    """What the visit is for. Never shown to the patient."""

    INFUSION = "infusion"
    CONSULTATION = "consultation"
    FOLLOW_UP = "follow_up"


class Modality(StrEnum):
    """Where the visit takes place."""

    IN_PERSON = "in_person"
    TELEMEDICINE = "telemedicine"


class Series(WireModel):
    """The place of an infusion in its course, for example the second of six."""

    number: Annotated[int, Field(ge=1, le=1000)]
    of: Annotated[int, Field(ge=1, le=1000)] | None = None


class BookedPatient(WireModel):
    """The patient as the booking system knows them."""

    patient_id: Identifier | None = None
    given_name: ShortText | None = None
    phone: ShortText | None = None
    email: ShortText | None = None
    language: LanguageTag = "en"
    time_zone: TimeZoneName | None = None

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        if not (self.patient_id or self.email or (self.phone and self.given_name)):
            raise ValueError("needs patient_id, or email, or phone and given_name, to tell patients apart")
        return self


class Booking(WireModel):
    """One booking, whole, as of ``revision`` (or, where a feed counts no revisions, as of ``occurred_at``)."""

    booking_id: Identifier
    revision: Annotated[int, Field(ge=0, lt=2**62)] | None = None
    occurred_at: Instant | None = None
    clinic_id: Identifier
    visit_kind: VisitKind
    modality: Modality = Modality.IN_PERSON
    starts_at: Instant
    ends_at: Instant | None = None
    series: Series | None = None
    join_url: Annotated[str, StringConstraints(max_length=500, pattern=r"^https://\S+$")] | None = None
    patient: BookedPatient
    consent: Consent

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at is not after starts_at")
        return self
