"""What a patient should still be told: tables that read like the rules R1 to R4 and R8 to R10."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.booking_events.domain.appointment import Status
from services.booking_events.domain.plan import plan_patient
from services.booking_events.domain.task import TaskKind
from shared.messages.base import Purpose
from shared.messages.booking import Modality, VisitKind
from tests.builders import NEW_YORK, appointment, clinic, ny, patient, told

BOOKED = ny("2026-11-20 12:00")
VISIT = ny("2026-12-04 10:00")


def plan(*appointments, now=BOOKED, who=None, at=None):
    return plan_patient(who or patient(), list(appointments), at or clinic(), now)


def times(result, *purposes):
    return {
        message.key: message.send_at.astimezone(NEW_YORK).strftime("%m-%d %H:%M")
        for message in result.messages
        if not purposes or message.purpose in purposes
    }


def reminders(result):
    return list(times(result, Purpose.REMINDER_FAR, Purpose.REMINDER_NEAR).values())


def kinds(result):
    return [task.kind for task in result.tasks]


def test_a_visit_booked_two_weeks_ahead_is_confirmed_and_reminded_twice():
    result = plan(appointment(VISIT, booked_at=BOOKED))
    assert times(result) == {
        "confirmed:ehr/bk_1:r1": "11-20 12:00",
        "reminder:72h:2026-12-04T15:00Z": "12-01 10:00",
        "reminder:24h:2026-12-04T15:00Z": "12-03 10:00",
    }
    assert result.messages[0].send_at - BOOKED == timedelta(seconds=15)
    assert result.tasks == []


@pytest.mark.parametrize(
    ("booked", "starts", "expected"),
    [
        ("2026-12-01 09:59", "2026-12-04 10:00", ["12-01 10:00", "12-03 10:00"]),
        ("2026-12-01 10:01", "2026-12-04 10:00", ["12-03 10:00"]),  # R3: less than 72 h before, no T-72
        ("2026-12-03 10:01", "2026-12-04 10:00", []),  # R3: less than 24 h before, no reminder at all
        ("2026-11-20 12:00", "2026-12-04 07:00", ["11-30 19:30", "12-02 19:30"]),  # R2: earlier, not later
        ("2026-12-02 21:00", "2026-12-04 07:00", ["12-03 09:00"]),  # R2: earlier is past, so the next opening
        ("2026-10-25 12:00", "2026-11-02 09:30", ["10-30 09:30", "11-01 09:30"]),  # R8: across the end of summer time
        ("2026-03-01 12:00", "2026-03-09 09:30", ["03-06 09:30", "03-08 09:30"]),  # R8: across its beginning
    ],
)
def test_reminders_keep_the_wall_clock_and_the_window(booked, starts, expected):
    at = ny(booked)
    assert reminders(plan(appointment(ny(starts), booked_at=at), now=at)) == expected


def test_the_window_is_the_patients_own_and_the_time_the_clinics():  # R1
    in_honolulu = patient(time_zone="Pacific/Honolulu")
    result = plan(appointment(VISIT, booked_at=BOOKED), who=in_honolulu)
    # 10:00 in New York is 05:00 in Honolulu: the evening before, at 19:30 there.
    assert reminders(result) == ["12-01 00:30", "12-03 00:30"]


def test_a_late_booking_brings_its_preparation_at_once():  # R3
    now = ny("2026-12-03 15:00")
    result = plan(appointment(VISIT, booked_at=now), now=now)
    (confirmation,) = result.messages
    assert confirmation.values["preparation"] == {
        "fast_solids_from": "2026-12-04T09:00:00+00:00",
        "fast_clear_from": "2026-12-04T13:00:00+00:00",
        "ride": True,
    }
    assert kinds(result) == []


def test_a_booking_inside_the_fasting_hours_is_sent_and_flagged():  # R3
    now = ny("2026-12-04 09:30")
    result = plan(appointment(VISIT, booked_at=now), now=now)
    assert [message.purpose for message in result.messages] == [Purpose.CONFIRMATION]
    assert kinds(result) == [TaskKind.BOOKED_INSIDE_FASTING]


def test_what_the_window_makes_useless_becomes_a_task():  # R2
    now = ny("2026-12-03 22:00")
    result = plan(appointment(ny("2026-12-04 08:00"), booked_at=now), now=now)
    assert result.messages == []
    assert TaskKind.CHANGE_NOT_TEXTED_IN_TIME in kinds(result)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=-1), timedelta(days=-30)])
def test_nothing_is_planned_for_the_past(ahead):
    result = plan(appointment(BOOKED + ahead, booked_at=BOOKED))
    assert (result.messages, result.tasks) == ([], [])


def test_six_infusions_booked_together_get_one_confirmation():
    visits = [
        appointment(
            VISIT + timedelta(days=2 * number), booked_at=BOOKED + timedelta(seconds=number), booking_id=f"bk_{number}"
        )
        for number in range(6)
    ]
    result = plan(*visits, now=BOOKED + timedelta(seconds=5))
    (confirmation,) = [m for m in result.messages if m.purpose is Purpose.CONFIRMATION]
    assert confirmation.values["bookings"] == [f"bk_{number}" for number in range(6)]
    assert confirmation.send_at == BOOKED + timedelta(seconds=5 + 15)
    assert len(reminders(result)) == 12


def test_two_visits_on_one_day_get_one_reminder_naming_the_first():  # R10
    early = appointment(VISIT, booked_at=BOOKED, booking_id="bk_early")
    late = appointment(VISIT + timedelta(hours=4), booked_at=BOOKED, booking_id="bk_late", kind=VisitKind.CONSULTATION)
    result = plan(late, early)
    near = [m for m in result.messages if m.purpose is Purpose.REMINDER_NEAR]
    assert [m.values["bookings"] for m in near] == [["bk_early", "bk_late"]]
    assert near[0].values["starts_at"] == VISIT.isoformat()


MORNING = ny("2026-12-03 12:00")
"""The day before the visit, after the time of the ten o'clock visit's reminder and before that of one at two."""


@pytest.mark.parametrize(
    ("talk_booked", "infusion_booked", "now", "prepared_by"),
    [
        (BOOKED, BOOKED, BOOKED, "reminder:24h:2026-12-04T15:00Z"),
        (MORNING, BOOKED, MORNING, "reminder:24h:2026-12-04T19:00Z"),  # too late for one of its own takes none away
        (BOOKED, MORNING, MORNING, "confirmed:ehr/bk_infusion:r1"),  # that day's reminder has left already
    ],
)
def test_an_infusion_later_that_day_is_prepared_for(talk_booked, infusion_booked, now, prepared_by):  # R3, R10
    talk = appointment(
        VISIT,
        booked_at=talk_booked,
        booking_id="bk_talk",
        kind=VisitKind.CONSULTATION,
        told=told(VISIT) if talk_booked < now else None,
    )
    later = VISIT + timedelta(hours=4)
    infusion = appointment(
        later,
        booked_at=infusion_booked,
        booking_id="bk_infusion",
        told=told(later) if infusion_booked < now else None,
    )
    result = plan(talk, infusion, now=now)
    message = next(m for m in result.messages if m.key == prepared_by)
    assert message.values["preparation"]["fast_solids_from"] == (later - timedelta(hours=6)).isoformat()
    assert "bk_infusion" in message.values["bookings"]


def test_a_second_visit_that_no_reminder_prepares_for_is_confirmed_by_itself():
    now = ny("2026-12-03 15:00")
    talk = appointment(VISIT, booked_at=now, booking_id="bk_talk", kind=VisitKind.CONSULTATION)
    infusion = appointment(VISIT + timedelta(hours=4), booked_at=now, booking_id="bk_infusion")
    result = plan(talk, infusion, now=now)
    assert [(m.values["bookings"], m.values["preparation"] is not None) for m in result.messages] == [
        (["bk_talk"], False),
        (["bk_infusion"], True),
    ]


@pytest.mark.parametrize("known", [None, told(ny("2026-12-08 10:00"))])
def test_a_preparation_that_comes_after_fasting_has_begun_is_flagged(known):  # R2, R3
    now = ny("2026-12-03 21:00")
    result = plan(appointment(VISIT, booked_at=now, told=known), now=now)
    (notice,) = result.messages
    assert notice.send_at > datetime.fromisoformat(notice.values["preparation"]["fast_solids_from"])
    assert kinds(result) == [TaskKind.BOOKED_INSIDE_FASTING]


def test_a_reminder_of_the_same_day_does_not_keep_a_late_booking_from_its_preparation():
    cadence = {"infusion": [{"before": "24h", "useless_within": "4h"}, {"before": "7h", "useless_within": "1h"}]}
    now = ny("2026-12-03 19:45")
    result = plan(appointment(ny("2026-12-04 12:00"), booked_at=now), now=now, at=clinic(cadence=cadence))
    assert TaskKind.REMINDER_USELESS in kinds(result)
    assert [m.values["preparation"] is not None for m in result.messages] == [True]


def test_a_move_is_told_after_it_has_settled_and_replaces_the_reminders():  # R4
    moved = appointment(ny("2026-12-07 14:00"), booked_at=BOOKED, revision=2, told=told(VISIT))
    result = plan(moved)
    assert times(result) == {
        "moved:ehr/bk_1:r2": "11-20 12:01",
        "reminder:72h:2026-12-07T19:00Z": "12-04 14:00",
        "reminder:24h:2026-12-07T19:00Z": "12-06 14:00",
    }
    assert result.messages[0].send_at - BOOKED == timedelta(seconds=90)


def test_a_move_back_to_what_was_announced_is_not_told():
    back = appointment(VISIT, booked_at=BOOKED, revision=3, told=told(VISIT))
    assert times(plan(back), Purpose.CHANGE_NOTICE, Purpose.CONFIRMATION) == {}


def test_a_move_before_the_confirmation_left_needs_no_notice():
    result = plan(appointment(VISIT, booked_at=BOOKED, revision=2))
    assert list(times(result, Purpose.CHANGE_NOTICE, Purpose.CONFIRMATION)) == ["confirmed:ehr/bk_1:r2"]


def test_a_cancellation_silences_everything_and_is_told_once():
    cancelled = appointment(VISIT, booked_at=BOOKED, revision=2, status=Status.CANCELLED, told=told(VISIT))
    assert times(plan(cancelled)) == {"cancelled:ehr/bk_1:r2": "11-20 12:01"}


@pytest.mark.parametrize("known", [None, told(VISIT, Status.CANCELLED)])
def test_a_cancellation_of_what_nobody_was_told_says_nothing(known):
    cancelled = appointment(VISIT, booked_at=BOOKED, revision=2, status=Status.CANCELLED, told=known)
    assert plan(cancelled).messages == []


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.NO_SHOW])
def test_a_visit_that_is_over_needs_no_reminder(status):
    assert plan(appointment(VISIT, booked_at=BOOKED, revision=2, status=status, told=told(VISIT))).messages == []


def test_a_move_that_arrives_as_a_cancellation_and_a_new_booking_is_one_notice():
    gone = appointment(
        VISIT, booked_at=BOOKED, revision=2, status=Status.CANCELLED, told=told(VISIT), booking_id="bk_old"
    )
    later = BOOKED + timedelta(seconds=20)
    new = appointment(ny("2026-12-08 10:00"), booked_at=later, booking_id="bk_new")
    result = plan(gone, new, now=later)
    assert list(times(result, Purpose.CHANGE_NOTICE, Purpose.CONFIRMATION)) == ["moved:ehr/bk_new:r1"]
    assert {telling.identity.booking_id for telling in result.tellings if telling.key.startswith("moved")} == {
        "bk_old",
        "bk_new",
    }


def test_a_change_that_cannot_be_texted_before_the_old_time_goes_to_a_person_too():
    now = ny("2026-12-03 22:00")
    moved = appointment(ny("2026-12-04 15:00"), booked_at=now, revision=2, told=told(ny("2026-12-04 08:00")))
    result = plan(moved, now=now)
    assert [m.purpose for m in result.messages] == [Purpose.CHANGE_NOTICE]
    assert TaskKind.CHANGE_NOT_TEXTED_IN_TIME in kinds(result)


def test_a_visit_by_video_has_no_preparation_and_the_patients_clock():
    visit = appointment(VISIT, booked_at=BOOKED, modality=Modality.TELEMEDICINE)
    result = plan(visit, who=patient(time_zone="America/Chicago"))
    near = next(m for m in result.messages if m.purpose is Purpose.REMINDER_NEAR)
    assert (near.values["preparation"], near.values["time_zone"]) == (None, "America/Chicago")


@pytest.mark.parametrize("phone", [None])
def test_somebody_without_a_usable_phone_is_a_task_and_still_planned(phone):
    result = plan(appointment(VISIT, booked_at=BOOKED), who=patient(phone=phone))
    assert kinds(result) == [TaskKind.NO_USABLE_PHONE]
    assert len(result.messages) == 3


def test_late_reminders_expire_as_the_cadence_says():  # R9
    result = plan(appointment(VISIT, booked_at=BOOKED))
    near = next(m for m in result.messages if m.purpose is Purpose.REMINDER_NEAR)
    assert VISIT - near.expires_at == timedelta(hours=4)


@given(
    st.integers(0, 60 * 24 * 40).map(lambda minutes: timedelta(minutes=minutes)),
    st.sampled_from(
        ["2026-03-08 09:30", "2026-11-01 09:30", "2026-11-02 07:00", "2026-12-04 23:30", "2026-12-25 00:30"]
    ),
    st.sampled_from([None, "America/Phoenix", "Pacific/Honolulu", "Asia/Tokyo"]),
    st.sampled_from(VisitKind),
)
def test_every_planned_message_leaves_in_the_window_before_it_expires(lead, starts, zone, kind):
    start = ny(starts)
    booked = start - lead
    who, where = patient(time_zone=zone), clinic()
    result = plan_patient(who, [appointment(start, booked_at=booked, kind=kind)], where, booked)
    for message in result.messages:
        local = who.time_zone or where.time_zone
        assert where.window.hours.contains(message.send_at, __import__("zoneinfo").ZoneInfo(local))
        assert booked <= message.send_at < message.expires_at <= start


@given(st.permutations(range(4)), st.integers(0, 3))
def test_the_order_in_which_appointments_are_listed_does_not_matter(order, cancelled):
    visits = [
        appointment(VISIT + timedelta(hours=20 * number), booked_at=BOOKED, booking_id=f"bk_{number}")
        for number in range(4)
    ]
    visits[cancelled] = replace(visits[cancelled], status=Status.CANCELLED, told=told(visits[cancelled].starts_at))
    assert plan(*[visits[index] for index in order]) == plan(*visits)


def test_the_first_text_of_a_patient_may_say_what_they_will_get():
    result = plan(appointment(VISIT, booked_at=BOOKED), at=clinic(enrolment=True))
    enrolment, confirmation = result.messages[:2]
    assert (enrolment.key, enrolment.purpose, confirmation.after) == ("enrolment", Purpose.ENROLMENT, "enrolment")
    assert enrolment.values["weekly"] == 14
    later = plan(
        appointment(VISIT, booked_at=BOOKED, told=told(VISIT)),
        appointment(VISIT + timedelta(days=7), booked_at=BOOKED, booking_id="bk_2"),
        at=clinic(enrolment=True),
    )
    assert Purpose.ENROLMENT not in {message.purpose for message in later.messages}
    assert all(message.after is None for message in later.messages)
