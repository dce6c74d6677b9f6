"""A text's trace is that of its answer, of its score, of its case, and of every page about that case."""

from datetime import timedelta

from shared.messages import checkin, reading, safety
from shared.messages.plan import MESSAGES_PLAN
from tests.handlers.followup.test_cases import CRISIS
from tests.handlers.followup.test_checkins import asked_about_mood

TEXT, ANOTHER = f"00-{'a' * 32}-{'a' * 16}-01", f"00-{'b' * 32}-{'b' * 16}-01"


def traces_of(room, event, subject=""):
    return {
        envelope.traceparent
        for envelope in room.published
        if envelope.type == event and (envelope.subject or "").startswith(subject)
    }


async def test_an_answer_is_told_in_the_trace_of_the_text(room):
    await asked_about_mood(room)
    room.published.clear()
    room.traceparent = TEXT
    await room.reply("6")
    for event in (reading.MESSAGE_READ, checkin.ANSWERED, checkin.COMPLETED, MESSAGES_PLAN):
        assert traces_of(room, event) == {TEXT}, event


async def test_every_page_about_a_case_belongs_to_the_text_that_opened_it(room):
    room.traceparent = TEXT
    await room.reply(CRISIS)
    assert traces_of(room, safety.RAISED) == {TEXT}
    assert traces_of(room, MESSAGES_PLAN, "safety:") == traces_of(room, MESSAGES_PLAN, "pages:case") == {TEXT}
    room.traceparent = None
    room.published.clear()
    await room.until(room.clock.now() + timedelta(minutes=15))
    assert traces_of(room, safety.ESCALATED) == traces_of(room, MESSAGES_PLAN, "pages:case") == {TEXT}


async def test_a_case_that_rises_goes_on_in_the_trace_of_what_raised_it(room):
    room.traceparent = TEXT
    await room.reply("I sometimes wish I would not wake up")
    room.traceparent = ANOTHER
    await room.reply(CRISIS)
    room.traceparent = None
    room.published.clear()
    await room.until(room.clock.now() + timedelta(minutes=15))
    assert traces_of(room, safety.ESCALATED) == {ANOTHER}
