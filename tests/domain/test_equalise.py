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
    assert equalise(plan(), [KnownMessage(1, "a", Channel.SMS, state)]).unwanted == (1,)


def test_what_is_absent_is_inserted_once_per_channel():
    both = (Channel.SMS, Channel.EMAIL)
    everywhere = equalise(plan(message("a", channels=both, delivery="all")), [])
    first = equalise(plan(message("a", channels=both)), [])
    assert [row.channel for row in everywhere.inserted] == list(both)
    assert [row.channel for row in first.inserted] == [Channel.SMS]
