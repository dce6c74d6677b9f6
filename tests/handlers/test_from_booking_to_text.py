"""A booking becomes a text: weeks in a second, on a real database, against the sandbox's ledger."""

import asyncio

import pytest

from shared.kernel.errors import PermanentError
from shared.messages.booking import CANCELLED, COMPLETED, CREATED, RESCHEDULED
from tests.builders import ny
from tests.rooms import open_rooms

AFTER = ny("2026-12-10 12:00")


async def outcomes(rooms):
    return {
        row["key"]: (row["outcome"], row["reason"])
        for row in await rooms.rows("SELECT key, outcome, reason FROM notifier.messages ORDER BY id")
    }


async def test_confirmation_and_both_reminders(rooms):
    await rooms.book()
    await rooms.until(AFTER)
    assert [text.split(" ", 2)[2].removeprefix("visit ")[:28] for text in rooms.texts()] == [
        "your visit is booked for Fri",
        "you have a visit on Fri, Dec",
        "Fri, Dec 4 10:00 AM: no food",
    ]
    assert set(await outcomes(rooms)) == {
        "confirmed:ehr/bk_1:r1",
        "reminder:72h:2026-12-04T15:00Z",
        "reminder:24h:2026-12-04T15:00Z",
    }


async def test_a_duplicate_and_a_stale_event_change_nothing(rooms):
    first = await rooms.book(revision=3)
    await rooms.book(revision=3, event_id=first.id)
    await rooms.book(revision=3)
    await rooms.book(RESCHEDULED, revision=2, starts_at="2026-12-05T10:00:00-05:00", ends_at=None)
    row = await rooms.row("SELECT plan_revision FROM booking_events.patients")
    assert row["plan_revision"] == 1
    await rooms.until(AFTER)
    assert len(rooms.texts()) == 3


async def test_a_storm_of_moves_is_told_once(rooms):
    await rooms.book()
    await rooms.until(ny("2026-11-20 13:00"))
    for revision in range(2, 12):
        hour = 9 + revision % 5
        await rooms.book(RESCHEDULED, revision=revision, starts_at=f"2026-12-07T{hour:02d}:00:00-05:00", ends_at=None)
        await rooms.until(rooms.clock.now().replace(second=(revision * 5) % 60))
    await rooms.until(AFTER)
    notices = [text for text in rooms.texts() if "is now on" in text]
    assert notices == [
        "Harbor Clinic: your visit on Fri, Dec 4 at 10:00 AM is now on Mon, Dec 7 at 10:00 AM. Questions: (212) 555-0100."
    ]
    assert sum("you have a visit on" in text for text in rooms.texts()) == 1


async def test_moving_there_and_back_is_not_told(rooms):
    await rooms.book()
    await rooms.until(ny("2026-11-20 13:00"))
    await rooms.book(RESCHEDULED, revision=2, starts_at="2026-12-07T10:00:00-05:00", ends_at=None)
    await rooms.book(RESCHEDULED, revision=3)
    await rooms.until(AFTER)
    assert len(rooms.texts()) == 3
    assert (await outcomes(rooms))["moved:ehr/bk_1:r2"] == ("withdrawn", "not_wanted")


async def test_a_cancellation_silences_the_rest(rooms):
    await rooms.book()
    await rooms.until(ny("2026-12-02 12:00"))
    await rooms.book(CANCELLED, revision=2)
    await rooms.until(AFTER)
    assert [("cancelled" in text) for text in rooms.texts()] == [False, False, True]
    assert (await outcomes(rooms))["reminder:24h:2026-12-04T15:00Z"] == ("withdrawn", "not_wanted")


async def test_a_cancellation_before_anything_left_says_nothing(rooms):
    await rooms.book()
    await rooms.book(CANCELLED, revision=2)
    await rooms.until(AFTER)
    assert rooms.texts() == []
    assert {outcome for outcome, _ in (await outcomes(rooms)).values()} == {"withdrawn"}


async def test_a_cancellation_that_comes_first_is_a_tombstone(rooms):
    await rooms.book(CANCELLED, revision=2)
    await rooms.book(CREATED, revision=1)
    await rooms.until(AFTER)
    assert rooms.texts() == []


async def test_a_move_while_the_confirmation_is_under_way_is_told(rooms):
    await rooms.book()
    rooms.clock.set(ny("2026-11-20 12:01"))
    while await rooms.sender.run_once():
        await rooms.sender.finish()
    # The confirmation has left, and its news has not arrived yet, when the move does.
    envelope = await rooms.book(RESCHEDULED, revision=2, starts_at="2026-12-07T10:00:00-05:00", ends_at=None)
    assert envelope
    await rooms.until(AFTER)
    assert sum("is booked" in text for text in rooms.texts()) == 1
    assert sum("is now on" in text for text in rooms.texts()) == 1


async def test_several_infusions_booked_together_are_confirmed_in_one_text(rooms):
    for number, day in enumerate((4, 7, 9, 11), start=1):
        await rooms.book(booking_id=f"bk_{number}", starts_at=f"2026-12-{day:02d}T10:00:00-05:00", ends_at=None)
    await rooms.until(ny("2026-11-21 12:00"))
    assert rooms.texts() == [
        "Harbor Clinic: you have 4 visits: Dec 4, 7, 9, 11 at 10:00 AM. Questions: (212) 555-0100. Reply STOP to end texts."
    ]


async def test_a_patient_is_found_again_when_their_address_changes(rooms):
    anonymous = {"patient_id": None, "email": "ana@example.org"}
    await rooms.book(patient=anonymous)
    await rooms.book(RESCHEDULED, revision=2, patient={**anonymous, "email": "ana.new@example.org"})
    await rooms.book(booking_id="bk_2", patient={**anonymous, "email": "ana.new@example.org"})
    rows = await rooms.rows("SELECT patient_ref FROM booking_events.patients")
    assert len(rows) == 1


async def test_a_booking_that_becomes_somebody_elses_is_news_to_them(rooms):
    await rooms.book()
    await rooms.until(ny("2026-12-02 12:00"))
    bo = {"patient_id": "p-2", "given_name": "Bo", "phone": "+12125550124"}
    await rooms.book(RESCHEDULED, revision=2, starts_at="2026-12-04T12:00:00-05:00", ends_at=None, patient=bo)
    await rooms.until(AFTER)
    to_bo = [entry["body"] for entry in rooms.sandbox.accepted() if entry["to"] == "+12125550124"]
    assert "is booked for Fri, Dec 4 at 12:00 PM" in to_bo[0], "what Ana knew must not reach Bo"
    assert len(to_bo) == 2
    assert len(rooms.texts()) == 4  # confirmation and far reminder went to Ana
    task = await rooms.row("SELECT kind, t.patient_ref FROM booking_events.staff_tasks t")
    ana = await rooms.row("SELECT patient_ref FROM notifier.messages ORDER BY id LIMIT 1")
    assert task == {"kind": "change_not_texted_in_time", **ana}


async def test_a_booking_whose_patient_is_named_anew_at_the_same_number_is_not_told_twice(rooms):
    await rooms.book()
    await rooms.until(ny("2026-11-20 13:00"))
    await rooms.book(RESCHEDULED, revision=2, patient={"patient_id": "p-1-merged"})
    await rooms.until(ny("2026-11-21 13:00"))
    assert len(rooms.texts()) == 1


async def test_visits_by_two_clocks_are_told_by_their_own(rooms):
    west = {"time_zone": "America/Los_Angeles"}
    noon = {"visit_kind": "consultation", "modality": "telemedicine", "starts_at": "2026-12-04T12:00:00-05:00"}
    await rooms.book(booking_id="bk_video", patient=west, ends_at=None, **noon)
    await rooms.book(booking_id="bk_site", patient=west, starts_at="2026-12-04T15:00:00-05:00", ends_at=None)
    await rooms.until(AFTER)
    said = " ".join(rooms.texts())
    assert (said.count("Dec 4 at 9:00 AM"), said.count("Dec 4 at 3:00 PM"), said.count("Dec 4 3:00 PM")) == (3, 2, 1)
    assert "no food after 9:00 AM, clear liquids to 1:00 PM" in said
    assert "12:00 PM" not in said


async def test_two_people_with_one_phone_are_two_patients(rooms):
    await rooms.book(patient={"patient_id": "p-1"})
    await rooms.book(booking_id="bk_2", patient={"patient_id": "p-2", "given_name": "Bo"})
    assert len(await rooms.rows("SELECT 1 FROM booking_events.patients")) == 2


async def test_no_consent_and_no_phone_end_as_dropped_with_the_reason(rooms):
    await rooms.book(consent={"reminders": False}, patient={"patient_id": "p-2"})
    await rooms.book(booking_id="bk_2", patient={"patient_id": "p-3", "phone": "none"})
    await rooms.until(AFTER)
    assert rooms.texts() == []
    rows = await rooms.rows("SELECT DISTINCT patient_ref, outcome, reason FROM notifier.messages ORDER BY reason")
    assert [(row["outcome"], row["reason"]) for row in rows] == [("dropped", "no_address"), ("dropped", "no_consent")]
    tasks = await rooms.rows("SELECT kind FROM booking_events.staff_tasks")
    assert [task["kind"] for task in tasks] == ["no_usable_phone"]


async def test_an_import_gets_reminders_and_no_confirmation(database_url, sealer):
    from shared.clinics.model import Clinics
    from tests.builders import clinic

    clinics = Clinics(clinics={"harbor": clinic(announce_from="2026-11-25T00:00:00-05:00")})
    async with open_rooms(database_url, sealer, clinics=clinics) as rooms:
        await rooms.book()
        await rooms.until(ny("2026-11-26 12:00"))
        await rooms.book(booking_id="bk_2", starts_at="2026-12-08T10:00:00-05:00", ends_at=None)
        await rooms.until(ny("2026-12-20 12:00"))
        assert [("booked" in text) for text in rooms.texts()] == [True, False, False, False, False]
        assert "Dec 8" in rooms.texts()[0]


async def test_a_late_reminder_is_sent_until_it_is_useless(rooms):  # R9
    await rooms.book()
    await rooms.until(ny("2026-12-02 12:00"))
    rooms.clock.set(ny("2026-12-03 19:00"))  # everything was down since
    await rooms.send()
    assert "no food" in rooms.texts()[-1]
    await rooms.book(
        booking_id="bk_2",
        patient={"patient_id": "p-2", "phone": "+12125550124"},
        starts_at="2026-12-20T10:00:00-05:00",
        ends_at=None,
    )
    rooms.clock.set(ny("2026-12-20 07:00"))
    await rooms.send()
    rows = await rooms.rows("SELECT outcome, reason FROM notifier.messages WHERE key LIKE 'reminder:%%12-20%%'")
    assert {(row["outcome"], row["reason"]) for row in rows} == {("dropped", "expired")}


async def test_unknown_clinics_and_orders_are_refused_by_name(rooms):
    with pytest.raises(PermanentError, match=r"data\.clinic_id"):
        await rooms.book(clinic_id="nowhere")
    await rooms.book()
    with pytest.raises(PermanentError, match="another event of the same order"):
        await rooms.book(starts_at="2026-12-05T10:00:00-05:00", ends_at=None)


async def test_many_patients_at_once(rooms):
    await asyncio.gather(
        *(
            rooms.book(booking_id=f"bk_{n}", patient={"patient_id": f"p-{n}", "phone": f"+1212555{n:04d}"})
            for n in range(30)
        )
    )
    await rooms.until(AFTER)
    assert (
        len(rooms.texts())
        == len(set(zip((e["to"] for e in rooms.sandbox.accepted()), rooms.texts(), strict=True)))
        == 90
    )


async def test_a_completed_visit_says_nothing_more(rooms):
    await rooms.book()
    await rooms.until(ny("2026-12-04 13:00"))
    await rooms.book(COMPLETED, revision=2)
    await rooms.until(AFTER)
    assert len(rooms.texts()) == 3


async def test_nothing_personal_stands_in_clear_in_the_database(rooms):
    await rooms.book(patient={"given_name": "CANARYNAME", "email": "canary@example.org"})
    await rooms.receive("CANARYTEXT")
    await rooms.until(AFTER)
    tables = await rooms.rows(
        "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables "
        "WHERE table_schema IN ('booking_events', 'notifier', 'followup') AND table_type = 'BASE TABLE'"
    )
    assert len(tables) > 15
    for table in tables:
        for row in await rooms.rows(f"SELECT t::text AS line FROM {table['name']} t"):
            for canary in ("CANARY", "canary", "2125550123"):
                assert canary not in row["line"], table["name"]
                assert canary.encode().hex() not in row["line"], table["name"]
