"""Exactly one text, whatever the provider does."""

from datetime import timedelta
from functools import partial

import pytest

from services.notifier.domain.receipt import Receipt
from services.notifier.handlers.adopt_by_receipt import adopt_by_receipt
from services.notifier.handlers.take_receipt import ReceiptReport
from services.notifier.store import pauses
from shared.messages import outcome as events
from shared.messages.booking import CANCELLED, RESCHEDULED
from shared.messages.pause import PAUSE, RESUME, TRY_PROVIDER, PauseClinic, ResumeClinic, TryProvider
from shared.postgres.unit_of_work import unit_of_work
from tests.builders import ny
from tests.rooms import open_rooms
from tests.waiting import until


async def booked(rooms, **changes):
    await rooms.book(**changes)
    rooms.clock.set(ny("2026-11-20 12:01"))


async def message(rooms):
    return await rooms.row("SELECT * FROM notifier.messages WHERE purpose = 'confirmation' ORDER BY id")


async def settled(rooms):
    async def look():
        await rooms.settler.run_once()
        await rooms.send()
        return (await message(rooms))["outcome"]

    return await until(look, what="a settled outcome")


async def receive_receipt(rooms, reference, status, *, code=None, token=None):
    async with unit_of_work(rooms.notifier, now=rooms.clock.now()) as unit:
        await adopt_by_receipt(unit, ReceiptReport(reference, status, code, token), context=rooms.context)
    return [envelope.type for envelope in await rooms.carry()]


@pytest.mark.parametrize("fault", ["500_after", "accept_then_drop", "hang_after", "broken_json", "502_html_after"])
async def test_an_accepted_message_whose_answer_was_lost_is_adopted(rooms, fault):
    kind = "500_after" if fault == "502_html_after" else fault
    rooms.sandbox.faults.add({"kind": kind, "count": 1, "seconds": 3})
    await booked(rooms)
    await rooms.send()
    assert (await message(rooms))["state"] == "unknown"
    assert await settled(rooms) == "sent"
    assert len(rooms.texts()) == 1


@pytest.mark.parametrize("fault", ["500_before", "502_html", "drop_before"])
async def test_a_message_that_never_arrived_is_sent_again_once_that_is_proven(rooms, fault):
    rooms.sandbox.faults.add({"kind": fault, "count": 1})
    await booked(rooms)
    await rooms.send()
    assert (await message(rooms))["state"] == "unknown"
    assert rooms.texts() == []
    assert await settled(rooms) == "sent"
    assert len(rooms.texts()) == 1
    assert (await message(rooms))["attempt"] == 2


async def test_a_message_that_shows_up_late_in_the_listing_is_not_repeated(rooms):
    rooms.sandbox.faults.add({"kind": "500_after", "count": 1})
    rooms.sandbox.faults.add({"kind": "list_lag", "count": 1, "seconds": 0.22})
    await booked(rooms)
    await rooms.send()
    assert await settled(rooms) == "sent"
    assert len(rooms.texts()) == 1


async def test_a_cancellation_while_the_outcome_is_unknown_stops_the_resend(rooms):
    rooms.sandbox.faults.add({"kind": "500_before", "count": 1})
    await booked(rooms)
    await rooms.send()
    await rooms.book(CANCELLED, revision=2)

    async def waits():
        await rooms.settler.run_once()
        await rooms.send()
        return (await message(rooms))["state"] in ("planned", "held")

    await until(waits)
    rooms.clock.set(ny("2026-12-05 12:00"))
    await rooms.send()
    assert rooms.texts() == []
    assert (await message(rooms))["outcome"] == "withdrawn"


async def left_after_all(rooms):
    """Let a confirmation turn out to have left, while something newer of the booking waits."""

    async def sent():
        await rooms.settler.run_once()
        await rooms.send()
        return (await message(rooms))["outcome"] == "sent"

    await until(sent, what="the confirmation to be adopted")
    await rooms.until(ny("2026-11-20 13:00"))


async def test_a_revision_that_changes_nothing_told_does_not_repeat_what_was_in_doubt(rooms):
    rooms.sandbox.faults.add({"kind": "500_after", "count": 1})
    await booked(rooms)
    await rooms.send()
    await rooms.book(RESCHEDULED, revision=2, consent={"reminders": True, "checkins": True})
    rooms.clock.set(ny("2026-11-20 12:02"))
    await left_after_all(rooms)
    assert len(rooms.texts()) == 1


async def test_a_move_while_the_confirmation_is_in_doubt_is_told_as_a_move(rooms):
    rooms.sandbox.faults.add({"kind": "500_after", "count": 1})
    await booked(rooms)
    await rooms.send()
    await rooms.book(RESCHEDULED, revision=2, starts_at="2026-12-07T10:00:00-05:00", ends_at=None)
    rooms.clock.set(ny("2026-11-20 12:02"))
    await left_after_all(rooms)
    booked_for, moved = rooms.texts()
    assert "is booked for Fri, Dec 4" in booked_for
    assert "on Fri, Dec 4 at 10:00 AM is now on Mon, Dec 7" in moved


async def test_too_many_requests_are_tried_again_later(rooms):
    rooms.sandbox.faults.add({"kind": "429", "count": 1, "seconds": 1})
    await booked(rooms)
    await rooms.send()
    assert (await message(rooms))["state"] == "planned"

    async def sent():
        await rooms.send()
        return (await message(rooms))["outcome"] == "sent"

    await until(sent)
    assert len(rooms.texts()) == 1


async def test_bad_credentials_pause_everything_and_lose_nothing(rooms):
    fault = rooms.sandbox.faults.add({"kind": "401", "count": 3})
    await booked(rooms)
    await rooms.book(booking_id="bk_2", patient={"patient_id": "p-2", "phone": "+12125550124"})
    rooms.clock.advance(timedelta(minutes=1))
    await rooms.send()
    assert rooms.texts() == []
    pauses = await rooms.rows("SELECT scope, cause FROM notifier.pauses")
    assert [(row["scope"], row["cause"]) for row in pauses] == [("provider", "20003")]
    assert [row["kind"] for row in await rooms.rows("SELECT kind FROM notifier.staff_tasks")] == ["provider_stopped"]
    await rooms.send()
    paused = partial(rooms.context.metrics.registry.get_sample_value, "aftercare_sending_paused")
    assert (paused({"provider": "twilio"}), paused({"provider": "sendgrid"})) == (1, 0)

    async def both():
        await rooms.send()
        return len(rooms.texts()) == 2

    await until(both, what="both texts after the credentials work again")
    assert fault.hits == 3
    assert await rooms.rows("SELECT 1 FROM notifier.pauses") == []


async def test_a_trial_without_a_message_does_not_put_off_the_next(rooms):
    rooms.sandbox.faults.add({"kind": "401", "count": 1})
    await booked(rooms)
    await rooms.send()
    await rooms.run("UPDATE notifier.pauses SET until = clock_timestamp()")
    await rooms.run("UPDATE notifier.messages SET retry_at = clock_timestamp() + interval '1 hour'")
    await rooms.send()  # the pause is over and nothing is there to be tried
    await rooms.run("UPDATE notifier.messages SET retry_at = clock_timestamp()")
    await rooms.send()
    assert len(rooms.texts()) == 1


@pytest.mark.parametrize(
    ("code", "state", "task"),
    [(21211, "failed", "number_unusable"), (21617, "failed", "template_broken"), (99999, "failed", None)],
)
async def test_a_refusal_is_final_and_raises_what_it_must(rooms, code, state, task):
    rooms.sandbox.faults.add({"kind": "error", "code": code, "count": 1})
    await booked(rooms)
    types = [envelope.type for envelope in await rooms.send()]
    row = await message(rooms)
    assert (row["outcome"], row["reason"]) == (state, str(code))
    assert events.FAILED in types
    tasks = {row["kind"] for row in await rooms.rows("SELECT kind FROM notifier.staff_tasks")}
    assert tasks == {"patient_not_reached", *filter(None, [task])}


async def test_the_providers_opt_out_is_believed(rooms):
    rooms.sandbox.opt_outs.blocked.add("+12125550123")
    await booked(rooms)
    await rooms.send()
    assert (await message(rooms))["reason"] == "21610"
    rooms.sandbox.opt_outs.blocked.clear()
    await rooms.until(ny("2026-12-05 12:00"))
    assert rooms.texts() == []


async def test_a_receipt_that_comes_before_the_answer_adopts_the_message(rooms):
    rooms.sandbox.faults.add({"kind": "accept_then_drop", "count": 1})
    await booked(rooms)
    await rooms.send()
    entry = rooms.sandbox.accepted()[0]
    token = entry["callback"].split("a=")[1].split("#")[0]
    types = await receive_receipt(rooms, entry["sid"], Receipt.SENT, token=token)
    assert types[0] == events.SENT
    assert (await message(rooms))["provider_reference"] == entry["sid"]
    assert await receive_receipt(rooms, entry["sid"], Receipt.DELIVERED, token=token) == [events.DELIVERED]
    assert await receive_receipt(rooms, entry["sid"], Receipt.SENT, token=token) == []
    assert (await message(rooms))["receipt"] == "delivered"


async def test_a_receipt_that_nobody_expects_is_kept_and_joined_later(rooms):
    rooms.sandbox.faults.add({"kind": "500_after", "count": 1})
    await booked(rooms)
    await rooms.send()
    reference = rooms.sandbox.accepted()[0]["sid"]
    await receive_receipt(rooms, reference, Receipt.DELIVERED)
    assert (await message(rooms))["state"] == "unknown"
    await settled(rooms)
    assert (await message(rooms))["receipt"] == "delivered"


async def test_a_second_message_for_one_attempt_is_an_alarm(rooms):
    await booked(rooms)
    await rooms.send()
    token = rooms.sandbox.accepted()[0]["callback"].split("a=")[1].split("#")[0]
    await receive_receipt(rooms, "SM" + "f" * 32, Receipt.SENT, token=token)
    assert rooms.context.metrics.duplicates_suspected._value.get() == 1
    assert [row["kind"] for row in await rooms.rows("SELECT kind FROM notifier.staff_tasks")] == ["possible_duplicate"]


async def test_an_unreachable_handset_is_tried_again_twice(rooms):  # DOMAIN.md 5.4, 30003
    await booked(rooms)
    await rooms.send()
    for wait in (timedelta(minutes=30), timedelta(hours=2)):
        await receive_receipt(rooms, rooms.sandbox.accepted()[-1]["sid"], Receipt.UNDELIVERED, code="30003")
        assert (await message(rooms))["state"] == "planned"
        rooms.clock.advance(wait)
        await rooms.send()
    await receive_receipt(rooms, rooms.sandbox.accepted()[-1]["sid"], Receipt.UNDELIVERED, code="30003")
    assert len(rooms.texts()) == 3
    assert ((await message(rooms))["outcome"], (await message(rooms))["receipt"]) == ("sent", "undelivered")


async def test_what_a_dead_process_left_sending_is_settled(rooms):
    await booked(rooms)
    async with unit_of_work(rooms.notifier, now=rooms.clock.now()) as unit:
        claimed, calls = await rooms.sender._claim(unit, 5)
    assert (claimed, len(calls)) == (1, 1)
    await calls[0].request.ask()  # the process dies here
    await rooms.reader.execute(
        "UPDATE notifier.messages SET started_at = started_at - interval '6 seconds' WHERE state = 'sending'"
    )
    await rooms.reader.execute("UPDATE notifier.attempts SET started_at = started_at - interval '6 seconds'")
    assert await settled(rooms) == "sent"
    assert len(rooms.texts()) == 1


async def test_one_text_at_a_time_per_number(rooms):
    rooms.sandbox.faults.add({"kind": "500_before", "count": 1})
    await rooms.book(patient={"patient_id": "p-1"})
    await rooms.book(booking_id="bk_2", patient={"patient_id": "p-2"})
    rooms.clock.set(ny("2026-11-20 12:01"))
    await rooms.send()
    states = [
        row["state"]
        for row in await rooms.rows("SELECT state FROM notifier.messages WHERE purpose = 'confirmation' ORDER BY state")
    ]
    assert states == ["planned", "unknown"]

    async def both():
        await rooms.settler.run_once()
        await rooms.send()
        return len(rooms.texts()) == 2

    await until(both)


async def test_at_night_it_waits_for_the_morning(rooms):
    rooms.clock.set(ny("2026-11-20 22:00"))
    await rooms.book()
    await rooms.until(ny("2026-11-21 08:59"))
    assert rooms.texts() == []
    await rooms.until(ny("2026-11-21 09:00"))
    assert len(rooms.texts()) == 1


async def test_a_paused_clinic_holds_and_goes_on(rooms):
    async with rooms.notifier.transaction() as connection:
        await pauses.pause_clinic(connection, "harbor", cause="operator")
    await booked(rooms)
    await rooms.send()
    assert ((await message(rooms))["state"], (await message(rooms))["reason"]) == ("held", "paused")
    async with rooms.notifier.transaction() as connection:
        await pauses.resume_clinic(connection, "harbor")
    await rooms.send()
    assert len(rooms.texts()) == 1


async def test_a_clinic_is_paused_and_resumed_by_commands_that_say_who(rooms):
    await rooms.say(PAUSE, PauseClinic(clinic_id="harbor", cause="wrong_bookings", who="nina"), source="console")
    await booked(rooms)
    await rooms.send()
    pause = await rooms.row("SELECT scope, cause, paused_by FROM notifier.pauses_v1")
    assert pause == {"scope": "clinic:harbor", "cause": "wrong_bookings", "paused_by": "nina"}
    assert rooms.texts() == []
    for _ in range(2):
        await rooms.say(RESUME, ResumeClinic(clinic_id="harbor", who="nina"), source="console")
    await rooms.send()
    assert len(rooms.texts()) == 1


async def test_refusals_that_come_together_lengthen_a_pause_no_more_than_one(rooms):
    rooms.sandbox.faults.add({"kind": "401", "count": 5})
    for number in range(5):
        await rooms.book(
            booking_id=f"bk_{number}", patient={"patient_id": f"p-{number}", "phone": f"+1212555013{number}"}
        )
    rooms.clock.advance(timedelta(minutes=1))
    await rooms.send()
    assert await rooms.row("SELECT trials FROM notifier.pauses") == {"trials": 0}


async def test_a_paused_provider_is_tried_as_soon_as_a_person_asks(rooms):
    rooms.sandbox.faults.add({"kind": "401", "count": 1})
    await booked(rooms)
    await rooms.send()
    await rooms.run("UPDATE notifier.pauses SET until = clock_timestamp() + interval '5 minutes'")
    await rooms.send()
    assert rooms.texts() == []
    await rooms.say(TRY_PROVIDER, TryProvider(provider="provider", who="nina"), source="console")
    await rooms.send()
    assert len(rooms.texts()) == 1
    assert await rooms.rows("SELECT 1 FROM notifier.pauses") == []


async def test_the_staging_guard_lets_nobody_else_through(database_url, sealer):
    async with open_rooms(database_url, sealer, only_to=frozenset({"+12125550199"})) as rooms:
        await booked(rooms)
        await rooms.send()
        assert rooms.texts() == []
        assert (await message(rooms))["reason"] == "not_allowed_here"


async def test_every_parameter_is_one_that_twilio_knows(rooms):
    await booked(rooms)
    await rooms.send()
    asked = [entry for entry in rooms.sandbox.ledger.entries if entry["kind"] == "create"]
    assert [entry["unknown"] for entry in asked] == [[]]


@pytest.mark.parametrize(
    "sealed", ["recipients SET contact = 'x'", "message_bodies SET template_values = 'x'"], ids=["contact", "words"]
)
async def test_what_cannot_be_opened_keeps_no_other_from_being_sent_and_is_not_given_up(rooms, sealed):  # I6, S11
    await rooms.book(booking_id="odd", patient={"patient_id": "p-2", "phone": "+12125550188"})
    await rooms.run(f"UPDATE notifier.{sealed}")
    await rooms.book()
    rooms.clock.set(ny("2026-12-01 10:00"))
    await rooms.send()
    sent = [len(rooms.sandbox.accepted(to=phone)) for phone in ("+12125550123", "+12125550188")]
    assert sent == [2, 0]
    rows = await rooms.rows("SELECT outcome FROM notifier.messages WHERE due_at <= %s", rooms.clock.now())
    assert {row["outcome"] for row in rows} == {"sent", None}
