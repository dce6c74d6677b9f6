"""Whatever a booking system says, in whatever order: the rules hold."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.messages import booking as events
from tests.chaos.journal import Status
from tests.conftest import fresh_database
from tests.stories.telling import at, telling

BEGINNINGS = ("2026-10-28 12:00", "2026-11-23 19:30", "2027-03-11 09:00", "2026-12-27 03:00")
WAITS = tuple(
    timedelta(**wait) for wait in ({"seconds": 5}, {"minutes": 2}, {"hours": 1}, {"hours": 7}, {"days": 1}, {"days": 3})
)
EXAMPLES = int(os.environ.get("AFTERCARE_EXAMPLES", "8"))


@dataclass(frozen=True)
class Line:
    """One line of a story: some time passes, then something is said of one booking."""

    wait: timedelta
    says: str
    booking: int
    days: int
    hour: int


lines = st.builds(
    Line,
    st.sampled_from(WAITS),
    st.sampled_from(["book", "book", "book", "cancel", "over", "again", "stale", "down"]),
    st.integers(0, 2),
    st.integers(0, 6),
    st.integers(6, 21),
)


@pytest.mark.timeout(60 + 15 * EXAMPLES)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    beginning=st.sampled_from(BEGINNINGS),
    clinic=st.sampled_from(["harbor", "mesa", "kona"]),
    time_zone=st.sampled_from([None, None, "America/New_York", "Pacific/Honolulu"]),
    plot=st.lists(lines, min_size=1, max_size=14),
)
async def test_any_history(servers, template, sealer, beginning, clinic, time_zone, plot):  # noqa: PLR0917 - fixtures, then what is drawn
    with fresh_database(servers, template) as url:
        async with telling(url, sealer, now=beginning) as story:
            patient = story.patient(clinic=clinic, time_zone=time_zone)
            revisions: dict[str, int] = {}
            for line in plot:
                if line.says == "down":
                    await story.jump(story.now + line.wait)
                    continue
                await story.until(story.now + line.wait)
                await say(story, patient, line, revisions)
            await story.end(story.now + timedelta(days=9))


async def say(story, patient, line, revisions):
    booking = f"bk_{line.booking}"
    known = patient.visits.get(booking)
    last = known.stages[-1].state if known and known.stages else None
    start = starts_at(story.now, line)
    kind = ("infusion", "consultation", "follow_up")[line.booking]
    revision = revisions.get(booking, 0)
    if line.says == "book" or last is None:
        event = events.CREATED if last is None else events.RESCHEDULED
        await story.book(patient, booking, start, revision + 2, event, kind=kind)
        revisions[booking] = revision + 2
    elif line.says == "stale":
        await story.book(patient, booking, start, revision - 1, events.RESCHEDULED, kind=kind)
    elif line.says == "again":
        event = {Status.BOOKED: events.RESCHEDULED, Status.CANCELLED: events.CANCELLED, Status.OVER: events.COMPLETED}
        await story.book(patient, booking, last.starts_at, revision + 2, event[last.status], kind=kind)
        revisions[booking] = revision + 2
    else:
        event = events.CANCELLED if line.says == "cancel" else events.NO_SHOW
        await story.book(patient, booking, last.starts_at, revision + 2, event, kind=kind)
        revisions[booking] = revision + 2


def starts_at(now: datetime, line: Line) -> datetime:
    """Return a start on one of the coming days; no two bookings ever share a minute."""
    day = now.date() + timedelta(days=line.days)
    return at(f"{day} {line.hour:02d}:{line.booking * 10:02d}")
