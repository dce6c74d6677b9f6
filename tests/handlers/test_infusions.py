"""patient.infusions.v1: told when an infusion took place, assumed where a feed never says so, and taken back."""

import pytest

from services.booking_events.domain.task import TaskKind
from services.booking_events.handlers.assume_completed import AssumeCompleted
from shared.clinics.model import Clinics
from shared.messages.booking import CANCELLED, COMPLETED, NO_SHOW, RESCHEDULED
from shared.messages.infusions import PATIENT_INFUSIONS
from tests.builders import example_clinics, ny
from tests.rooms import open_rooms


async def told(rooms, step):
    """Let a step happen; return the snapshots that it published."""
    seen = []
    carry = rooms.carry

    async def listen():
        carried = await carry()
        seen.extend(envelope.data for envelope in carried if envelope.type == PATIENT_INFUSIONS)
        return carried

    rooms.carry = listen
    try:
        await step
    finally:
        rooms.carry = carry
    return seen


async def assumed(rooms):
    """Take what is due to have taken place, and carry the news."""
    await rooms.assumer.run_once()
    await rooms.carry()


async def test_a_completed_infusion_is_told_with_its_end_the_next_one_and_the_recipient(rooms):
    await rooms.book(series={"number": 1, "of": 6})
    await rooms.book(booking_id="bk_2", starts_at="2026-12-07T10:00:00-05:00", ends_at="2026-12-07T12:10:00-05:00")
    rooms.clock.set(ny("2026-12-04 12:30"))
    (snapshot,) = await told(rooms, rooms.book(COMPLETED, revision=2, series={"number": 1, "of": 6}))
    assert snapshot["infusions"] == [
        {
            "infusion_id": "ehr/bk_1",
            "started_at": "2026-12-04T15:00:00Z",
            "ended_at": "2026-12-04T17:10:00Z",
            "series": {"number": 1, "of": 6},
            "assumed": False,
        }
    ]
    assert (snapshot["next_starts_at"], snapshot["revision"]) == ("2026-12-07T15:00:00Z", 1)
    assert snapshot["recipient"]["phone"] == "+12125550123"


async def test_nothing_is_told_of_a_patient_who_had_none(rooms):
    assert await told(rooms, rooms.book()) == []


@pytest.mark.parametrize("correction", [CANCELLED, NO_SHOW])
async def test_a_correction_voids_what_was_told(rooms, correction):
    await rooms.book()
    rooms.clock.set(ny("2026-12-04 12:30"))
    await rooms.book(COMPLETED, revision=2)
    (snapshot,) = await told(rooms, rooms.book(correction, revision=3))
    assert (snapshot["infusions"], snapshot["voided"], snapshot["revision"]) == ([], ["ehr/bk_1"], 2)


async def test_a_feed_that_never_says_so_is_not_waited_for(rooms):
    await rooms.book()
    await rooms.until(ny("2026-12-04 14:09"))
    assert await told(rooms, assumed(rooms)) == []
    rooms.clock.set(ny("2026-12-04 14:10"))
    (snapshot,) = await told(rooms, assumed(rooms))
    assert [(item["infusion_id"], item["assumed"]) for item in snapshot["infusions"]] == [("ehr/bk_1", True)]
    assert await told(rooms, assumed(rooms)) == []


async def test_a_clinic_that_left_the_file_keeps_no_other_from_going_on(rooms):
    await rooms.book(clinic_id="mesa", booking_id="gone", patient={"patient_id": "p-2"})
    await rooms.book()
    rooms.clock.set(ny("2026-12-05 12:00"))
    clinics = example_clinics()
    left = clinics.model_copy(update={"clinics": {"harbor": clinics.clinics["harbor"]}})
    rooms.assumer = AssumeCompleted(rooms.bookings, rooms.clock, left)
    (snapshot,) = await told(rooms, assumed(rooms))
    assert snapshot["infusions"][0]["infusion_id"] == "ehr/bk_1"
    assert await rooms.assumer.run_once() == 0


async def test_one_visit_that_cannot_be_settled_keeps_no_other_from_going_on(rooms):
    await rooms.book(booking_id="odd", patient={"patient_id": "p-2"})
    await rooms.book()
    await rooms.run("UPDATE booking_events.patients SET contact = 'x' WHERE patient_ref <> %s", await ref_of(rooms))
    rooms.clock.set(ny("2026-12-05 12:00"))
    (snapshot,) = await told(rooms, assumed(rooms))
    assert snapshot["infusions"][0]["infusion_id"] == "ehr/bk_1"


async def ref_of(rooms):
    row = await rooms.row("SELECT patient_ref FROM booking_events.appointments WHERE booking_id = 'bk_1'")
    return row["patient_ref"]


async def test_of_a_feed_that_says_so_nothing_is_assumed(rooms):
    await rooms.book(booking_id="bk_0", starts_at="2026-11-21T10:00:00-05:00", ends_at="2026-11-21T12:00:00-05:00")
    await rooms.book()
    rooms.clock.set(ny("2026-11-21 12:05"))
    await rooms.book(
        COMPLETED,
        booking_id="bk_0",
        revision=2,
        starts_at="2026-11-21T10:00:00-05:00",
        ends_at="2026-11-21T12:00:00-05:00",
    )
    rooms.clock.set(ny("2026-12-04 15:00"))
    assert await told(rooms, assumed(rooms)) == []


async def test_a_visit_assumed_too_early_is_taken_back_when_it_moves(rooms):
    await rooms.book()
    rooms.clock.set(ny("2026-12-04 14:10"))
    await assumed(rooms)
    later = {"starts_at": "2026-12-08T10:00:00-05:00", "ends_at": "2026-12-08T12:10:00-05:00"}
    (snapshot,) = await told(rooms, rooms.book(RESCHEDULED, revision=2, **later))
    assert (snapshot["infusions"], snapshot["voided"]) == ([], ["ehr/bk_1"])
    assert snapshot["next_starts_at"] == "2026-12-08T15:00:00Z"
    rooms.clock.set(ny("2026-12-08 14:10"))
    (snapshot,) = await told(rooms, assumed(rooms))
    assert (len(snapshot["infusions"]), snapshot["voided"]) == (1, [])


async def test_new_details_of_the_patient_are_told_too(rooms):
    await rooms.book()
    rooms.clock.set(ny("2026-12-04 12:30"))
    await rooms.book(COMPLETED, revision=2)
    (snapshot,) = await told(rooms, rooms.book(COMPLETED, revision=3, patient={"phone": "+12125550177"}))
    assert snapshot["recipient"]["phone"] == "+12125550177"


def braked(**brake):
    content = example_clinics().model_dump()
    content["clinics"]["harbor"]["brake"] = brake
    return Clinics.model_validate(content)


async def test_a_feed_that_cancels_most_of_its_bookings_pauses_the_clinic_before_anybody_is_told(database_url, sealer):
    clinics = braked(share=0.5, at_least=3, within="15m")
    async with open_rooms(database_url, sealer, clinics=clinics) as rooms:
        for number in range(4):
            await rooms.book(
                booking_id=f"bk_{number}", patient={"patient_id": f"p-{number}", "phone": f"+1212555013{number}"}
            )
        await rooms.until(ny("2026-11-20 12:05"))
        confirmed = len(rooms.texts())
        for number in range(3):
            await rooms.book(
                CANCELLED,
                booking_id=f"bk_{number}",
                revision=2,
                patient={"patient_id": f"p-{number}", "phone": f"+1212555013{number}"},
            )
        await rooms.until(ny("2026-11-20 13:00"))
        assert len(rooms.texts()) == confirmed == 4
        tasks = await rooms.rows("SELECT kind, refs FROM booking_events.staff_tasks")
        assert [(row["kind"], row["refs"]["changed"]) for row in tasks] == [(TaskKind.FEED_BRAKED, "3")]
        held = await rooms.rows("SELECT DISTINCT reason FROM notifier.messages WHERE state = 'held'")
        assert [row["reason"] for row in held] == ["paused"]


async def test_a_few_cancellations_among_many_bookings_are_life(database_url, sealer):
    async with open_rooms(database_url, sealer, clinics=braked(share=0.5, at_least=3, within="15m")) as rooms:
        for number in range(8):
            await rooms.book(booking_id=f"bk_{number}", patient={"patient_id": f"p-{number}"})
        for number in range(3):
            await rooms.book(CANCELLED, booking_id=f"bk_{number}", revision=2, patient={"patient_id": f"p-{number}"})
        assert await rooms.rows("SELECT kind FROM booking_events.staff_tasks") == []
