"""Order and pace: nothing overtakes, the nearest deadline goes first, and stale texts end with their reason."""

from datetime import timedelta

from services.notifier.domain.pace import Concurrency
from services.notifier.domain.receipt import Receipt
from shared.messages.base import Channel, Consent, Purpose
from shared.messages.booking import RESCHEDULED
from shared.messages.plan import MESSAGES_PLAN, MessagesPlan, PlannedMessage, Recipient
from tests.builders import ny
from tests.handlers.test_sending import receive_receipt
from tests.waiting import until

NOW = ny("2026-11-20 12:00")
HELP = {"clinic_name": "Harbor Clinic", "clinic_phone": "555", "time_zone": "America/New_York"}


def planned(key, purpose=Purpose.CHECKIN, *, lasts=timedelta(hours=5), **changes):
    base = {"template": "help", "values": HELP, "send_at": NOW, "channels": (Channel.SMS,)}
    return PlannedMessage(key=key, purpose=purpose, expires_at=NOW + lasts, **{**base, **changes})


async def plan(rooms, number, *messages, revision=1):
    payload = MessagesPlan(
        clinic_id="harbor",
        patient_ref=f"pt_{number}",
        subject=f"checkins:pt_{number}",
        revision=revision,
        recipient=Recipient(
            phone=f"+1212555{number:04d}",
            time_zone="America/New_York",
            consent=Consent(reminders=True, checkins=True),
            as_of=NOW,
        ),
        messages=messages,
    )
    await rooms.say(MESSAGES_PLAN, payload)


async def sent(rooms):
    rows = await rooms.rows("SELECT key FROM notifier.messages WHERE outcome = 'sent' ORDER BY started_at, attempt")
    return [row["key"] for row in rows]


async def test_the_nearest_deadline_goes_first(rooms):
    for number, hours in enumerate((5, 2, 4, 3)):
        await plan(rooms, number, planned(f"within {hours} h", lasts=timedelta(hours=hours)))
    rooms.sender._concurrency = Concurrency.full(1)
    await rooms.send()
    assert await sent(rooms) == ["within 2 h", "within 3 h", "within 4 h", "within 5 h"]


async def test_a_message_that_follows_another_waits_for_its_end(rooms):
    second = planned("second", Purpose.ANSWER_REPLY, after="first", lasts=timedelta(hours=1))
    await plan(rooms, 1, second, planned("first", Purpose.ANSWER_REPLY))
    await rooms.send()
    assert await sent(rooms) == ["first", "second"]


async def test_a_message_whose_predecessor_never_leaves_still_ends(rooms):
    await plan(rooms, 1, planned("second", after="first", lasts=timedelta(hours=1)), planned("first"))
    await rooms.receive("STOP", phone="+12125550001")
    await rooms.until(NOW + timedelta(hours=6))
    rows = await rooms.rows("SELECT key, outcome FROM notifier.messages WHERE subject LIKE 'checkins:%%' ORDER BY key")
    assert [(row["key"], row["outcome"]) for row in rows] == [("first", "dropped"), ("second", "dropped")]


async def test_too_many_requests_slow_down_and_keep_each_patients_order(rooms):
    for number in range(6):
        steps = (
            planned(f"{number}-{step}", Purpose.ANSWER_REPLY, send_at=NOW - timedelta(minutes=9 - step))
            for step in range(3)
        )
        await plan(rooms, number, *steps)
    rooms.sandbox.faults.add({"kind": "429", "count": 5, "seconds": 1})
    await rooms.send()
    assert rooms.sender._concurrency.slots < 8

    async def all_sent():
        await rooms.send()
        return len(await sent(rooms)) == 18

    await until(all_sent, within=30)
    order = await sent(rooms)
    for number in range(6):
        assert [key for key in order if key.startswith(f"{number}-")] == [f"{number}-{step}" for step in range(3)]


async def test_after_an_outage_what_is_stale_ends_and_the_rest_goes(rooms):
    await plan(rooms, 1, planned("stale", lasts=timedelta(hours=1)))
    await plan(rooms, 2, planned("of use", lasts=timedelta(hours=9)))
    rooms.clock.advance(timedelta(hours=2))
    await rooms.send()
    rows = await rooms.rows("SELECT key, outcome, reason FROM notifier.messages ORDER BY key")
    assert [(row["key"], row["outcome"], row["reason"]) for row in rows] == [
        ("of use", "sent", None),
        ("stale", "dropped", "expired"),
    ]


async def test_texts_keep_the_clinics_distance(rooms):
    await plan(rooms, 1, planned("first"), planned("later", lasts=timedelta(hours=20)))
    await rooms.send()
    assert await sent(rooms) == ["first"]
    await rooms.until(NOW + timedelta(hours=4))
    assert await sent(rooms) == ["first", "later"]


async def test_a_full_week_holds_a_checkin_until_a_slot_is_free(rooms):
    for day in range(5):
        await plan(rooms, 1, planned(f"day {day}", lasts=timedelta(days=9)), revision=day + 1)
        await rooms.until(NOW + timedelta(days=day))
    more = planned("one too many", lasts=timedelta(days=9), send_at=rooms.clock.now())
    await plan(rooms, 1, more, revision=9)
    await rooms.until(ny("2026-11-27 11:59"))
    held = await rooms.row("SELECT state, reason FROM notifier.messages WHERE key = 'one too many'")
    assert (held["state"], held["reason"]) == ("held", "weekly_budget")
    await rooms.until(ny("2026-11-27 12:01"))
    assert "one too many" in await sent(rooms)


async def test_what_a_move_contradicts_is_not_repeated_by_a_late_receipt(rooms):  # RELIABILITY.md I12
    await rooms.book(
        patient={"patient_id": "p-1", "email": "ana@mail.example"}, consent={"reminders": True, "email": True}
    )
    rooms.clock.set(ny("2026-11-20 12:01"))
    await rooms.send()
    reference = rooms.sandbox.accepted()[0]["sid"]
    await rooms.book(RESCHEDULED, revision=2, starts_at="2026-12-07T10:00:00-05:00", ends_at=None)
    await receive_receipt(rooms, reference, Receipt.UNDELIVERED, code="30003")
    await rooms.until(ny("2026-11-20 18:00"))
    assert ["is booked" in text for text in rooms.texts()] == [True, False]
    assert rooms.mails() == []
