"""What booking systems do to a patient's calendar, and what the patient hears of it."""

from datetime import timedelta

import pytest

from shared.clinics.model import Clinics
from shared.messages import booking as events
from tests.chaos.reading import Kind, read
from tests.rooms import open_rooms
from tests.stories.telling import Telling, at, story_clinics

FRIDAY = at("2026-12-04 10:00")
MONDAY = at("2026-12-07 14:00")
AFTER = at("2026-12-20 12:00")


def kinds(story, patient):
    return [read(text).kind for text in story.said_to(patient)]


async def test_thirty_minutes_ahead(story):  # R3
    patient = story.patient()
    await story.book(patient, "bk_1", story.now + timedelta(minutes=30))
    await story.end(AFTER)
    [text] = story.said_to(patient)
    assert "no food after" in text
    tasks = {row["kind"] for row in await story.rooms.rows("SELECT kind FROM booking_events.staff_tasks")}
    assert "booked_inside_fasting" in tasks


async def test_thirty_minutes_ahead_at_night_is_a_task_and_no_text(story):
    patient = story.patient()
    await story.until(at("2026-11-24 05:00"))
    await story.book(patient, "bk_1", at("2026-11-24 05:30"))
    await story.end(AFTER)
    assert story.said_to(patient) == []
    tasks = {row["kind"] for row in await story.rooms.rows("SELECT kind FROM booking_events.staff_tasks")}
    assert "change_not_texted_in_time" in tasks


async def test_a_minute_before_nothing_is_of_use(story):
    patient = story.patient()
    await story.book(patient, "bk_1", story.now + timedelta(seconds=70))
    await story.end(AFTER)
    assert story.said_to(patient) == []


async def test_in_the_past(story):
    patient = story.patient()
    await story.book(patient, "bk_1", story.now - timedelta(hours=2))
    await story.book(patient, "bk_2", story.now - timedelta(days=3))
    await story.move(patient, "bk_2", story.now - timedelta(days=2), 2)
    await story.cancel(patient, "bk_1", 2)
    await story.end(AFTER)
    assert story.said_to(patient) == []


async def test_a_visit_moved_into_the_past_is_told_no_more(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(at("2026-11-23 13:00"))
    await story.move(patient, "bk_1", story.now - timedelta(hours=1), 2)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED]


async def test_twenty_moves_in_a_minute_are_one_notice(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(at("2026-11-23 15:00"))
    for revision in range(2, 22):
        await story.move(patient, "bk_1", MONDAY + timedelta(hours=revision % 4), revision)
        await story.until(story.now + timedelta(seconds=3))
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.MOVED, Kind.FAR, Kind.NEAR]
    assert "Dec 7 at 3:00 PM" in story.said_to(patient)[1]


async def test_a_storm_that_ends_where_it_began_is_silent(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(at("2026-11-23 15:00"))
    for revision in range(2, 21):
        await story.move(patient, "bk_1", MONDAY + timedelta(hours=revision % 4), revision)
        await story.until(story.now + timedelta(seconds=3))
    await story.move(patient, "bk_1", FRIDAY, 21)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.FAR, Kind.NEAR]


async def test_two_visits_on_one_day_are_one_reminder_naming_the_first(story):  # R10
    patient = story.patient()
    await story.book(patient, "bk_2", FRIDAY + timedelta(hours=4), kind="consultation")
    await story.book(patient, "bk_1", FRIDAY)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.FAR, Kind.NEAR]
    assert all("from 10:00 AM" in text for text in story.said_to(patient)[1:])


async def test_an_infusion_after_another_visit_that_day_is_prepared_for(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY, kind="consultation")
    await story.book(patient, "bk_2", FRIDAY + timedelta(hours=4))
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.FAR, Kind.NEAR]
    assert "Fri, Dec 4 from 10:00 AM: no food after 8:00 AM, clear liquids to 12:00 PM" in story.said_to(patient)[-1]


async def test_the_first_of_two_visits_on_one_day_is_cancelled(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.book(patient, "bk_2", FRIDAY + timedelta(hours=4), kind="consultation")
    await story.until(at("2026-11-24 12:00"))
    await story.cancel(patient, "bk_1", 2)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.CANCELLED, Kind.FAR, Kind.NEAR]
    assert all("2:00 PM" in text for text in story.said_to(patient)[2:])


async def test_one_of_two_visits_on_one_day_is_moved_within_it(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.book(patient, "bk_2", FRIDAY + timedelta(hours=4), kind="consultation")
    await story.until(at("2026-11-24 12:00"))
    await story.move(patient, "bk_2", FRIDAY + timedelta(hours=5), 2, kind="consultation")
    await story.end(AFTER)
    moved = story.said_to(patient)[1]
    assert "2:00 PM" in moved, "with two visits that day, the text has to say which of them moved"
    assert "3:00 PM" in moved


async def test_several_infusions_booked_together(story):
    patient = story.patient()
    for number in range(6):
        await story.book(patient, f"bk_{number}", FRIDAY + timedelta(days=3 * number))
    await story.end(at("2027-01-05 12:00"))
    said = story.said_to(patient)
    assert read(said[0]).kind is Kind.CONFIRMED
    assert len(read(said[0]).names) == 6
    assert len([text for text in said if read(text).kind is Kind.CONFIRMED]) == 1


async def test_cancelled_and_booked_anew_later(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(at("2026-11-24 12:00"))
    await story.cancel(patient, "bk_1", 2)
    await story.until(at("2026-11-24 13:00"))
    await story.book(patient, "bk_2", MONDAY)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.CANCELLED, Kind.CONFIRMED, Kind.FAR, Kind.NEAR]


async def test_cancelled_and_booked_anew_at_once_is_a_move(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(at("2026-11-24 12:00"))
    await story.cancel(patient, "bk_1", 2)
    await story.until(story.now + timedelta(seconds=20))
    await story.book(patient, "bk_2", MONDAY)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.MOVED, Kind.FAR, Kind.NEAR]


async def test_cancelled_and_revived_under_the_same_booking(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(at("2026-11-24 12:00"))
    await story.cancel(patient, "bk_1", 2)
    await story.until(at("2026-11-24 13:00"))
    await story.move(patient, "bk_1", FRIDAY, 3)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.CANCELLED, Kind.CONFIRMED, Kind.FAR, Kind.NEAR]


async def test_moved_and_moved_back_after_it_was_told(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    for revision, start in ((2, MONDAY), (3, FRIDAY), (4, MONDAY)):
        await story.until(story.now + timedelta(hours=1))
        await story.move(patient, "bk_1", start, revision)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.MOVED, Kind.MOVED, Kind.MOVED, Kind.FAR, Kind.NEAR]


async def test_moved_back_after_its_far_reminder(story):
    """The far reminder of Friday was read; Friday is moved away and comes back: it is not read twice."""
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(at("2026-12-01 12:00"))
    await story.move(patient, "bk_1", MONDAY, 2)
    await story.until(at("2026-12-01 14:00"))
    await story.move(patient, "bk_1", FRIDAY, 3)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.FAR, Kind.MOVED, Kind.MOVED, Kind.NEAR]


async def test_moved_and_cancelled_before_the_move_was_told(story):
    """What is called off is the visit that the patient knows of, by the time that they know."""
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(at("2026-11-24 12:00"))
    await story.move(patient, "bk_1", MONDAY, 2)
    await story.until(story.now + timedelta(seconds=30))
    await story.cancel(patient, "bk_1", 3)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.CANCELLED]
    assert "Fri, Dec 4 at 10:00 AM has been cancelled" in story.said_to(patient)[1]


async def test_cancelled_before_it_was_announced(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(story.now + timedelta(seconds=10))
    await story.cancel(patient, "bk_1", 2)
    await story.end(AFTER)
    assert story.said_to(patient) == []
    assert set((await story.outcomes()).values()) == {("withdrawn", "not_wanted")}


async def test_cancelled_and_created_in_reversed_order(story):
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY, 3, events.CANCELLED)
    await story.move(patient, "bk_1", MONDAY, 2)
    await story.book(patient, "bk_1", FRIDAY, 1)
    await story.end(AFTER)
    assert story.said_to(patient) == []


@pytest.mark.parametrize("event", [events.COMPLETED, events.NO_SHOW])
async def test_what_is_over_is_not_reminded_of(story, event):
    """A clinic may report a visit as over that its calendar still has ahead (R4)."""
    patient = story.patient()
    await story.book(patient, "bk_1", FRIDAY)
    await story.until(at("2026-12-02 12:00"))
    await story.book(patient, "bk_1", FRIDAY, 2, event)
    await story.end(AFTER)
    assert kinds(story, patient) == [Kind.CONFIRMED, Kind.FAR]


async def test_an_import_is_reminded_of_and_not_confirmed(database_url, sealer):
    clinics = story_clinics()
    harbor = clinics.clinics["harbor"].model_copy(update={"announce_from": at("2026-11-23 12:00")})
    imported = Clinics(clinics={**clinics.clinics, "harbor": harbor})
    async with open_rooms(database_url, sealer, now="2026-11-23 12:00", clinics=imported) as rooms:
        story = Telling(rooms)
        patient = story.patient()
        old = {"booked_at": at("2026-10-01 09:00"), "announced": False}
        await story.book(patient, "bk_1", FRIDAY, **old)
        await story.book(patient, "bk_2", MONDAY, **old)
        await story.book(patient, "bk_3", at("2026-11-24 10:00"), **old)  # its near reminder is due today
        await story.book(patient, "bk_4", at("2026-12-10 10:00"), booked_at=story.now)
        await story.until(at("2026-11-25 12:00"))
        await story.move(patient, "bk_2", MONDAY + timedelta(hours=1), 2)
        await story.end(AFTER)
        assert kinds(story, patient).count(Kind.CONFIRMED) == 1
        assert kinds(story, patient).count(Kind.MOVED) == 1
        assert [read(text).kind for text in story.said_to(patient) if "Nov 24" in text] == [Kind.NEAR]
