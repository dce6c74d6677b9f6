"""What the reception on this machine writes down, and the bookings that it tells of."""

import json

from cli.visits import Book, Person, Visit, event_of, read_book
from cli.window import somebody_looks
from shared.messages.booking import CANCELLED, COMPLETED, Booking, VisitKind
from tests.builders import ny

SAM = Person("pt_sam", "Sam", "+12125550160", email="sam@example.org", checkins=False)


def visit(booking_id="bk_1", kind=VisitKind.INFUSION, **changes):
    return Visit(booking_id, "harbor", changes.pop("person", SAM), kind, ny("2026-12-01 10:00"), 1, **changes)


def test_a_visit_is_told_of_as_the_wire_contract_asks():
    booking = Booking.model_validate(visit().booking())
    assert (booking.revision, booking.starts_at, booking.ends_at) == (1, ny("2026-12-01 10:00"), ny("2026-12-01 12:10"))
    assert (booking.patient.given_name, booking.patient.phone) == ("Sam", "+12125550160")
    assert booking.consent.model_dump() == {"reminders": True, "checkins": False, "email": True}


def test_every_change_is_a_revision_of_its_own():
    moved = visit().moved(ny("2026-12-02 09:00"))
    done = moved.ended(COMPLETED)
    assert [one.revision for one in (visit(), moved, done)] == [1, 2, 3]
    assert (done.status, done.starts_at) == ("completed", ny("2026-12-02 09:00"))


def test_a_cancelled_infusion_does_not_count_in_the_course():
    book = Book()
    for one in (visit("a"), visit("b").ended(CANCELLED), visit("c", VisitKind.FOLLOW_UP), visit("d").ended(COMPLETED)):
        book.keep(one)
    assert book.next_infusion(SAM.phone) == 3
    assert book.next_infusion("+12125550199") == 1


def test_new_details_of_a_patient_hold_for_all_visits():
    book = Book()
    book.keep(visit("a"))
    book.keep(visit("b", person=Person("pt_sam", "Sam", SAM.phone, language="es")))
    assert {one.person.language for one in book.visits.values()} == {"es"}
    assert book.person(SAM.phone).language == "es"


def test_what_was_written_down_is_read_again():
    book = Book()
    book.keep(visit("a"))
    book.keep(visit("b").ended(CANCELLED))
    assert read_book(book.as_json()) == book
    assert read_book("[]") == Book()


def test_an_event_has_an_envelope_of_its_own():
    message = event_of(CANCELLED, visit().booking(), source="demo", at=ny("2026-11-30 10:00"))
    envelope = json.loads(message.body)
    assert (message.routing_key, envelope["id"], envelope["source"]) == (CANCELLED, message.message_id, "demo")
    assert message.message_id != event_of(CANCELLED, {}, source="demo", at=ny("2026-11-30 10:00")).message_id


def test_a_window_is_opened_only_for_a_person_at_a_desktop():
    desktop = {"DISPLAY": ":0"}
    assert somebody_looks(desktop, is_terminal=True)
    assert somebody_looks({"WAYLAND_DISPLAY": "wayland-0"}, is_terminal=True)
    assert not somebody_looks(desktop, is_terminal=False)
    assert not somebody_looks({}, is_terminal=True)
    assert not somebody_looks({**desktop, "CI": "true"}, is_terminal=True)
