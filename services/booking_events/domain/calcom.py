"""Reading what Cal.com posts, in our words.

After Cal.com's ``sendPayload.ts`` and ``scheduleTrigger.ts`` (2025): events stand in a wrapper ``{triggerEvent,
createdAt, payload}``, but ``MEETING_ENDED`` is the booking itself beside ``triggerEvent``, as it was when it was made.
A move is a new booking with a new ``uid`` whose ``rescheduleUid`` names the old one, which is not cancelled.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from services.booking_events.domain.appointment import Status
from shared.clinics.model import CalCom, ConsentKind
from shared.kernel.contact import parse_phone
from shared.kernel.errors import PermanentError
from shared.messages.base import Consent, Identifier, Instant, JsonObject, WireModel, is_known_zone
from shared.messages.booking import BookedPatient, Booking, Modality, VisitKind
from shared.messages.envelope import validate

SOURCE = "calcom"
_PHONE_ONLY = "@sms.cal.com"  # what Cal.com makes up as the address of somebody who gave a number only
_BY_TELEPHONE = ("phone", "userPhone")
_LONGEST_URL = 500


class _CalComModel(WireModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Language(_CalComModel):
    locale: Annotated[str, Field(max_length=20)] = "en"


class _Attendee(_CalComModel):
    name: Annotated[str, Field(max_length=200)] | None = None
    first_name: Annotated[str, Field(max_length=200)] | None = None
    email: Annotated[str, Field(max_length=254)] | None = None
    phone_number: Annotated[str, Field(max_length=40)] | None = None
    time_zone: Annotated[str, Field(max_length=60)] | None = None
    language: _Language | None = None
    no_show: bool | None = None


class _Event(_CalComModel):
    """A booking as the event triggers carry it."""

    uid: Identifier
    type: Annotated[str, Field(max_length=200)] | None = None
    status: Annotated[str, Field(max_length=40)] | None = None
    start_time: Instant
    end_time: Instant | None = None
    attendees: tuple[_Attendee, ...] = ()
    responses: dict[str, Any] | None = None
    location: Annotated[str, Field(max_length=1000)] | None = None
    metadata: dict[str, Any] | None = None
    video_call_data: dict[str, Any] | None = None
    sms_reminder_number: Annotated[str, Field(max_length=40)] | None = None
    reschedule_uid: Identifier | None = None
    reschedule_start_time: Instant | None = None
    reschedule_end_time: Instant | None = None


class _NoShow(_CalComModel):
    booking_uid: Identifier
    attendees: tuple[_Attendee, ...] = ()


class _Ended(_CalComModel):
    uid: Identifier
    end_time: Instant


class CalComDelivery(_CalComModel):
    """One delivery. ``MEETING_ENDED`` has its booking outside any wrapper, so everything else is kept as it came."""

    model_config = ConfigDict(extra="allow")

    trigger_event: Identifier
    created_at: Instant | None = None
    payload: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking stands; it takes the place of ``moved_from``, where it was moved."""

    booking: Booking
    moved_from: Booking | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A booking was cancelled or refused."""

    booking: Booking


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a booking that is known by its id only. It takes effect on a booking in one of ``of``."""

    uid: str
    status: Status
    at: datetime
    of: tuple[Status, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that concerns a visit, or not yet."""


Said = Booked | Cancelled | Became | Ignored


def is_signed(secret: str | None, header: str | None, body: bytes) -> bool:
    """Return whether the secret signed the body: ``X-Cal-Signature-256``, hex HMAC-SHA256.

    Without a secret of its own Cal.com sends the words ``no-secret-provided``, which prove nothing.
    """
    if not secret or not header or not header.isascii():
        return False
    return hmac.compare_digest(hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(), header.strip().lower())


def open_delivery(content: JsonObject) -> CalComDelivery:
    """Read a delivery's outer form.

    Raises:
        PermanentError: it has no trigger.
    """
    return validate(CalComDelivery, content, at="")


def read_delivery(delivery: CalComDelivery, clinic_id: str, rules: CalCom) -> Said:
    """Say what a delivery means.

    Raises:
        PermanentError: a field is missing or cannot be read; the reason names it and holds no value.
    """
    match delivery.trigger_event:
        case "BOOKING_CREATED" | "BOOKING_RESCHEDULED":
            return _read_booked(delivery, clinic_id, rules)
        case "BOOKING_CANCELLED" | "BOOKING_REJECTED":
            return _read_cancelled(delivery, clinic_id, rules)
        case "MEETING_ENDED":
            ended = validate(_Ended, delivery.payload or delivery.model_dump(by_alias=True), at="")
            # It comes by the calendar: it says nothing against a cancellation or a no-show.
            return Became(ended.uid, Status.COMPLETED, ended.end_time, of=(Status.BOOKED,))
        case "BOOKING_NO_SHOW_UPDATED":
            return _read_no_show(delivery)
        case _:
            return Ignored()


def _read_booked(delivery: CalComDelivery, clinic_id: str, rules: CalCom) -> Said:
    event, at = _event(delivery), _created_at(delivery)
    if event.status == "PENDING":
        return Ignored()  # waits for the organiser's yes, which comes as a delivery of its own
    booking = _booking(event, at, clinic_id, rules)
    old = event.reschedule_uid
    if old is None or old == event.uid:
        return Booked(booking)
    was = {
        "booking_id": old,
        "starts_at": event.reschedule_start_time or booking.starts_at,
        "ends_at": event.reschedule_end_time if event.reschedule_start_time else booking.ends_at,
    }
    return Booked(booking, moved_from=booking.model_copy(update=was))


def _read_cancelled(delivery: CalComDelivery, clinic_id: str, rules: CalCom) -> Said:
    event, at = _event(delivery), _created_at(delivery)
    if not event.attendees:
        return Became(event.uid, Status.CANCELLED, at, of=tuple(Status))
    return Cancelled(_booking(event, at, clinic_id, rules))


def _read_no_show(delivery: CalComDelivery) -> Said:
    report, at = validate(_NoShow, delivery.payload, at="payload"), _created_at(delivery)
    if not report.attendees:
        return Ignored()
    if report.attendees[0].no_show:
        return Became(report.booking_uid, Status.NO_SHOW, at, of=(Status.BOOKED, Status.COMPLETED))
    return Became(report.booking_uid, Status.COMPLETED, at, of=(Status.NO_SHOW,))


def _event(delivery: CalComDelivery) -> _Event:
    return validate(_Event, delivery.payload, at="payload")


def _created_at(delivery: CalComDelivery) -> datetime:
    if delivery.created_at is None:
        raise PermanentError("createdAt: needed to put events in order")
    return delivery.created_at


def _booking(event: _Event, at: datetime, clinic_id: str, rules: CalCom) -> Booking:
    if not event.attendees:
        raise PermanentError("payload.attendees: nobody is named")
    responses = {name: _value(answer) for name, answer in (event.responses or {}).items()}
    modality, join_url = _place(event)
    phone = _phone(event, responses)
    return Booking(
        booking_id=event.uid,
        occurred_at=at,
        clinic_id=clinic_id,
        visit_kind=_visit_kind(event, modality, rules),
        modality=modality,
        starts_at=event.start_time,
        ends_at=event.end_time if event.end_time and event.end_time > event.start_time else None,
        join_url=join_url,
        patient=_patient(event.attendees[0], responses, phone),
        consent=_consent(responses, rules, gave_number=phone is not None),
    )


def _visit_kind(event: _Event, modality: Modality, rules: CalCom) -> VisitKind:
    named = rules.visits.get(event.type or "")
    return named or (VisitKind.CONSULTATION if modality is Modality.TELEMEDICINE else rules.otherwise)


def _patient(attendee: _Attendee, responses: dict[str, Any], phone: str | None) -> BookedPatient:
    email = attendee.email if attendee.email and not attendee.email.lower().endswith(_PHONE_ONLY) else None
    zone = attendee.time_zone
    name = _given_name(attendee, responses)
    if not email and not (phone and name):
        raise PermanentError("payload.attendees.0: needs an email, or a name and a phone number")
    return BookedPatient(
        given_name=name,
        phone=phone,
        email=email,
        language=_language(attendee),
        time_zone=zone if zone and is_known_zone(zone) else None,
    )


def _given_name(attendee: _Attendee, responses: dict[str, Any]) -> str | None:
    named = responses.get("name")
    first = named.get("firstName") if isinstance(named, dict) else None
    words = str(attendee.first_name or first or attendee.name or "").split()
    return words[0] if words else None


def _language(attendee: _Attendee) -> str:
    locale = attendee.language.locale if attendee.language else ""
    plain = locale.replace("_", "-")
    return plain if len(plain) >= 2 and plain.replace("-", "").isalnum() and plain[0].isalpha() else "en"


def _phone(event: _Event, responses: dict[str, Any]) -> str | None:
    """Return the patient's number: Cal.com keeps it in several places, depending on how it was asked for."""
    given = [text for text in _numbers(event, responses) if isinstance(text, str) and text.strip()]
    return next((text for text in given if parse_phone(text)), given[0] if given else None)


def _numbers(event: _Event, responses: dict[str, Any]) -> Iterator[Any]:
    yield responses.get("attendeePhoneNumber")
    yield event.attendees[0].phone_number
    yield responses.get("smsReminderNumber")
    yield event.sms_reminder_number
    yield responses.get("phone")
    place = responses.get("location")
    if isinstance(place, dict) and place.get("value") == "phone":
        yield place.get("optionValue")


def _place(event: _Event) -> tuple[Modality, str | None]:
    """Return where a visit takes place, and the link to it."""
    location = event.location or ""
    links = [
        (event.metadata or {}).get("videoCallUrl"),
        (event.video_call_data or {}).get("url"),
        location,
    ]
    link = next((text for text in links if _is_link(text)), None)
    by_video = link is not None or location.startswith("integrations:")
    by_telephone = location in _BY_TELEPHONE
    return (Modality.TELEMEDICINE if by_video or by_telephone else Modality.IN_PERSON), link


def _is_link(text: Any) -> bool:
    fits = isinstance(text, str) and text.startswith("https://") and len(text) <= _LONGEST_URL
    return fits and not any(char.isspace() for char in text)


def _consent(responses: dict[str, Any], rules: CalCom, *, gave_number: bool) -> Consent:
    implied = rules.giving_a_number_means if gave_number else ()
    kinds: Iterable[ConsentKind] = ("reminders", "checkins", "email")
    return Consent(**{kind: _agrees(responses, rules.consent_questions.get(kind), kind in implied) for kind in kinds})


def _agrees(responses: dict[str, Any], question: str | None, otherwise: bool) -> bool:  # noqa: FBT001 - a plain yes or no
    """Return the answer to a booking question: a tick, a yes, or a choice; ``otherwise`` where it was not asked."""
    if question is None or question not in responses:
        return otherwise
    answer = responses[question]
    if isinstance(answer, str):
        return answer.strip().casefold() in ("true", "yes", "y", "si", "sí", "on", "1")
    return bool(answer)


def _value(answer: Any) -> Any:
    return answer.get("value") if isinstance(answer, dict) and ("label" in answer or "value" in answer) else answer
