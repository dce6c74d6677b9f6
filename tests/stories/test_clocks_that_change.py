"""R8: 9:30 stays 9:30, whatever the clocks do; Phoenix and Honolulu have no such days."""

from datetime import timedelta
from itertools import product

import pytest

from tests.chaos.reading import Kind, read
from tests.stories.telling import at, telling

ZONES = {"harbor": "America/New_York", "mesa": "America/Phoenix", "kona": "Pacific/Honolulu"}
CHANGES = {"clocks go forward": "2027-03-14", "clocks go back": "2026-11-01"}


@pytest.mark.parametrize("sunday", CHANGES.values(), ids=CHANGES)
async def test_reminders_keep_the_visits_time_of_day(database_url, sealer, sunday):
    """Visits on the day of the change and on the three days after it, in three zones at once."""
    async with telling(database_url, sealer, now=f"{at(sunday) - timedelta(days=6):%Y-%m-%d} 10:00") as story:
        visits = {}
        for number, (clinic, days) in enumerate(product(ZONES, range(4))):
            patient = story.patient(number, clinic=clinic)
            visits[patient.phone] = at(f"{sunday} 09:30", ZONES[clinic]) + timedelta(days=days)
            await story.book(patient, f"bk_{number}", visits[patient.phone])
        await story.end(at(sunday) + timedelta(days=5))
        for phone, visit in visits.items():
            texts = [text for text in story.texts if text.to == phone]
            left = {read(text.body).kind: text.latest.astimezone(visit.tzinfo) for text in texts}
            assert left[Kind.FAR].replace(tzinfo=None) == visit.replace(tzinfo=None) - timedelta(days=3)
            assert left[Kind.NEAR].replace(tzinfo=None) == visit.replace(tzinfo=None) - timedelta(days=1)
            assert all("9:30 AM" in text.body for text in texts)


@pytest.mark.parametrize("sunday", CHANGES.values(), ids=CHANGES)
async def test_a_visit_at_an_odd_hour_is_reminded_of_inside_the_window(database_url, sealer, sunday):
    """02:30 does not exist on one of these days, 01:30 happens twice on the other (R2, R8)."""
    async with telling(database_url, sealer, now=f"{at(sunday) - timedelta(days=5):%Y-%m-%d} 10:00") as story:
        clocks = ("00:30", "01:30", "02:30", "03:30", "07:30", "20:00", "23:59")
        for number, (clock, days) in enumerate(product(clocks, (0, 1, 3))):
            visit = at(f"{sunday} {clock}") + timedelta(days=days)
            await story.book(story.patient(number), f"bk_{number}", visit, kind="consultation")
        await story.end(at(sunday) + timedelta(days=5))
        assert all(len(story.said_to(patient)) == 3 for patient in story.patients.values())


async def test_a_patient_in_another_zone_is_told_in_their_own_day(database_url, sealer):
    """R1: the window is the patient's; the time in the text is the clinic's."""
    async with telling(database_url, sealer, now="2026-10-27 12:00") as story:
        patient = story.patient(clinic="harbor", time_zone="Pacific/Honolulu")
        await story.book(patient, "bk_1", at("2026-11-02 09:00"))
        await story.end(at("2026-11-03 12:00"))
        assert len(story.said_to(patient)) == 3
        assert all("9:00 AM" in text for text in story.said_to(patient))
