"""What a patient's words about their visits do."""

from dataclasses import replace

import pytest

from services.booking_events.domain.appointment import Status
from services.booking_events.domain.reply import Answer, Listed, decide
from services.booking_events.domain.task import TaskKind
from shared.messages.reading import ReplyResult
from tests.builders import NEW_YORK, appointment, ny

NOW = ny("2026-12-01 12:00")
MORNING = appointment(ny("2026-12-04 10:00"), booked_at=ny("2026-11-20 12:00"), booking_id="morning")
NOON = appointment(ny("2026-12-04 13:00"), booked_at=ny("2026-11-20 12:00"), booking_id="noon")
LATER = appointment(ny("2026-12-07 10:00"), booked_at=ny("2026-11-20 12:00"), booking_id="later")


def decided(result, listed, visits):
    as_listed = [Listed(item.identity, item.starts_at) for item in listed]
    verdict = decide(result, as_listed, visits, now=NOW, zone=NEW_YORK)
    return verdict.answer, [item.identity.booking_id for item in verdict.confirmed], verdict.task


@pytest.mark.parametrize(
    ("listed", "visits", "answer", "confirmed"),
    [
        ([MORNING, NOON], [MORNING, NOON, LATER], Answer.CONFIRMED, ["morning", "noon"]),
        ([MORNING], [MORNING, LATER], Answer.CONFIRMED, ["morning"]),
        ([], [LATER, NOON, MORNING], Answer.CONFIRMED, ["morning", "noon"]),
        ([MORNING], [replace(MORNING, starts_at=ny("2026-12-04 15:00"))], Answer.STANDS_OTHERWISE, []),
        ([MORNING], [replace(MORNING, status=Status.CANCELLED), LATER], Answer.STANDS_OTHERWISE, []),
        ([MORNING], [replace(MORNING, status=Status.CANCELLED)], Answer.NO_VISIT, []),
        ([MORNING], [replace(MORNING, confirmed_for=MORNING.starts_at)], Answer.CONFIRMED, []),
        ([], [], Answer.NO_VISIT, []),
    ],
)
def test_a_yes_counts_for_the_times_that_the_message_gave(listed, visits, answer, confirmed):
    assert decided(ReplyResult.CONFIRM, listed, visits) == (answer, confirmed, None)


@pytest.mark.parametrize(
    ("result", "answer", "task"),
    [
        (ReplyResult.RESCHEDULE, Answer.CHANGE_PASSED_ON, TaskKind.PATIENT_WANTS_CHANGE),
        (ReplyResult.CANCEL_REQUEST, Answer.CANCELLATION_PASSED_ON, TaskKind.PATIENT_WANTS_CANCELLATION),
        (ReplyResult.QUESTION, Answer.QUESTION_PASSED_ON, TaskKind.PATIENT_ASKS),
    ],
)
@pytest.mark.parametrize("visits", [[MORNING], []])
def test_every_other_wish_goes_to_a_person_and_is_answered(result, answer, task, visits):
    assert decided(result, [], visits) == (answer, [], task)
