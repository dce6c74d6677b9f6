"""Dead letters: kept sealed, looked at, sent back once, or let go with a reason."""

import json

from shared.broker.dead_letters import DeadLetterTaker
from tests.console.room import open_console  # noqa: F401 - the fixture's home
from tests.waiting import until

SECRET = "Zoe Canary"
BODY = json.dumps({"booking_id": "bk_9", "patient": {"given_name": SECRET, "phone": "+12125550177"}}).encode()


async def open_letters(console, count=1):
    async def taken():
        rows = await console.rows("SELECT * FROM console.dead_letters WHERE state = 'open' ORDER BY id")
        return rows if len(rows) == count else None

    return await until(taken, what=f"{count} letters in the console's table")


async def test_a_letter_is_taken_off_its_queue_and_kept_sealed(console):
    await console.dead_letter(BODY)
    (row,) = await open_letters(console)
    assert row["reason"] == "data.consent: Field required"
    assert SECRET.encode() not in bytes(row["body"])
    async with console.visitor() as ada:
        _status, page = await ada.get("/dead-letters")
        assert "data.consent: Field required" in page


async def test_values_are_hidden_until_revealed_and_the_look_is_kept(console):
    await console.dead_letter(BODY)
    (row,) = await open_letters(console)
    async with console.visitor() as ada:
        _status, page = await ada.get(f"/dead-letters/{row['id']}")
        assert "bk_9" in page
        assert SECRET not in page
        assert "text, 10 characters" in page
        _status, page = await ada.post(f"/dead-letters/{row['id']}")
        assert SECRET in page
    looks = await console.rows("SELECT person, target FROM console.audit WHERE what = 'revealed a dead letter'")
    assert looks == [{"person": "ada", "target": str(row["id"])}]


async def test_a_group_is_sent_back_once_however_often_it_is_asked(console):
    for number in range(3):
        await console.dead_letter(BODY, message_id=f"m{number}")
    rows = await open_letters(console, 3)
    group = {"queue": "booking_events", "cause": "refused", "reason": rows[0]["reason"], "up_to": str(rows[-1]["id"])}
    async with console.visitor() as ada:
        first = await ada.post("/dead-letters/replay", **group)
        second = await ada.post("/dead-letters/replay", **group)
    assert (first, second) == (
        (303, "/dead-letters?done=replaying&letters=3"),
        (303, "/dead-letters?done=replaying&letters=0"),
    )

    async def gone():
        return not await console.rows("SELECT 1 FROM console.dead_letters WHERE state <> 'replayed'")

    await until(gone, what="the letters to be sent back")
    # Nobody reads the queue in this test: the letters wait there, as they first came.
    back = []
    taker = DeadLetterTaker(console.publisher._url, keep=lambda letter: _append(back, letter), queues=[])
    channel = await taker._open()
    queue = await channel.get_queue("booking_events")
    while (message := await queue.get(fail=False)) is not None:
        back.append((message.message_id, message.body, message.headers["x-aftercare-attempt"]))
        await message.ack()
    await taker.close()
    assert sorted(back) == [(f"m{number}", BODY, 0) for number in range(3)]


async def _append(found, letter):
    found.append(letter)


async def test_a_letter_that_came_after_the_person_looked_is_not_swept_along(console):
    await console.dead_letter(BODY, message_id="seen")
    (seen,) = await open_letters(console)
    await console.dead_letter(BODY, message_id="later")
    await open_letters(console, 2)
    async with console.visitor() as ada:
        await ada.post(
            "/dead-letters/discard",
            queue="booking_events",
            cause="refused",
            reason=seen["reason"],
            up_to=str(seen["id"]),
            why="test bookings of the feed",
        )
    (left,) = await open_letters(console)
    assert left["message_id"] == "later"


async def test_a_discard_needs_a_reason_and_keeps_it(console):
    await console.dead_letter(BODY)
    (row,) = await open_letters(console)
    async with console.visitor() as ada:
        status, page = await ada.post("/dead-letters/discard", id=str(row["id"]), why=" ")
        assert status == 400
        assert "why" in page
        assert (await ada.post("/dead-letters/discard", id=str(row["id"]), why="a test booking"))[0] == 303
    (kept,) = await console.rows("SELECT state, decided_by, decided_why FROM console.dead_letters")
    assert kept == {"state": "discarded", "decided_by": "ada", "decided_why": "a test booking"}


async def test_the_same_letter_given_twice_is_kept_once_and_one_that_comes_back_is_counted(console):
    await console.dead_letter(BODY, message_id="m1")
    await console.dead_letter(BODY, message_id="m1")
    (row,) = await open_letters(console)
    async with console.visitor() as ada:
        await ada.post("/dead-letters/discard", id=str(row["id"]), why="once more, please")
    await console.dead_letter(BODY, message_id="m1")
    (again,) = await open_letters(console)
    assert again["times_before"] == 1


async def test_a_letter_without_reason_or_json_is_shown_all_the_same(console):
    await console.dead_letter(b"\xff\x00 not json", message_id="odd")
    (row,) = await open_letters(console)
    async with console.visitor() as ada:
        status, page = await ada.get(f"/dead-letters/{row['id']}")
    assert status == 200
    assert "not JSON" in page


async def test_a_letter_with_an_odd_name_keeps_no_other_on_its_queue(console):  # I6
    await console.dead_letter(b"odd", message_id="a\x00b")
    await console.dead_letter(BODY, message_id="neighbour")
    assert [row["message_id"] for row in await open_letters(console, 2)] == ["ab", "neighbour"]
