"""A patient says C, R, or something of their own about a visit: people act, the patient always gets an answer."""

import pytest

from shared.messages.appointment import CHANGE_REQUESTED, CONFIRMED
from shared.messages.booking import CANCELLED, RESCHEDULED
from shared.messages.reading import REPLY_READ, ReplyRead, ReplyResult
from shared.messages.reply import RECEIVED
from tests.builders import ny

SAME_DAY = {"booking_id": "bk_2", "starts_at": "2026-12-04T13:00:00-05:00", "ends_at": "2026-12-04T15:10:00-05:00"}


async def reminded(rooms, **changes):
    """Book, and let the far reminder go out; return how many texts that made."""
    await rooms.book(**changes)
    await rooms.until(ny("2026-12-01 10:05"))
    return len(rooms.texts())


async def answered(rooms, text, result, *, language=None):
    """Let a text come in and be read as followup reads it; return the message types that followed."""
    received = next(envelope for envelope in await rooms.receive(text) if envelope.type == RECEIVED)
    prompts = received.data.get("open_prompts", [])
    carried = await rooms.say(
        REPLY_READ,
        ReplyRead(
            clinic_id="harbor",
            patient_ref=received.data["patient_ref"],
            prompt={"subject": prompts[0]["subject"], "key": prompts[0]["key"]} if prompts else None,
            result=result,
            language=language,
            reply_to=received.data["reply_to"],
            provider_reference=received.data["provider_reference"],
            received_at=received.data["received_at"],
        ),
    )
    await rooms.send()
    return {envelope.type: envelope.data for envelope in carried}


async def test_c_confirms_and_is_thanked(rooms):
    before = await reminded(rooms)
    assert "Reply C to confirm, R to change." in rooms.texts()[-1]
    carried = await answered(rooms, "C", ReplyResult.CONFIRM)
    assert [item["booking_id"] for item in carried[CONFIRMED]["bookings"]] == ["bk_1"]
    assert rooms.texts()[before:] == [
        "Harbor Clinic: thank you, we will see you on Fri, Dec 4 at 10:00 AM. If anything changes, call (212) 555-0100."
    ]


async def test_a_merged_reminder_confirms_all_it_lists(rooms):
    await rooms.book(**SAME_DAY)
    await reminded(rooms)
    carried = await answered(rooms, "c!", ReplyResult.CONFIRM)
    assert [item["booking_id"] for item in carried[CONFIRMED]["bookings"]] == ["bk_1", "bk_2"]
    assert "your 2 visits on Fri, Dec 4 from 10:00 AM are confirmed" in rooms.texts()[-1]


async def test_a_second_c_is_answered_and_not_published_again(rooms):
    before = await reminded(rooms)
    await answered(rooms, "C", ReplyResult.CONFIRM)
    assert CONFIRMED not in await answered(rooms, "C", ReplyResult.CONFIRM)
    assert len(rooms.texts()) == before + 2


async def test_a_c_to_a_time_that_has_moved_confirms_nothing(rooms):
    await reminded(rooms)
    moved = {"starts_at": "2026-12-04T15:00:00-05:00", "ends_at": "2026-12-04T17:10:00-05:00"}
    await rooms.book(RESCHEDULED, revision=2, **moved)
    carried = await answered(rooms, "C", ReplyResult.CONFIRM)
    assert CONFIRMED not in carried
    assert "It is now on Fri, Dec 4 at 3:00 PM. Reply C to confirm" in rooms.texts()[-1]
    assert CONFIRMED in await answered(rooms, "C", ReplyResult.CONFIRM)


async def test_a_confirmed_visit_is_not_asked_about_again_and_a_moved_one_is(rooms):
    await rooms.book(visit_kind="consultation")
    await rooms.until(ny("2026-12-01 10:05"))
    await answered(rooms, "C", ReplyResult.CONFIRM)
    await rooms.until(ny("2026-12-03 10:05"))
    assert "Questions or changes: call" in rooms.texts()[-1]
    moved = {"starts_at": "2026-12-10T10:00:00-05:00", "ends_at": "2026-12-10T11:00:00-05:00"}
    await rooms.book(RESCHEDULED, revision=2, visit_kind="consultation", **moved)
    await rooms.until(ny("2026-12-07 10:05"))
    assert "Reply C to confirm" in rooms.texts()[-1]


CALLS_BACK = {
    ReplyResult.RESCHEDULE: "we will call you to find another time. Until then your visit on Fri, Dec 4 at 10:00 AM stands.",
    ReplyResult.CANCEL_REQUEST: "we got your message and will call you. Until then your visit on Fri, Dec 4 at 10:00 AM is not cancelled.",
}


@pytest.mark.parametrize(
    ("text", "result", "wish", "task"),
    [
        ("need a different day", ReplyResult.RESCHEDULE, "reschedule", "patient_wants_change"),
        ("I have to cancel Tuesday", ReplyResult.CANCEL_REQUEST, "cancel", "patient_wants_cancellation"),
    ],
)
async def test_a_wish_goes_to_a_person_and_the_visit_stands(rooms, text, result, wish, task):
    await reminded(rooms)
    carried = await answered(rooms, text, result)
    assert (carried[CHANGE_REQUESTED]["wish"], len(carried[CHANGE_REQUESTED]["bookings"])) == (wish, 1)
    assert rooms.texts()[-1] == f"Harbor Clinic: {CALLS_BACK[result]} Or call (212) 555-0100."
    assert [row["kind"] for row in await rooms.rows("SELECT kind FROM booking_events.staff_tasks")] == [task]
    assert [row["status"] for row in await rooms.rows("SELECT status FROM booking_events.appointments")] == ["booked"]


async def test_a_question_is_passed_on_in_the_language_that_it_came_in(rooms):
    await reminded(rooms)
    carried = await answered(rooms, "cuanto dura?", ReplyResult.QUESTION, language="es")
    assert CHANGE_REQUESTED not in carried
    assert rooms.texts()[-1].startswith("Harbor Clinic: gracias, el equipo va a leer su pregunta.")


async def test_a_yes_with_nothing_ahead_is_answered_too(rooms):
    await reminded(rooms)
    await rooms.book(CANCELLED, revision=2)
    await answered(rooms, "yes", ReplyResult.CONFIRM)
    assert "We do not see a visit ahead for you." in rooms.texts()[-1]


async def test_the_open_questions_of_a_number_come_newest_first_and_end_with_the_visit(rooms):
    await reminded(rooms)
    await rooms.until(ny("2026-12-03 10:05"))
    (event,) = [envelope for envelope in await rooms.receive("C") if envelope.type == RECEIVED]
    prompts = event.data["open_prompts"]
    assert [prompt["key"].split(":")[0] for prompt in prompts] == ["reminder", "reminder", "confirmed"]
    assert {prompt["expects"] for prompt in prompts} == {"confirm_c_r"}
    assert prompts == sorted(prompts, key=lambda prompt: prompt["sent_at"], reverse=True)
    rooms.clock.set(ny("2026-12-04 10:01"))
    (event,) = [envelope for envelope in await rooms.receive("C") if envelope.type == RECEIVED]
    assert event.data.get("open_prompts", []) == []
