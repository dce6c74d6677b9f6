"""Making the table equal to a plan."""

from datetime import timedelta

import pytest

from services.notifier.domain.equalise import KnownMessage, equalise
from services.notifier.domain.state import DeliveryStatus
from shared.messages.base import Channel, Consent, Purpose
from shared.messages.plan import MessagesPlan, PlannedMessage, Recipient
from tests.builders import ny

NOW = ny("2026-12-01 12:00")


def message(key, **changes):
    facts = {"purpose": Purpose.CONFIRMATION, "template": "confirmation", "values": {}, "send_at": NOW}
    return PlannedMessage(key=key, expires_at=NOW + timedelta(days=1), **{**facts, **changes})


def plan(*messages):
    recipient = Recipient(time_zone="America/New_York", consent=Consent(), as_of=NOW)
    return MessagesPlan(
        clinic_id="harbor", patient_ref="pt", subject="s", revision=1, recipient=recipient, messages=messages
    )


@pytest.mark.parametrize("state", DeliveryStatus)
def test_a_listed_row_is_wanted_and_only_a_waiting_one_takes_new_times(state):
    changes = equalise(plan(message("a")), [KnownMessage(1, "a", Channel.SMS, state)])
    waiting = state in (DeliveryStatus.PLANNED, DeliveryStatus.HELD)
    assert changes.wanted == (1,)
    assert [row for row, _ in changes.updated] == ([1] if waiting else [])
    assert changes.inserted == ()
    assert changes.unwanted == ()


@pytest.mark.parametrize("state", DeliveryStatus)
def test_a_row_that_is_not_listed_is_not_wanted(state):
    changes = equalise(plan(), [KnownMessage(1, "a", Channel.SMS, state)])
    # What was sent is no longer listed for that alone: it stays wanted until something contradicts it.
    assert (changes.unwanted, changes.told) == (((), (1,)) if state is DeliveryStatus.SENT else ((1,), ()))


def test_what_is_absent_is_inserted_once_per_channel():
    both = (Channel.SMS, Channel.EMAIL)
    everywhere = equalise(plan(message("a", channels=both, delivery="all")), [])
    first = equalise(plan(message("a", channels=both)), [])
    assert [row.channel for row in everywhere.inserted] == list(both)
    assert [row.channel for row in first.inserted] == [Channel.SMS]


def test_what_stands_in_for_a_sent_message_is_wanted_as_before():
    both = (Channel.SMS, Channel.EMAIL)
    sent = KnownMessage(1, "a", Channel.SMS, DeliveryStatus.SENT)
    standing_in = KnownMessage(2, "a", Channel.EMAIL, DeliveryStatus.PLANNED)
    assert equalise(plan(), [sent, standing_in]).unwanted == ()
    failed = KnownMessage(1, "a", Channel.SMS, DeliveryStatus.FAILED)
    assert equalise(plan(), [failed, standing_in]).unwanted == (1, 2)
    listed = equalise(plan(message("a", channels=both)), [failed, standing_in])
    assert (listed.inserted, listed.wanted, listed.unwanted) == ((), (1, 2), ())


def test_a_message_starts_anew_on_a_channel_that_the_plan_now_names_alone():
    changes = equalise(
        plan(message("a", channels=(Channel.EMAIL,))), [KnownMessage(1, "a", Channel.SMS, DeliveryStatus.PLANNED)]
    )
    assert [row.channel for row in changes.inserted] == [Channel.EMAIL]
    assert changes.unwanted == (1,)
