"""Reading Cal.com's deliveries."""

import hashlib
import hmac
import json

import pytest

from services.booking_events.domain.appointment import Status
from services.booking_events.domain.calcom import (
    Became,
    Booked,
    Cancelled,
    Ignored,
    is_signed,
    open_delivery,
    read_delivery,
)
from shared.clinics.model import CalCom
from shared.kernel.errors import PermanentError
from shared.messages.base import Consent
from shared.messages.booking import Modality, VisitKind
from tests.builders import ROOT, ny

RULES = CalCom(visits={"first-visit": "consultation"}, consent_questions={"checkins": "checkins-by-text"})


def fixture(name, **payload):
    content = json.loads((ROOT / "tests" / "fixtures" / "calcom" / f"{name}.json").read_text())
    if payload:
        content["payload"] |= payload
    return content


def read(content):
    return read_delivery(open_delivery(content), "harbor", RULES)


def test_a_booking_is_read_whole():
    booked = read(fixture("created"))
    assert isinstance(booked, Booked)
    booking = booked.booking
    assert (booking.booking_id, booking.visit_kind, booking.modality) == (
        "uid-first",
        VisitKind.INFUSION,
        Modality.IN_PERSON,
    )
    assert (booking.starts_at, booking.ends_at) == (ny("2026-12-04 10:00"), ny("2026-12-04 12:10"))
    patient = booking.patient
    assert (patient.given_name, patient.phone, patient.email) == ("Ana", "+12125550123", "ana@example.org")
    assert (patient.language, patient.time_zone) == ("es", "America/New_York")
    assert booking.consent == Consent(reminders=True, checkins=True)


def test_a_move_is_a_new_booking_and_the_end_of_the_old_one():
    moved = read(fixture("rescheduled"))
    assert isinstance(moved, Booked)
    assert moved.moved_from is not None
    assert (moved.booking.booking_id, moved.moved_from.booking_id) == ("uid-second", "uid-first")
    assert moved.moved_from.starts_at == ny("2026-12-04 10:00")


def test_a_move_that_keeps_its_uid_ends_nothing():
    assert read(fixture("rescheduled", rescheduleUid="uid-second")).moved_from is None


def test_a_meeting_that_ended_has_no_wrapper_and_speaks_of_open_bookings_only():
    assert read(fixture("meeting_ended")) == Became(
        "uid-first", Status.COMPLETED, ny("2026-12-04 12:10"), of=(Status.BOOKED,)
    )


def test_a_no_show_can_be_taken_back():
    missed, came = fixture("no_show"), fixture("no_show", attendees=[{"email": "a@b.org", "noShow": False}])
    assert (read(missed).status, read(came).status) == (Status.NO_SHOW, Status.COMPLETED)


def test_a_cancellation_is_read_with_and_without_its_attendee():
    assert isinstance(read(fixture("cancelled")), Cancelled)
    assert read(fixture("cancelled", attendees=[])).status is Status.CANCELLED


def test_a_visit_by_video_has_its_link_and_its_number_in_the_other_place():
    booking = read(fixture("created_by_video")).booking
    assert (booking.modality, booking.join_url) == (Modality.TELEMEDICINE, "https://video.example.org/abc")
    assert (booking.visit_kind, booking.patient.phone) == (VisitKind.CONSULTATION, "(212) 555-0177")
    assert booking.consent == Consent(reminders=True)


@pytest.mark.parametrize(
    "place",
    [
        {"attendees": [{"name": "Ana", "email": "a@b.org", "phoneNumber": "+12125550188"}]},
        {"responses": {"attendeePhoneNumber": {"label": "phone", "value": "+12125550188"}}},
        {"responses": {"smsReminderNumber": {"label": "phone", "value": "+12125550188"}}},
        {"responses": {"location": {"label": "where", "value": {"value": "phone", "optionValue": "+12125550188"}}}},
        {"responses": {"attendeePhoneNumber": "+12125550188"}},
        {"responses": {}, "smsReminderNumber": "+12125550188"},
        {"responses": {"attendeePhoneNumber": {"value": "n/a"}, "smsReminderNumber": {"value": "+12125550188"}}},
    ],
)
def test_the_number_is_found_wherever_it_was_asked_for(place):
    assert read(fixture("created", **{"responses": {}, **place})).booking.patient.phone == "+12125550188"


def test_without_a_number_nothing_is_agreed_to_by_giving_it():
    assert read(fixture("created", responses={})).booking.consent == Consent()


@pytest.mark.parametrize(
    ("answer", "agreed"), [(True, True), (False, False), ("no", False), ("Yes", True), ([], False), (["ok"], True)]
)
def test_a_consent_is_what_was_answered(answer, agreed):
    responses = {"checkins-by-text": {"label": "?", "value": answer}}
    assert read(fixture("created", responses=responses)).booking.consent.checkins is agreed


def test_an_address_that_cal_com_made_up_is_none():
    someone = {"name": "Ana", "email": "12125550123-x@sms.cal.com", "phoneNumber": "+12125550123"}
    assert read(fixture("created", attendees=[someone])).booking.patient.email is None


@pytest.mark.parametrize(
    "content",
    [
        fixture("ping"),
        fixture("created", status="PENDING"),
        {"triggerEvent": "BOOKING_REQUESTED", "payload": {}},
        {"triggerEvent": "FORM_SUBMITTED"},
        {"triggerEvent": "OOO_CREATED", "createdAt": "2026-11-20T17:00:00.000Z", "payload": {"oooEntry": {}}},
    ],
)
def test_what_is_no_matter_of_visits_is_ignored(content):
    assert read(content) == Ignored()


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"createdAt": "2026-11-20T17:00:00.000Z"}, "triggerEvent"),
        ({"triggerEvent": "BOOKING_CREATED", "createdAt": "2026-11-20T17:00:00.000Z"}, "payload"),
        (fixture("created", startTime="tomorrow"), "payload.startTime"),
        (fixture("created", uid=""), "payload.uid"),
        (fixture("created", attendees=[]), "payload.attendees"),
        (fixture("created", attendees=[{"name": "Ana"}], responses={}), "payload.attendees.0"),
        ({**fixture("created"), "createdAt": None}, "createdAt"),
        ({"triggerEvent": "MEETING_ENDED", "uid": "x"}, "endTime"),
    ],
)
def test_a_mistake_names_its_field_and_no_value(content, field):
    with pytest.raises(PermanentError, match=f"^{field}: ") as caught:
        read(content)
    assert "Ana" not in caught.value.reason


def test_only_the_secrets_own_signature_counts():
    body = b'{"triggerEvent":"PING"}'
    good = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert is_signed("s3cret", good, body)
    bad = [None, "", "no-secret-provided", good[:-1], f"sha256={good}", "é" * 64]
    assert not any(is_signed("s3cret", header, body) for header in bad)
    assert not is_signed("s3cret", good, body + b" ")
    assert not any(is_signed(secret, "no-secret-provided", body) for secret in (None, "", "no-secret-provided"))
