"""The judgement at the moment of sending."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.judge import SHORTEST_USE, Due, End, Facts, Hold, Send, judge
from services.notifier.domain.policy import POLICIES
from services.notifier.domain.state import DeliveryStatus, Reason
from shared.kernel.send_window import SendWindow
from shared.messages.base import Channel, Consent, Purpose
from tests.builders import NEW_YORK, ny

NOON, NIGHT = ny("2026-12-01 12:00"), ny("2026-12-01 23:00")
FACTS = Facts(Consent(reminders=True), NEW_YORK, SendWindow(time(9), time(20)))


def due(purpose=Purpose.REMINDER_NEAR, **changes):
    facts = {"channel": Channel.SMS, "wanted": True, "expires_at": ny("2026-12-02 06:00")}
    return Due(purpose, **{**facts, **changes})


@pytest.mark.parametrize(
    ("message", "facts", "now", "expected"),
    [
        (due(), FACTS, NOON, Send()),
        (due(), FACTS, NIGHT, Hold(Reason.OUTSIDE_WINDOW, ny("2026-12-02 06:00"))),  # the window wins
        (due(Purpose.SAFETY), FACTS, NIGHT, Send()),
        (due(Purpose.ANSWER_REPLY), FACTS, NIGHT, Send()),
        (due(Purpose.ANSWER_REPLY), replace(FACTS, last_heard_at=NIGHT - timedelta(minutes=5)), NIGHT, Send()),
        (  # DOMAIN.md 4.3: whoever wrote an hour ago may be asleep
            due(Purpose.ANSWER_REPLY),
            replace(FACTS, last_heard_at=NIGHT - timedelta(minutes=6)),
            NIGHT,
            Hold(Reason.OUTSIDE_WINDOW, ny("2026-12-02 06:00")),
        ),
        (due(Purpose.SAFETY), replace(FACTS, last_heard_at=NIGHT - timedelta(hours=1)), NIGHT, Send()),
        (due(wanted=False), FACTS, NOON, Hold(Reason.NOT_WANTED, ny("2026-12-02 06:00"))),
        (due(), replace(FACTS, has_opted_out=True), NOON, Hold(Reason.OPTED_OUT, ny("2026-12-02 06:00"))),
        (due(Purpose.OPT_OUT_CONFIRMATION), replace(FACTS, has_opted_out=True), NOON, Send()),
        (
            due(Purpose.SAFETY),
            replace(FACTS, has_opted_out=True),
            NOON,
            End(DeliveryStatus.DROPPED, Reason.BLOCKED_OPT_OUT),
        ),
        (due(), replace(FACTS, consent=Consent()), NOON, Hold(Reason.NO_CONSENT, ny("2026-12-02 06:00"))),
        (due(), replace(FACTS, has_address=False), NOON, Hold(Reason.NO_ADDRESS, ny("2026-12-02 06:00"))),
        (due(), replace(FACTS, is_paused=True), NOON, Hold(Reason.PAUSED, ny("2026-12-02 06:00"))),
        (due(), replace(FACTS, is_allowed_here=False), NOON, End(DeliveryStatus.DROPPED, Reason.NOT_ALLOWED_HERE)),
        (due(expires_at=NOON), FACTS, NOON, End(DeliveryStatus.DROPPED, Reason.EXPIRED)),
        (due(expires_at=NOON, last_reason="opted_out"), FACTS, NOON, End(DeliveryStatus.DROPPED, "opted_out")),
        (due(expires_at=NOON, wanted=False), FACTS, NOON, End(DeliveryStatus.WITHDRAWN, Reason.NOT_WANTED)),
    ],
)
def test_what_becomes_of_a_due_message(message, facts, now, expected):
    assert judge(message, facts, now) == expected


def test_every_purpose_has_a_policy():
    assert set(POLICIES) == set(Purpose)


@given(
    st.sampled_from(Purpose),
    st.booleans(),
    st.builds(
        Facts,
        consent=st.builds(Consent, reminders=st.booleans(), checkins=st.booleans()),
        zone=st.just(NEW_YORK),
        window=st.just(FACTS.window),
        has_address=st.booleans(),
        has_opted_out=st.booleans(),
        is_paused=st.booleans(),
    ),
    st.integers(-600, 3000).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 1440).map(lambda minutes: timedelta(minutes=minutes)),
)
def test_nothing_is_sent_that_should_not_be(purpose, wanted, facts, use, clock):
    now = ny("2026-12-01 00:00") + clock
    message = due(purpose, wanted=wanted, expires_at=now + use)
    verdict = judge(message, facts, now)
    if isinstance(verdict, Send):
        assert wanted
        assert use > SHORTEST_USE
        assert not (facts.has_opted_out and purpose is not Purpose.OPT_OUT_CONFIRMATION)
        assert facts.window.contains(now, NEW_YORK) or not POLICIES[purpose].obeys_window
    if isinstance(verdict, Hold):
        assert now < verdict.until <= message.expires_at
