"""A receipt that comes while the answer to the call is being recorded is not lost."""

import asyncio

from services.notifier.domain.receipt import Receipt
from services.notifier.handlers.adopt_by_receipt import adopt_by_receipt, adopt_by_receipts
from services.notifier.handlers.record_answer import adopt
from services.notifier.handlers.take_receipt import ReceiptReport
from services.notifier.store import attempts
from services.notifier.store.attempts import Proof
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
        proof = Proof(message, attempt["number_of_attempt"], report.provider_reference)
        await adopt(recording, [proof], context=rooms.context)
        receiving = asyncio.create_task(receive())
        await until(waits_for_the_lock, what="the receipt waiting for the message")
    await receiving
    row = await rooms.row("SELECT outcome, receipt FROM notifier.messages WHERE id = %s", attempt["message_id"])
    assert (row["outcome"], row["receipt"]) == ("sent", "delivered")
    assert rooms.context.metrics.duplicates_suspected._value.get() == 0


async def test_receipts_that_are_kept_together_have_the_effect_of_one_after_the_other(rooms):
    await rooms.book(booking_id="bk_1")
    await rooms.book(booking_id="bk_2", patient={"patient_id": "p-2", "phone": "+12125550177"})
    rooms.clock.set(ny("2026-11-20 12:01"))
    await rooms.send()
    sent = {
        row["patient_ref"]: row["provider_reference"]
        for row in await rooms.rows(
            "SELECT patient_ref, provider_reference FROM notifier.messages WHERE outcome = 'sent'"
        )
    }
    one, two = sent.values()
    reports = [
        ReceiptReport(two, Receipt.SENT, None, None),
        ReceiptReport(one, Receipt.DELIVERED, None, None),
        ReceiptReport("SM" + "9" * 32, Receipt.SENT, None, None),
        ReceiptReport(one, Receipt.SENT, None, None),
        ReceiptReport(two, Receipt.UNDELIVERED, "30003", None),
        ReceiptReport(two, Receipt.UNDELIVERED, "30003", None),
    ]
    async with unit_of_work(rooms.notifier, now=rooms.clock.now()) as unit:
        await adopt_by_receipts(unit, reports, context=rooms.context)
    kept = await rooms.rows("SELECT provider_reference, status FROM notifier.receipts")
    assert len(kept) == 5, "each is kept once, whoever's it is"
    told = [(envelope.type, envelope.data["provider_reference"]) for envelope in await rooms.carry()]
    assert sorted(told) == sorted([("message.delivered.v1", one), ("message.failed.v1", two)])
    rows = await rooms.rows("SELECT provider_reference, receipt FROM notifier.messages WHERE outcome = 'sent'")
    assert {row["provider_reference"]: row["receipt"] for row in rows}[one] == "delivered"
    history = await rooms.rows("SELECT what FROM notifier.history WHERE what LIKE 'receipt:%%' ORDER BY id")
    assert [row["what"] for row in history] == ["receipt: sent", "receipt: delivered", "receipt: undelivered"]
