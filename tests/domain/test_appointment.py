"""Which events take effect, and in which order."""

import itertools
from datetime import timedelta

import pytest

from services.booking_events.domain.appointment import (
    Identity,
    Order,
    OrderedBy,
    Status,
    Verdict,
    content_of,
    judge,
    order_of,
    take,
)
from shared.kernel.errors import PermanentError
from tests.builders import booking, ny

NOW = ny("2026-11-20 12:00")
IDENTITY = Identity("harbor", "ehr", "bk_1")


def after(current, status, said, *, now=NOW):
    order = order_of(said, NOW)
    if judge(current, status, order, content_of(status, said)) is not Verdict.TAKEN:
        return current
    return take(
        current,
        said,
        identity=IDENTITY,
        patient_ref="pt",
        status=status,
        order=order,
        now=now,
        booked_at=now,
        announced=True,
    )


def history(events):
    current = None
    for status, said in events:
        current = after(current, status, said)
    return (current.status, current.order, current.starts_at)


EVENTS = [
    (Status.BOOKED, booking(revision=1)),
    (Status.BOOKED, booking(revision=2, starts_at="2026-12-05T10:00:00-05:00", ends_at=None)),
    (Status.BOOKED, booking(revision=3, starts_at="2026-12-06T10:00:00-05:00", ends_at=None)),
    (Status.CANCELLED, booking(revision=4)),
    (Status.BOOKED, booking(revision=5, starts_at="2026-12-07T10:00:00-05:00", ends_at=None)),
]


def test_every_permutation_of_a_history_ends_the_same():  # RELIABILITY.md I2
    for length in range(1, len(EVENTS) + 1):
        expected = history(EVENTS[:length])
        assert all(history(order) == expected for order in itertools.permutations(EVENTS[:length]))


@pytest.mark.parametrize(
    ("known", "comes", "verdict"),
    [
        ((Status.BOOKED, 2), (Status.BOOKED, 1), Verdict.STALE),
        ((Status.BOOKED, 2), (Status.BOOKED, 3), Verdict.TAKEN),
        ((Status.BOOKED, 2), (Status.BOOKED, 2), Verdict.REPEATED),
        ((Status.BOOKED, 2), (Status.CANCELLED, 2), Verdict.TAKEN),  # in equal order a cancellation wins
        ((Status.CANCELLED, 2), (Status.BOOKED, 2), Verdict.STALE),
        ((Status.CANCELLED, 2), (Status.CANCELLED, 2), Verdict.REPEATED),
        ((Status.BOOKED, 2), (Status.COMPLETED, 2), Verdict.CONTRADICTED),
        ((Status.CANCELLED, 2), (Status.BOOKED, 3), Verdict.TAKEN),
    ],
)
def test_which_event_takes_effect(known, comes, verdict):
    current = after(None, known[0], booking(revision=known[1]))
    said = booking(revision=comes[1])
    assert judge(current, comes[0], order_of(said, None), content_of(comes[0], said)) is verdict


def test_the_same_order_with_another_time_contradicts():
    current = after(None, Status.BOOKED, booking(revision=1))
    other = booking(revision=1, starts_at="2026-12-05T10:00:00-05:00", ends_at=None)
    assert (
        judge(current, Status.BOOKED, order_of(other, None), content_of(Status.BOOKED, other)) is Verdict.CONTRADICTED
    )


def test_order_is_the_revision_else_when_it_occurred_else_the_events_time():
    assert order_of(booking(revision=7), NOW) == Order(OrderedBy.REVISION, 7)
    occurred = booking(revision=None, occurred_at="2026-11-01T00:00:00Z")
    assert order_of(occurred, NOW).by is OrderedBy.OCCURRED_AT
    assert order_of(booking(revision=None), NOW).by is OrderedBy.EVENT_TIME
    with pytest.raises(PermanentError, match=r"data\.revision"):
        order_of(booking(revision=None), None)


def test_one_way_of_ordering_per_booking():
    current = after(None, Status.BOOKED, booking(revision=1))
    with pytest.raises(PermanentError, match="ordered by revision"):
        judge(current, Status.BOOKED, order_of(booking(revision=None), NOW), "x")


def test_only_a_new_time_restarts_the_reckoning_of_reminders():
    first = after(None, Status.BOOKED, booking(revision=1))
    later = NOW + timedelta(hours=1)
    assert after(first, Status.BOOKED, booking(revision=2), now=later).timed_at == NOW
    moved = booking(revision=2, starts_at="2026-12-05T10:00:00-05:00", ends_at=None)
    assert after(first, Status.BOOKED, moved, now=later).timed_at == later
