"""The weekly budget, the distance between texts, and how fast a provider is asked."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.budget import is_in_series, slot_free_at
from services.notifier.domain.judge import Due, Facts, Hold, Send, is_hopeless, judge
from services.notifier.domain.pace import Bucket, Concurrency
from services.notifier.domain.policy import COUNTED, POLICIES
from services.notifier.domain.state import Reason
from shared.kernel.send_window import SendWindow
from shared.messages.base import Channel, Consent, Purpose
from tests.builders import NEW_YORK, ny

NOON = ny("2026-12-08 12:00")
AGREED = Consent(reminders=True, checkins=True, email=True)
FACTS = Facts(AGREED, NEW_YORK, SendWindow(time(9), time(20)), spacing=timedelta(hours=4))


def due(purpose, **changes):
    return Due(purpose, **{"channel": Channel.SMS, "wanted": True, "expires_at": ny("2026-12-20 12:00"), **changes})


def days_ago(*days):
    return tuple(NOON - timedelta(days=number) for number in days)


@pytest.mark.parametrize(
    ("purpose", "taken", "held_for_days"),
    [
        (Purpose.CHECKIN, (6, 5, 4, 3), None),
        (Purpose.CHECKIN, (6, 5, 4, 3, 2), 1),  # two of seven are kept for others
        (Purpose.REMINDER_FAR, (6, 5, 4, 3, 2), 1),
        (Purpose.REMINDER_NEAR, (6, 5, 4, 3, 2), None),
        (Purpose.HOME_SAFE, (6, 5, 4, 3, 2, 1), None),
        (Purpose.REMINDER_NEAR, (6, 5, 4, 3, 2, 1, 1), 1),
        (Purpose.CHANGE_NOTICE, (6, 5, 4, 3, 2, 1, 1), None),  # changes skip the budget
        (Purpose.ANSWER_REPLY, (6, 5, 4, 3, 2, 1, 1), None),
        (Purpose.CHECKIN, (9, 8, 7, 6, 5), None),  # a week later nobody counts it any more
    ],
)
def test_how_many_texts_a_week(purpose, taken, held_for_days):  # R7
    verdict = judge(due(purpose), replace(FACTS, slots=days_ago(*taken)), NOON)
    expected = Hold(Reason.BUDGET, NOON + timedelta(days=held_for_days)) if held_for_days else Send()
    assert verdict == expected


def test_a_series_has_twice_the_budget():
    assert is_in_series([ny("2026-12-07 10:00"), ny("2026-12-09 10:00"), ny("2026-12-14 10:00")])
    assert not is_in_series([ny("2026-12-07 10:00"), ny("2026-12-09 10:00"), ny("2026-12-16 10:00")])
    assert not is_in_series([ny("2026-12-07 10:00"), ny("2026-12-07 14:00")])
    assert judge(due(Purpose.CHECKIN), replace(FACTS, slots=days_ago(6, 5, 4, 3, 2, 1), weekly=14), NOON) == Send()


@pytest.mark.parametrize(
    ("purpose", "expires", "expected"),
    [
        (Purpose.REMINDER_FAR, "2026-12-09 12:00", Hold(Reason.SPACING, ny("2026-12-08 15:00"))),
        (Purpose.REMINDER_NEAR, "2026-12-09 06:00", Hold(Reason.SPACING, ny("2026-12-08 15:00"))),
        (Purpose.REMINDER_NEAR, "2026-12-08 14:00", Send()),  # distance never makes a reminder useless
        (Purpose.CHECKIN, "2026-12-08 14:00", Hold(Reason.SPACING, ny("2026-12-08 14:00"))),
        (Purpose.CHANGE_NOTICE, "2026-12-09 12:00", Send()),
        (Purpose.CONFIRMATION, "2026-12-09 12:00", Send()),
        (Purpose.SAFETY, "2026-12-09 12:00", Send()),
    ],
)
def test_texts_keep_their_distance(purpose, expires, expected):
    facts = replace(FACTS, last_text_at=NOON - timedelta(hours=1))
    assert judge(due(purpose, expires_at=ny(expires)), facts, NOON) == expected


def test_an_email_needs_neither_slot_nor_distance():
    facts = replace(FACTS, slots=days_ago(*[1] * 20), last_text_at=NOON)
    assert judge(due(Purpose.REMINDER_FAR, channel=Channel.EMAIL), facts, NOON) == Send()


def test_a_questionnaire_counts_once():  # its first question as a check-in, the others not at all
    full = replace(FACTS, slots=days_ago(*[1] * 9), last_text_at=NOON)
    assert judge(due(Purpose.QUESTIONNAIRE_ITEM), full, NOON) == Send()


def test_what_no_slot_will_free_in_time_takes_another_channel():
    message = due(Purpose.REMINDER_NEAR, expires_at=NOON + timedelta(hours=20))
    held = judge(message, replace(FACTS, slots=days_ago(*[1] * 7)), NOON)
    assert isinstance(held, Hold)
    assert (held.reason, is_hopeless(held, message), held.is_failure) == (Reason.BUDGET, True, True)


@given(st.lists(st.integers(0, 14 * 24).map(lambda hours: timedelta(hours=hours)), max_size=40), st.integers(3, 14))
def test_never_more_than_the_budget_in_any_seven_days(gaps, weekly):
    now, sent = NOON, []
    for gap in sorted(gaps):
        now = max(now, NOON + gap)
        now = max(now, slot_free_at(sent, weekly=weekly, may_use_last=True, now=now))
        assert slot_free_at(sent, weekly=weekly, may_use_last=True, now=now) == now
        sent.append(now)
    for start in sent:
        assert sum(start <= at < start + timedelta(days=7) for at in sent) <= weekly


def test_what_counts():
    skips = {
        *(Purpose.SAFETY, Purpose.PAGE, Purpose.ANSWER_REPLY, Purpose.OPT_OUT_CONFIRMATION, Purpose.CHANGE_NOTICE),
        Purpose.QUESTIONNAIRE_ITEM,
    }
    assert set(POLICIES) - COUNTED == skips


def test_slots_are_halved_once_per_burst_and_won_back_slowly():
    slots = Concurrency.full(16)
    for _ in range(5):  # five calls of one round, all refused
        slots = slots.was_too_much(begun_at=10.0, now=10.5)
    assert slots.slots == 8
    slots = slots.was_too_much(begun_at=11.0, now=11.5)
    assert slots.slots == 4
    for _ in range(4):
        slots = slots.went_well()
    assert slots.slots in (4, 5)
    for _ in range(1000):
        slots = slots.went_well()
    assert slots.slots == 16


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 5)), max_size=200))
def test_there_is_always_a_slot_and_never_too_many(answers):
    slots, now = Concurrency.full(20), 0.0
    for went_well, wait in answers:
        now += wait
        slots = slots.went_well() if went_well else slots.was_too_much(begun_at=now, now=now + 0.01)
        assert 1 <= slots.slots <= 20


@given(st.floats(1, 100), st.lists(st.floats(0, 3), min_size=1, max_size=50))
def test_no_more_leave_than_the_pace_allows(per_second, waits):
    bucket, now, left = Bucket(per_second), 0.0, 0
    for wait in waits:
        now += wait
        count = bucket.available(now, 1000)
        bucket = bucket.take(count, now)
        left += count
        assert left <= per_second * (now + 1) + 1


def test_without_a_pace_nothing_is_held_back():
    assert Bucket(None).take(5, 0.0).available(0.0, 30) == 30
