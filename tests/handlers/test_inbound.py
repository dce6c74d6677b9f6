"""What patients send back: kept first, keywords acted on at once."""

from datetime import timedelta

from shared.messages import reply
from tests.builders import ny


async def test_stop_closes_the_number_and_says_that_the_visit_stands(rooms):  # K6, K7
    await rooms.book()
    events = await rooms.receive("Stop.")
    assert [event.type for event in events] == [reply.RECEIVED, reply.OPTED_OUT]
    await rooms.until(ny("2026-12-05 12:00"))
    assert rooms.texts() == [
        "Harbor Clinic: you will get no more texts from us. Your appointments are NOT cancelled. "
        "Call (212) 555-0100 to change one. Reply START to resume."
    ]
    rows = await rooms.rows("SELECT DISTINCT outcome, reason FROM notifier.messages WHERE subject LIKE 'reminders:%%'")
    assert [(row["outcome"], row["reason"]) for row in rows] == [("dropped", "opted_out")]


async def test_start_brings_back_what_is_still_of_use(rooms):
    await rooms.book()
    await rooms.receive("STOP")
    await rooms.until(ny("2026-12-02 12:00"))
    await rooms.receive("start")
    await rooms.send()
    await rooms.until(ny("2026-12-05 12:00"))
    assert "you will get our texts again" in rooms.texts()[1]
    assert any("no food" in text for text in rooms.texts()[2:])


async def test_a_text_that_comes_twice_is_taken_once(rooms):
    first = await rooms.receive("STOP", sid="SM1")
    again = await rooms.receive("STOP", sid="SM1")
    assert (len(first), again) == (2, [])


async def test_a_second_stop_is_not_answered(rooms):
    await rooms.receive("STOP")
    await rooms.receive("STOP")
    await rooms.send()
    assert len(rooms.texts()) == 1


async def test_help_is_answered_in_the_patients_language_but_not_for_ever(rooms):
    await rooms.book(patient={"language": "es"})
    for _ in range(9):
        await rooms.receive("AYUDA")
        rooms.clock.advance(timedelta(minutes=1))
        await rooms.send()
    answers = [text for text in rooms.texts() if text.startswith("Textos de Harbor Clinic")]
    assert len(answers) == 6
    dropped = await rooms.rows("SELECT reason FROM notifier.messages WHERE outcome = 'dropped'")
    assert {row["reason"] for row in dropped} == {"too_many_in_an_hour"}


async def test_a_lone_cancel_closes_the_number_and_asks_a_person(rooms):  # K3
    await rooms.book()
    await rooms.receive("CANCEL")
    assert [row["kind"] for row in await rooms.rows("SELECT kind FROM notifier.staff_tasks")] == ["maybe_cancels_visit"]
    assert [row["status"] for row in await rooms.rows("SELECT status FROM booking_events.appointments")] == ["booked"]


async def test_other_words_are_kept_and_passed_on_and_not_answered(rooms):
    await rooms.book()
    (event,) = await rooms.receive("running late, traffic")
    assert event.type == reply.RECEIVED
    assert event.data["handled_as"] == "none"
    assert [candidate["clinic_id"] for candidate in event.data["candidates"]] == ["harbor"]
    await rooms.send()
    assert rooms.texts() == []


async def test_a_shared_number_has_several_candidates_and_no_patient(rooms):
    await rooms.book(patient={"patient_id": "p-1"})
    await rooms.book(booking_id="bk_2", patient={"patient_id": "p-2"})
    (event,) = await rooms.receive("hello")
    assert len(event.data["candidates"]) == 2
    assert "patient_ref" not in event.data


async def test_a_stranger_is_kept_too(rooms):
    (event,) = await rooms.receive("who is this", phone="+12125559999")
    assert event.data["candidates"] == []
    assert event.data["reply_to"].startswith("number:")
