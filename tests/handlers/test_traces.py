"""Where nothing is traced here, the traces of others go through unharmed: also by way of hours in a table."""

import pytest

from services.notifier.domain.receipt import Receipt
from services.notifier.handlers.adopt_by_receipt import adopt_by_receipt
from services.notifier.handlers.take_receipt import ReceiptReport
from shared.kernel.ids import new_id
from shared.messages import outcome
from shared.messages.booking import CREATED
from shared.messages.envelope import Envelope
from shared.messages.plan import MESSAGES_PLAN
from shared.messages.reply import RECEIVED
from shared.postgres.unit_of_work import unit_of_work
from shared.telemetry import tracing
from tests.builders import booking_json, ny


def trace(digit):
    return f"00-{digit * 32}-{digit * 16}-01"


async def book(rooms, traceparent, **changes):
    """Let a booking event of a trace take effect; return what followed from it."""
    envelope = Envelope(
        id=new_id(),
        source="ehr",
        type=CREATED,
        time=rooms.clock.now(),
        data=booking_json(**changes),
        traceparent=traceparent,
    )
    await rooms.deliver(envelope)
    return await rooms.carry()


def traces_of(envelopes, message_type):
    return {envelope.traceparent for envelope in envelopes if envelope.type == message_type}


async def planned(rooms):
    rows = await rooms.rows(
        "SELECT m.key, b.traceparent FROM notifier.messages m JOIN notifier.message_bodies b ON b.message_id = m.id"
    )
    return {row["key"]: row["traceparent"] for row in rows}


async def test_from_the_booking_to_the_text_and_its_news(rooms):
    carried = await book(rooms, trace("a"))
    assert traces_of(carried, MESSAGES_PLAN) == {trace("a")}
    assert set((await planned(rooms)).values()) == {trace("a")}
    rooms.clock.set(ny("2026-11-20 12:01"))
    carried = await rooms.send()
    assert traces_of(carried, outcome.SENT) == {trace("a")}
    assert tracing.current() is None


async def test_a_receipt_of_later_belongs_to_it(rooms):
    await book(rooms, trace("a"))
    rooms.clock.set(ny("2026-11-20 12:01"))
    await rooms.send()
    (sent,) = await rooms.rows("SELECT provider_reference FROM notifier.messages WHERE outcome = 'sent'")
    async with unit_of_work(rooms.notifier, now=rooms.clock.now()) as unit:
        report = ReceiptReport(sent["provider_reference"], Receipt.DELIVERED, None, None, traceparent=trace("f"))
        await adopt_by_receipt(unit, report, context=rooms.context)
    assert traces_of(await rooms.carry(), outcome.DELIVERED) == {trace("a")}


async def test_what_is_dropped_says_so_in_its_trace(rooms):
    await book(rooms, trace("a"))
    rooms.clock.set(ny("2026-12-30 12:00"))
    carried = await rooms.send()
    assert traces_of(carried, outcome.DROPPED) == {trace("a")}


async def test_a_message_stays_in_the_trace_that_planned_it_first(rooms):
    await book(rooms, trace("a"))
    first = await planned(rooms)
    await book(rooms, trace("b"), booking_id="bk_2", starts_at="2026-12-08T10:00:00-05:00", ends_at=None)
    both = await planned(rooms)
    assert {key: both[key] for key in first} == first
    assert {both[key] for key in both.keys() - first.keys()} == {trace("b")}


async def test_a_message_that_is_wanted_again_belongs_to_who_wants_it(rooms):
    await book(rooms, trace("a"), revision=1)
    reminders = {key for key, planned_in in (await planned(rooms)).items() if "reminder" in key}
    moved = {"starts_at": "2026-12-05T10:00:00-05:00", "ends_at": "2026-12-05T12:10:00-05:00"}
    await book(rooms, trace("b"), revision=2, **moved)
    await book(rooms, trace("c"), revision=3, occurred_at=None)
    now = await planned(rooms)
    assert reminders
    assert {now[key] for key in reminders} == {trace("c")}


@pytest.mark.parametrize("traceparent", [None, trace("d")])
async def test_a_text_is_passed_on_in_the_trace_of_its_request(rooms, traceparent):
    with tracing.following(traceparent):
        assert traces_of(await rooms.receive("hello"), RECEIVED) == {traceparent}
