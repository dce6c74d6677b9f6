"""Which infusions took place: said by the feed, assumed where it never says, and taken back when that was wrong."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.booking_events.domain.appointment import Status
from services.booking_events.domain.course import assume_at, course_of
from shared.messages.booking import VisitKind
from tests.builders import appointment, clinic, ny

BOOKED_AT = ny("2026-11-20 12:00")
FIRST, SECOND = ny("2026-12-01 10:00"), ny("2026-12-03 10:00")
CLINIC = clinic(assume_completed_after="2h")


def visit(starts_at=FIRST, **changes):
    return appointment(starts_at, booked_at=BOOKED_AT, **changes)


def test_a_completed_infusion_is_past_and_the_next_one_is_named():
    done, ahead = visit(status=Status.COMPLETED), visit(SECOND, booking_id="bk_2")
    course = course_of([ahead, done], CLINIC, ny("2026-12-01 13:00"))
    assert [(item.started_at, item.ended_at, item.assumed) for item in course.past] == [
        (FIRST, ny("2026-12-01 12:10"), False)
    ]
    assert (course.next_starts_at, course.voided) == (SECOND, ())


def test_an_infusion_that_ended_early_ended_when_that_was_reported():
    early = replace(visit(status=Status.COMPLETED), changed_at=ny("2026-12-01 11:30"))
    late = replace(early, changed_at=ny("2026-12-01 19:00"))
    ends = [course_of([item], CLINIC, ny("2026-12-01 20:00")).past[0].ended_at for item in (early, late)]
    assert ends == [ny("2026-12-01 11:30"), ny("2026-12-01 12:10")]


def test_without_an_end_a_visit_takes_as_long_as_such_visits_do():  # DOMAIN 1.2
    assert assume_at(replace(visit(), ends_at=None), CLINIC) == ny("2026-12-01 12:10") + timedelta(hours=2)


@pytest.mark.parametrize(
    "change",
    [
        {"status": Status.CANCELLED},
        {"status": Status.NO_SHOW},
        {"visit_kind": VisitKind.CONSULTATION},
        {"starts_at": SECOND, "assumed_at": None},
    ],
)
def test_what_was_taken_for_past_and_is_not_is_voided(change):
    assumed = replace(visit(), assumed_at=ny("2026-12-01 14:10"), past_since=ny("2026-12-01 14:10"))
    now = ny("2026-12-01 15:00")
    assert course_of([assumed], CLINIC, now).past[0].assumed
    corrected = course_of([replace(assumed, **change)], CLINIC, now)
    assert (corrected.past, [str(identity) for identity in corrected.voided]) == ((), ["ehr/bk_1"])


@pytest.mark.parametrize(
    ("item", "due"),
    [
        (visit(), True),
        (visit(kind=VisitKind.CONSULTATION), False),
        (visit(status=Status.COMPLETED), False),
        (visit(status=Status.CANCELLED), False),
        (replace(visit(), assumed_at=FIRST), False),
    ],
)
def test_only_an_open_infusion_is_ever_assumed(item, due):
    assert (assume_at(item, CLINIC) is not None) is due


def test_a_visit_that_nobody_reports_on_is_not_the_next_one_for_ever():
    course = course_of([visit()], CLINIC, ny("2026-12-01 11:00"))
    assert course.next_starts_at == FIRST
    assert course_of([visit()], CLINIC, ny("2026-12-03 11:00")).next_starts_at is None
