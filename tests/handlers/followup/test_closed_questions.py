"""What is said once a question has closed: understood, never scored, never asked about again by itself."""

from datetime import timedelta

import pytest

from shared.messages import checkin, reading
from tests.builders import ny
from tests.followup_room import ANA

FRIDAY = "2026-12-04 12:10"
CASES = "SELECT tier, rules FROM followup.cases WHERE NOT is_drill"


async def asked(room, moment):
    """Whatever is due by a moment is asked and sent; everything before it went unanswered."""
    await room.until(moment)
    room.clock.advance(timedelta(seconds=2))
    await room.send()


async def unanswered(room, *, infused=FRIDAY):
    """Nobody answered Friday's and Saturday's questions: both have closed by Sunday afternoon."""
    await room.infused(infused)
    await asked(room, "2026-12-04 16:10")
    await room.until("2026-12-04 22:11")
    await asked(room, "2026-12-05 12:10")
    await room.until("2026-12-05 17:11")
    await room.until("2026-12-06 12:13")
    room.published.clear()


async def test_a_closed_question_takes_no_correction_from_the_one_just_answered(room):
    await unanswered(room)
    await asked(room, "2026-12-07 12:10")
    await room.reply("6")
    room.clock.advance(timedelta(minutes=3))
    await room.reply("4")
    assert [(event["value"], event["corrected"]) for event in room.of(checkin.ANSWERED)] == [(6, False), (4, True)]
    assert room.answers() == ["answer_noted", "answer_changed"]


async def test_a_closed_question_takes_no_answer_from_an_open_one_of_another_patient(room):
    await room.infused("2026-12-03 16:00", patient="pt_ben")
    await room.infused(FRIDAY, patient=ANA)
    await asked(room, "2026-12-04 16:00")  # Ben's mood
    await asked(room, "2026-12-04 16:10")  # whether Ana is home
    await room.infused(FRIDAY, patient=ANA, voided=[FRIDAY])
    room.clock.advance(timedelta(minutes=5))
    await room.reply("2", patients=(ANA, "pt_ben"))
    assert [(event["patient_ref"], event["value"]) for event in room.of(checkin.ANSWERED)] == [("pt_ben", 2)]


async def test_a_closed_question_takes_no_answer_from_an_open_one_about_a_visit(room):
    await room.infused(FRIDAY)
    await asked(room, "2026-12-04 16:10")
    await room.until("2026-12-04 22:11")
    about_visit = {
        "subject": f"reminders:{ANA}",
        "key": "near",
        "expects": "confirm_c_r",
        "sent_at": ny("2026-12-04 10:00").isoformat(),
        "answer_until": ny("2026-12-05 10:00").isoformat(),
    }
    await room.reply("yes", open_prompts=[about_visit])
    assert [read["result"] for read in room.of(reading.REPLY_READ)] == ["confirm"]


@pytest.mark.parametrize("text", ["not great", "same lol", "12"])
async def test_a_closed_question_is_not_asked_once_more(room, text):
    await unanswered(room)
    await room.reply(text)
    assert room.plans("checkins:") == []
    assert len(room.answers()) == 1
    assert "reply_to_read" in await room.tasks()


async def test_once_people_have_taken_over_nothing_is_asked_again(room):
    await room.infused(FRIDAY)
    await asked(room, "2026-12-05 12:10")
    await room.reply("I want to die")
    room.published.clear()
    room.clock.advance(timedelta(minutes=1))
    await room.reply("not great")
    assert [message for plan in room.plans("checkins:") for message in plan["messages"]] == []


async def test_who_needs_help_after_the_question_closed_reaches_a_nurse(room):  # 3.2 M
    await room.infused(FRIDAY)
    await asked(room, "2026-12-04 16:10")
    await room.until("2026-12-04 22:11")
    room.published.clear()
    await room.reply("2")
    assert await room.rows(CASES) == [{"tier": "M", "rules": ["not_home_safe"]}]
    assert room.texts("safety:") == ["safety_medical"]
    assert room.of(checkin.ANSWERED) == []


async def test_a_correction_completes_no_questionnaire_that_danger_has_ended(room):  # I9
    await room.infused(FRIDAY)
    await room.until("2026-12-11 12:00")
    await room.acknowledge_test_page()
    await asked(room, "2026-12-11 12:10")
    room.clock.advance(timedelta(seconds=20))
    await room.reply("1 but I want to die")
    room.clock.advance(timedelta(minutes=1))
    await room.reply("sorry, meant 3")
    assert [event["value"] for event in room.of(checkin.ANSWERED)] == [1, 3]
    assert room.of(checkin.COMPLETED) == []
