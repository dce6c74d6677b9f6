"""A receipt that comes while the answer to the call is being recorded is not lost."""

import asyncio

from services.notifier.domain.receipt import Receipt
from services.notifier.handlers.adopt_by_receipt import adopt_by_receipt
from services.notifier.handlers.record_answer import adopt
from services.notifier.handlers.take_receipt import ReceiptReport
from services.notifier.store import attempts
from shared.postgres.unit_of_work import unit_of_work
from tests.builders import ny
from tests.waiting import until


async def test_a_receipt_that_crosses_the_recording_of_the_answer_is_applied(rooms):  # F31
    rooms.sandbox.faults.add({"kind": "hang_after", "count": 1, "seconds": 3})
    await rooms.book()
    rooms.clock.set(ny("2026-11-20 12:01"))
    await rooms.send()
    attempt = await rooms.row("SELECT * FROM notifier.attempts")
    report = ReceiptReport("SM" + "1" * 32, Receipt.DELIVERED, None, attempt["token"])

    async def receive():
        async with unit_of_work(rooms.notifier, now=rooms.clock.now()) as unit:
            await adopt_by_receipt(unit, report, context=rooms.context)

    async def waits_for_the_lock():
        return (await rooms.row("SELECT count(*) AS n FROM pg_locks WHERE NOT granted"))["n"]

    async with unit_of_work(rooms.notifier, now=rooms.clock.now()) as recording:
        message = await attempts.open_message(recording.connection, recording.sealer, attempt["message_id"])
        await adopt(recording, message, report.provider_reference, attempt["number_of_attempt"], context=rooms.context)
        receiving = asyncio.create_task(receive())
        await until(waits_for_the_lock, what="the receipt waiting for the message")
    await receiving
    row = await rooms.row("SELECT outcome, receipt FROM notifier.messages WHERE id = %s", attempt["message_id"])
    assert (row["outcome"], row["receipt"]) == ("sent", "delivered")
    assert rooms.context.metrics.duplicates_suspected._value.get() == 0
