"""Weeks of check-ins in a second: from the booking to the text, from the reply to the score, and to a person."""

from datetime import timedelta

import pytest

from shared.messages import booking as events
from tests.all_rooms import open_all_rooms
from tests.builders import PHONE, ny
from tests.followup_room import LIND, OSEI

CRISIS = "I want to die"


@pytest.fixture
async def rooms(database_url, sealer):
    async with open_all_rooms(database_url, sealer, now="2026-12-04 09:00") as opened:
        yield opened


async def visit(rooms, day, *, booking_id="bk_1", revision=1, event=events.CREATED, hour="10:00", **patient):
    start = ny(f"{day} {hour}")
    await rooms.book(
        event,
        booking_id=booking_id,
        revision=revision,
        starts_at=start.isoformat(),
        ends_at=(start + timedelta(minutes=130)).isoformat(),
        consent={"reminders": False, "checkins": True},
        patient=patient,
    )


async def infused(rooms, day="2026-12-04", **named):
    """A visit was booked, and took place."""
    await visit(rooms, day, **named)
    await rooms.until(ny(f"{day} 12:15"))
    await visit(rooms, day, revision=2, event=events.COMPLETED, **named)


def asked(rooms, phone=PHONE):
    """Return what was asked, in few words."""
    names = {"are you home": "home", "how do you feel": "today", "short questions": "questionnaire"}
    texts = rooms.heard_by(phone)
    return [name for text in texts for part, name in names.items() if part in text and "have not heard" not in text]


async def test_a_week_from_the_infusion_to_the_score(rooms):
    await infused(rooms)
    await rooms.until(ny("2026-12-04 16:15"))
    await rooms.reply("1")
    await rooms.until(ny("2026-12-05 12:15"))
    await rooms.reply("7")
    await rooms.until(ny("2026-12-07 12:15"))
    await rooms.reply("6")
    await rooms.until(ny("2026-12-11 12:05"))
    await rooms.reply("1", phone=OSEI)  # the test page of the day's shift
    await rooms.until(ny("2026-12-11 12:12"))
    for _ in range(9):
        rooms.clock.advance(timedelta(seconds=20))
        await rooms.reply("0")
    assert asked(rooms) == ["home", "today", "today", "questionnaire"]
    rows = await rooms.rows("SELECT moment, instrument, total FROM followup.scores_v1 ORDER BY at")
    assert [tuple(row.values()) for row in rows] == [
        ("day_1", "mood", 7),
        ("day_3", "mood", 6),
        ("week_1", "phq9", 0),
    ]
    items = [text for text in rooms.heard_by(PHONE) if "/9: " in text]
    assert [text[:2] for text in items[1:]] == [f"{number}/" for number in range(2, 10)]
    assert rooms.heard_by(PHONE)[-1].endswith("we have noted your answer. Questions: (212) 555-0100.")


async def test_the_next_infusion_overtakes_what_it_makes_pointless(rooms):  # R6
    await infused(rooms)
    await visit(rooms, "2026-12-05", booking_id="bk_2", hour="11:00")
    await rooms.until(ny("2026-12-05 09:05"))
    assert asked(rooms)[-1] == "today"  # on the morning before, instead of after
    await rooms.until(ny("2026-12-05 13:15"))
    await visit(rooms, "2026-12-05", booking_id="bk_2", hour="11:00", revision=2, event=events.COMPLETED)
    rows = await rooms.rows("SELECT DISTINCT moment FROM followup.checkins WHERE reason = 'superseded' ORDER BY moment")
    assert [row["moment"] for row in rows] == ["day_3", "week_1", "week_2", "week_3"]


async def test_an_infusion_that_was_none_is_not_followed_up(rooms):
    await infused(rooms)
    await visit(rooms, "2026-12-04", revision=3, event=events.NO_SHOW)
    await rooms.until(ny("2026-12-08 12:00"))
    assert asked(rooms) == []


async def test_a_person_in_danger_reaches_a_named_human_by_real_texts(rooms):  # 3.2
    await infused(rooms)
    await rooms.until(ny("2026-12-04 13:00"))
    await rooms.reply(CRISIS)
    assert any("call or text 988 now" in text for text in rooms.heard_by(PHONE))
    assert any("waits for you" in text for text in rooms.heard_by(OSEI))
    assert CRISIS not in str(rooms.heard_by(OSEI))
    await rooms.until(ny("2026-12-04 13:15"))
    assert any("waits for you" in text for text in rooms.heard_by(LIND))
    await rooms.reply("got it", phone=LIND)
    (case,) = await rooms.rows("SELECT status, acknowledged_by FROM followup.cases_v1 WHERE NOT is_drill")
    assert tuple(case.values()) == ("acknowledged", "Nurse Lind")
    told = len(rooms.texts())
    await rooms.until(ny("2026-12-04 15:00"))
    assert len(rooms.texts()) == told


async def test_after_a_stop_a_crisis_still_pages_and_somebody_phones(rooms):  # S-1, 3.3
    await infused(rooms)
    await rooms.reply("STOP")
    told = len(rooms.heard_by(PHONE))
    await rooms.reply(CRISIS)
    await rooms.until(rooms.clock.now() + timedelta(minutes=31))
    assert len(rooms.heard_by(PHONE)) == told
    assert any("waits for you" in text for text in rooms.heard_by(OSEI))
    (case,) = await rooms.rows("SELECT automatic_text FROM followup.cases_v1 WHERE NOT is_drill")
    assert case["automatic_text"] == "blocked_opt_out"
    tasks = {row["kind"] for row in await rooms.rows("SELECT kind FROM followup.tasks_v1")}
    assert "phone_the_patient" in tasks


async def test_followup_down_for_an_hour_loses_nothing(rooms):
    await infused(rooms)
    await rooms.until(ny("2026-12-04 16:15"))
    await rooms.reply("1")
    await rooms.until(ny("2026-12-05 12:15"))
    rooms.is_up = False
    await rooms.reply("4")
    rooms.clock.advance(timedelta(minutes=30))
    await rooms.reply(CRISIS)
    rooms.clock.advance(timedelta(minutes=30))
    await rooms.come_up()
    (score,) = await rooms.rows("SELECT total FROM followup.scores_v1")
    assert score["total"] == 4
    (row,) = await rooms.rows(
        "SELECT latency_s FROM followup.answers a JOIN followup.checkins USING (checkin_id) WHERE moment = 'day_1'"
    )
    assert row["latency_s"] < 600
    assert any("waits for you" in text for text in rooms.heard_by(OSEI) + rooms.heard_by(LIND))


async def test_two_patients_on_one_phone_are_told_apart_by_the_newest_question(rooms):
    await infused(rooms, patient_id="p-1", given_name="Ana")
    await infused(rooms, patient_id="p-2", given_name="Ben", booking_id="bk_2")
    await rooms.until(ny("2026-12-04 16:20"))
    await rooms.reply("1")
    await rooms.reply("1")
    rows = await rooms.rows("SELECT patient_ref FROM followup.checkins WHERE status = 'completed'")
    assert len({row["patient_ref"] for row in rows}) == 2


async def test_the_same_text_delivered_twice_and_a_question_long_past(rooms):
    await infused(rooms)
    await rooms.until(ny("2026-12-04 16:15"))
    await rooms.reply("1", sid="SM-once")
    await rooms.reply("1", sid="SM-once")
    await rooms.until(ny("2026-12-05 12:15"))
    await rooms.reply("5")
    rooms.clock.advance(timedelta(hours=5))
    await rooms.reply("3")
    rows = await rooms.rows("SELECT total FROM followup.scores_v1")
    assert [row["total"] for row in rows] == [5]
    assert rooms.heard_by(PHONE)[-1].startswith("Harbor Clinic: thank you. ")
    tasks = [row["kind"] for row in await rooms.rows("SELECT kind FROM followup.tasks_v1")]
    assert tasks.count("reply_to_read") == 1


async def test_what_is_read_late_in_the_evening_is_answered_in_the_morning(rooms):  # 4.3
    await infused(rooms)
    await rooms.until(ny("2026-12-04 19:30"))
    rooms.is_up = False
    await rooms.reply("the waiting room was cold")
    told = rooms.heard_by(PHONE)
    rooms.clock.set(ny("2026-12-04 20:30"))
    await rooms.come_up()
    assert rooms.heard_by(PHONE) == told
    await rooms.until(ny("2026-12-05 09:00"))
    (answer,) = rooms.heard_by(PHONE)[len(told) :]
    assert "Our staff will read your message" in answer


async def test_what_could_not_be_read_late_in_the_evening_is_asked_again_in_the_morning(rooms):  # 4.3
    await infused(rooms)
    await rooms.until(ny("2026-12-05 19:30"))
    told = rooms.heard_by(PHONE)
    rooms.is_up = False
    await rooms.reply("so so i guess")
    rooms.clock.set(ny("2026-12-05 20:30"))
    await rooms.come_up()
    assert rooms.heard_by(PHONE) == told
    await rooms.until(ny("2026-12-06 09:00"))
    assert "could not read" in rooms.heard_by(PHONE)[len(told)]
