"""Another channel when the first one fails, and a person when none is left."""

from datetime import timedelta

import pytest

from services.notifier.domain.receipt import Receipt
from services.notifier.handlers.chase_receipts import ChaseReceipts
from shared.clinics.model import Clinics
from shared.messages.booking import RESCHEDULED
from tests.builders import clinic, ny
from tests.handlers.test_sending import receive_receipt
from tests.rooms import open_rooms

ANA = {"patient_id": "p-1", "email": "ana@mail.example"}
AGREED = {"reminders": True, "email": True}


async def booked(rooms, **changes):
    await rooms.book(**{"patient": ANA, "consent": AGREED, **changes})
    rooms.clock.set(ny("2026-11-20 12:01"))
    await rooms.send()


async def tasks(rooms):
    return [row["kind"] for row in await rooms.rows("SELECT kind FROM notifier.staff_tasks ORDER BY raised_at, kind")]


async def channels(rooms):
    rows = await rooms.rows("SELECT channel, outcome FROM notifier.messages WHERE purpose = 'confirmation' ORDER BY id")
    return [(row["channel"], row["outcome"]) for row in rows]


@pytest.mark.parametrize("code", ["30005", "30006", "30007", "30004"])
async def test_an_undelivered_text_becomes_an_email(rooms, code):
    await booked(rooms)
    await receive_receipt(rooms, rooms.sandbox.accepted()[-1]["sid"], Receipt.UNDELIVERED, code=code)
    await rooms.send()
    assert await channels(rooms) == [("sms", "sent"), ("email", "sent")]
    assert "patient_not_reached" not in await tasks(rooms)


async def test_an_unreachable_handset_is_tried_again_before_an_email_leaves(rooms):  # 30003
    await booked(rooms)
    for wait in (timedelta(minutes=30), timedelta(hours=2)):
        await receive_receipt(rooms, rooms.sandbox.accepted()[-1]["sid"], Receipt.UNDELIVERED, code="30003")
        await rooms.send()
        assert rooms.mails() == []
        rooms.clock.advance(wait)
        await rooms.send()
    await receive_receipt(rooms, rooms.sandbox.accepted()[-1]["sid"], Receipt.UNDELIVERED, code="30003")
    await rooms.send()
    assert (len(rooms.texts()), len(rooms.mails())) == (3, 1)


@pytest.mark.parametrize("code", [21211, 21614, 21635])
async def test_a_number_that_leads_nowhere_is_asked_once(rooms, code):
    rooms.sandbox.faults.add({"kind": "error", "code": code, "count": 1})
    await booked(rooms)
    assert await channels(rooms) == [("sms", "failed"), ("email", "sent")]
    await rooms.until(ny("2026-12-05 12:00"))
    assert rooms.texts() == []
    assert len(rooms.mails()) == 3
    assert await tasks(rooms) == ["number_unusable"]


@pytest.mark.parametrize(("between", "asked"), [(None, 2), (Receipt.DELIVERED, 4)])
async def test_a_number_is_given_up_when_two_texts_in_a_row_find_nobody(rooms, between, asked):  # 30005
    fates = [Receipt.UNDELIVERED, *([between] if between else []), Receipt.UNDELIVERED]
    await booked(rooms)
    for day, fate in enumerate(fates, start=5):
        code = "30005" if fate is Receipt.UNDELIVERED else None
        await receive_receipt(rooms, rooms.sandbox.accepted()[-1]["sid"], fate, code=code)
        await rooms.book(
            booking_id=f"bk_{day}", patient=ANA, starts_at=f"2026-12-{day:02d}T10:00:00-05:00", ends_at=None
        )
        rooms.clock.advance(timedelta(minutes=1))
        await rooms.send()
    assert len(rooms.texts()) == asked


async def test_after_a_stop_at_the_provider_emails_go_on(rooms):  # 21610, K9
    rooms.sandbox.opt_outs.blocked.add("+12125550123")
    await booked(rooms)
    await rooms.until(ny("2026-12-05 12:00"))
    assert (rooms.texts(), len(rooms.mails())) == ([], 3)


async def test_where_no_channel_is_left_a_person_is_asked_once_per_visit(rooms):
    rooms.sandbox.faults.add({"kind": "error", "code": 21614, "count": 5})
    await booked(rooms, consent={"reminders": True})
    await rooms.until(ny("2026-12-05 12:00"))
    assert (rooms.texts(), rooms.mails()) == ([], [])
    assert await tasks(rooms) == ["number_unusable", "patient_not_reached"]


async def test_a_move_that_cannot_be_told_after_a_stop_goes_to_a_person(rooms):
    await booked(rooms, consent={"reminders": True})
    await rooms.receive("STOP")
    await rooms.book(
        RESCHEDULED, revision=2, starts_at="2026-12-07T10:00:00-05:00", ends_at=None, consent={"reminders": True}
    )
    rooms.clock.advance(timedelta(minutes=2))
    await rooms.send()
    assert await tasks(rooms) == ["patient_not_reached"]


async def test_a_text_without_any_receipt_becomes_an_email_after_six_hours(rooms):
    chase = ChaseReceipts(rooms.notifier, rooms.clock, rooms.context)
    await booked(rooms)
    rooms.sandbox.messages.all[rooms.sandbox.accepted()[0]["sid"]].status = "sent"
    rooms.clock.advance(timedelta(hours=5, minutes=59))
    assert await chase.run_once() == 0
    rooms.clock.advance(timedelta(minutes=1))
    assert await chase.run_once() == 1
    assert await chase.run_once() == 0
    await rooms.send()
    assert len(rooms.mails()) == 1


async def test_a_receipt_that_was_lost_is_asked_for(rooms):
    chase = ChaseReceipts(rooms.notifier, rooms.clock, rooms.context)
    await booked(rooms)
    rooms.sandbox.messages.all[rooms.sandbox.accepted()[0]["sid"]].status = "delivered"
    rooms.clock.advance(timedelta(hours=6))
    assert await chase.run_once() == 1
    await rooms.send()
    row = await rooms.row("SELECT receipt FROM notifier.messages WHERE purpose = 'confirmation'")
    assert (row["receipt"], rooms.mails()) == ("delivered", [])


async def test_all_channels_carry_it_where_the_clinic_says_so(database_url, sealer):
    both = Clinics(clinics={"harbor": clinic(delivery={"channels": ["sms", "email"], "how": "all"})})
    async with open_rooms(database_url, sealer, clinics=both) as rooms:
        await booked(rooms)
        assert (len(rooms.texts()), len(rooms.mails())) == (1, 1)


async def test_a_plan_that_drops_a_message_drops_what_stands_in_for_it(rooms):
    rooms.sandbox.faults.add({"kind": "error", "code": 21614, "count": 1})
    await rooms.book(patient=ANA, consent=AGREED)
    rooms.clock.set(ny("2026-11-20 12:01"))
    while await rooms.sender.run_once():
        await rooms.sender.finish()
    await rooms.book("booking.cancelled.v1", revision=2, patient=ANA, consent=AGREED)
    await rooms.until(ny("2026-12-05 12:00"))
    assert rooms.mails() == []
    assert await channels(rooms) == [("sms", "failed"), ("email", "withdrawn")]


async def test_a_change_in_the_night_is_mailed_and_a_person_told(rooms):  # R2
    rooms.clock.set(ny("2026-12-03 12:00"))
    await rooms.book(patient=ANA, consent=AGREED, starts_at="2026-12-04T08:00:00-05:00", ends_at=None)
    rooms.clock.advance(timedelta(minutes=1))
    await rooms.send()
    rooms.clock.set(ny("2026-12-03 21:00"))
    await rooms.book(
        RESCHEDULED, revision=2, patient=ANA, consent=AGREED, starts_at="2026-12-04T07:30:00-05:00", ends_at=None
    )
    rooms.clock.advance(timedelta(minutes=2))
    await rooms.send()
    (mail,) = rooms.mails()
    assert "as soon as you can" in mail["parts"]["text/plain"]
    kinds = await rooms.rows("SELECT kind FROM booking_events.staff_tasks")
    assert "change_not_texted_in_time" in {row["kind"] for row in kinds}
