"""The consumer pipeline on a real broker and a real database: nothing lost, nothing twice, nobody disturbed."""

import asyncio
import json
import struct

import pytest
from aiormq import spec

from shared.broker.connection import open_connection
from shared.broker.consumer import ATTEMPT, CAUSE, QUEUE, REASON, ROUTING_KEY
from shared.broker.topology import BOOKING_EVENTS, EVENTS, retry_queue
from shared.kernel.errors import PermanentError, TransientError
from shared.kernel.traceparent import TRACEPARENT
from shared.messages.booking import CANCELLED, CREATED
from shared.telemetry import tracing
from tests.builders import booking_json
from tests.waiting import until


async def test_the_same_id_takes_effect_once(line):  # I2, F35
    async with line.consuming():
        event_id = await line.publish(booking_id="a")
        for _ in range(3):
            await line.publish(booking_id="a", event_id=event_id)
        await line.publish(booking_id="last")
        await line.took_effect("a", "last")
        await until(lambda: counted(line, "seen") == 3, what="three repetitions seen")
    assert await line.effects() == {"a": 1, "last": 1}


async def test_the_same_id_with_other_content_is_a_dead_letter(line):  # F35
    async with line.consuming():
        event_id = await line.publish(booking_id="a")
        await line.took_effect("a")
        await line.publish(booking_id="b", event_id=event_id)
        (letter,) = await line.dead_letters(1)
    assert letter.headers[REASON] == "id: used before by the same source for other content"
    assert letter.headers[CAUSE] == "refused"
    assert await line.effects() == {"a": 1}


async def test_the_same_id_of_two_sources_is_two_messages(line):
    async with line.consuming():
        event_id = await line.publish(booking_id="a", source="one")
        await line.publish(booking_id="b", source="two", event_id=event_id)
        await line.took_effect("a", "b")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"CANARY not json", "body: not readable as JSON (syntax, at character 0)"),
        (b"[" * 100_000, "nested too deeply"),
        (
            json.dumps(
                {"specversion": "1.0", "id": "1", "source": "s", "type": "booking.created.v7", "data": {}}
            ).encode(),
            "type: unknown",
        ),
        (
            json.dumps(
                {
                    "specversion": "1.0",
                    "id": "1",
                    "source": "s",
                    "type": CREATED,
                    "data": booking_json(visit_kind="CANARY"),
                }
            ).encode(),
            "data.visit_kind: ",
        ),
        (json.dumps(booking_json(starts_at="CANARY")).encode(), "data.starts_at: "),
    ],
)
async def test_what_cannot_be_understood_is_a_dead_letter_at_once(line, body, reason):  # F17
    async with line.consuming():
        await line.publish(body=body)
        await line.publish(booking_id="neighbour")
        (letter,) = await line.dead_letters(1)
        await line.took_effect("neighbour")
    assert reason in letter.headers[REASON]
    assert "CANARY" not in str(letter.headers)
    assert (letter.headers[QUEUE], letter.headers[ROUTING_KEY], letter.headers[ATTEMPT]) == (BOOKING_EVENTS, CREATED, 1)
    assert letter.body == body


class _Written(spec.Basic.Properties):
    """Properties as somebody's client wrote them, byte by byte."""

    def __init__(self, written):
        super().__init__()
        self.written = written

    def marshal(self):
        return self.written


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(struct.pack(">H", 0x0008) + b"\x07Cl\xednica", id="a name in Latin-1"),
        pytest.param(struct.pack(">HQ", 0x0040, 638_000_000_000_000_000), id="a time in ticks"),
        pytest.param(struct.pack(">HQ", 0x0040, 2**63), id="a time beyond any clock"),
    ],
)
async def test_what_stands_beside_a_body_costs_nobody_the_link(line, written):  # I6, F17
    connection = await open_connection(line.url, name="somebody's client")
    async with connection:
        channel = await (await connection.channel()).get_underlay_channel()
        await line.publish(booking_id="before")
        for body in (json.dumps(booking_json(booking_id="odd")).encode(), b"not JSON"):
            await channel.basic_publish(body, exchange=EVENTS, routing_key=CREATED, properties=_Written(written))
        await line.publish(booking_id="after")
    async with line.consuming():
        await line.took_effect("before", "odd", "after")
        (letter,) = await line.dead_letters(1)
    assert letter.body == b"not JSON"
    assert await line.depth(BOOKING_EVENTS) == 0


async def test_a_routing_key_that_no_broker_would_take_still_leaves_for_the_dead_letters(line):  # I6
    async with line.consuming():
        # It just fits into one frame; with what is written beside it on its way to a person it would not.
        await line.publish(body=b"not JSON", headers={ROUTING_KEY: "x" * 130_772})
        (letter,) = await line.dead_letters(1)
    assert letter.headers[ROUTING_KEY] == "x" * 255


async def test_a_bare_booking_is_taken_once(line):
    async with line.consuming():
        for _ in range(2):
            await line.publish(body=json.dumps(booking_json(booking_id="bare")).encode())
        await line.took_effect("bare")
        await until(lambda: counted(line, "seen") == 1, what="the repetition seen")
    assert await line.effects() == {"bare": 1}


async def test_a_poison_message_disturbs_no_neighbour(line):  # I6, finding 8
    def poison(booking):
        if booking.booking_id == "poison":
            raise ZeroDivisionError

    line.behave = poison
    names = [f"b{number}" for number in range(30)]
    async with line.consuming():
        for name in [*names[:15], "poison", *names[15:]]:
            await line.publish(booking_id=name, headers={ATTEMPT: 3} if name == "poison" else None)
        await line.took_effect(*names)
        (letter,) = await line.dead_letters(1)
    assert json.loads(letter.body)["data"]["booking_id"] == "poison"
    assert (letter.headers[CAUSE], letter.headers[ATTEMPT]) == ("unexpected", 4)
    assert letter.headers[REASON] == "ZeroDivisionError after 4 attempts"
    assert await line.effects() == dict.fromkeys(names, 1)


async def test_a_refusal_by_the_handler_is_not_tried_again(line):
    def refuse(_booking):
        raise PermanentError("data.clinic_id: no such clinic")

    line.behave = refuse
    async with line.consuming():
        await line.publish(booking_id="a")
        (letter,) = await line.dead_letters(1)
    assert letter.headers[REASON] == "data.clinic_id: no such clinic"
    assert line.tries["a"] == 1


@pytest.mark.parametrize("error", [TransientError, ValueError])
async def test_a_failure_comes_back_through_the_retry_queue_with_its_routing_key(line, error):
    traces, traceparent = [], f"00-{'a' * 32}-{'b' * 16}-01"

    def fail_once(booking):
        traces.append(tracing.current())
        if line.tries[booking.booking_id] == 1:
            raise error

    line.behave = fail_once
    async with line.consuming():
        body = json.dumps(booking_json(booking_id="a")).encode()
        # Bare: its type is known by the routing key alone, and its trace by the header.
        await line.publish(event=CANCELLED, body=body, headers={TRACEPARENT: traceparent})
        await line.took_effect("a")
    assert line.tries["a"] == 2
    assert traces == [traceparent] * 2


@pytest.mark.parametrize("odd", ["x", 7, True, bytearray(b"\xff"), {"a": 1}, ["a"]])
async def test_an_odd_trace_never_fails_a_message(line, odd):
    async with line.consuming():
        await line.publish(booking_id="a", headers={TRACEPARENT: odd})
        body = {
            "specversion": "1.0",
            "id": "e1",
            "source": "ehr",
            "type": CREATED,
            "data": booking_json(booking_id="b"),
        }
        await line.publish(body=json.dumps(body | {"traceparent": str(odd) * 200}).encode())
        await line.took_effect("a", "b")
    assert line.tries == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("error", "attempts_so_far", "waits_in"),
    [(TransientError, 1, "10s"), (TransientError, 3, "1m"), (TransientError, 6, "10m"), (ValueError, 2, "1m")],
)
async def test_each_failure_waits_longer(line, error, attempts_so_far, waits_in):
    def fail(_booking):
        raise error

    line.behave = fail
    async with line.consuming():
        await line.publish(booking_id="a", headers={ATTEMPT: attempts_so_far})
        waiting = retry_queue(BOOKING_EVENTS, waits_in)

        async def waits():
            return await line.depth(waiting) == 1

        await until(waits, what=f"a message in {waiting}")


@pytest.mark.parametrize("held_up", ["SELECT pg_advisory_xact_lock(7)", "SELECT pg_sleep(5)"])
async def test_what_others_hold_up_for_long_is_not_given_up(line, held_up):  # F22
    async def wait(unit, _envelope, _booking):
        await unit.connection.execute("SET LOCAL lock_timeout = '50ms'; SET LOCAL statement_timeout = '80ms'")
        await unit.connection.execute(held_up)

    line.handle = wait
    async with line.database.transaction() as holder:
        await holder.execute("SELECT pg_advisory_xact_lock(7)")
        async with line.consuming():
            await line.publish(booking_id="a", headers={ATTEMPT: 3})

            async def waits():
                return await line.depth(retry_queue(BOOKING_EVENTS, "1m")) == 1

            await until(waits, what="the delivery to wait for a better time")


async def test_when_everything_fails_nothing_is_given_up_and_all_goes_on_afterwards(line):  # the breaker
    broken = True

    def our_fault(_booking):
        if broken:
            raise KeyError

    line.behave = our_fault
    names = [f"b{number}" for number in range(12)]
    async with line.consuming(breaker_limit=3, probe_every_s=0.2) as consumer:
        for name in names:
            await line.publish(booking_id=name, headers={ATTEMPT: 3})
        await until(lambda: (consumer.complaint() or "").startswith("stopped"), what="the breaker")
        tries_when_open = sum(line.tries.values())
        assert tries_when_open < len(names), "it probes one by one instead of trying them all"
        broken = False
        await until(lambda: consumer.complaint() is None, what="recovery")
        # Two were given up before anybody could know, the rest is handled or waits to be handled.
        letters = await line.dead_letters(2)
        await until(lambda: len(line.handled) >= len(names) - tries_when_open - 1, what="the others handled")

    async def waiting():
        return await line.depth(retry_queue(BOOKING_EVENTS, "1m"))

    assert len(letters) + len(line.handled) + await waiting() == len(names)


async def test_refusals_never_stop_the_queue(line):
    def refuse_most(booking):
        if booking.booking_id != "good":
            raise PermanentError("data: no")

    line.behave = refuse_most
    async with line.consuming(breaker_limit=3) as consumer:
        for number in range(10):
            await line.publish(booking_id=f"b{number}")
        await line.publish(booking_id="good")
        await line.took_effect("good")
        assert consumer.complaint() is None
        assert len(await line.dead_letters(10)) == 10


async def test_a_deadlock_is_not_an_attempt(line):
    """Two deliveries take two locks in opposite orders: the server ends one, which then succeeds at once."""
    both = asyncio.Barrier(2)

    async def cross(booking, connection):
        mine, other = ("x", "y") if booking.booking_id == "a" else ("y", "x")
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (mine,))
        if line.tries[booking.booking_id] == 1:
            await both.wait()
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (other,))

    async def handle(unit, _envelope, booking):
        line.tries[booking.booking_id] += 1
        await cross(booking, unit.connection)
        line.handled[booking.booking_id] += 1

    line.handle = handle
    line.joins = False  # in one transaction they would not stand in each other's way
    async with line.consuming():
        await line.publish(booking_id="a")
        await line.publish(booking_id="b")
        await until(lambda: line.handled == {"a": 1, "b": 1}, what="both handled")
    assert sum(line.tries.values()) == 3
    assert counted(line, "retried") == 0


async def test_what_is_in_hand_is_finished_when_it_stops_and_the_rest_is_handed_back(line):  # F7
    gate = asyncio.Event()

    async def slow(_booking):
        await gate.wait()

    line.behave = slow
    async with line.consuming(concurrency=2, prefetch=2) as consumer:
        for number in range(5):
            await line.publish(booking_id=f"b{number}")
        await until(lambda: len(line.tries) == 2, what="two in hand")
        stopping = asyncio.create_task(consumer.stop())
        await asyncio.sleep(0)
        gate.set()
        await stopping
    effects = await line.effects()
    assert {"b0", "b1"} <= effects.keys()

    async def handed_back():
        return await line.depth(BOOKING_EVENTS) == 5 - len(effects)

    await until(handed_back, what="the rest handed back")
    assert set(effects.values()) == {1}


async def test_a_retry_queue_that_somebody_deleted_is_made_again(line):
    def fail(_booking):
        raise TransientError

    line.behave = fail
    async with line.consuming() as consumer:
        await delete_queue(line, retry_queue(BOOKING_EVENTS, "10s"))
        await line.publish(booking_id="a", headers={ATTEMPT: 1})

        async def waits():
            return await line.depth(retry_queue(BOOKING_EVENTS, "10s")) == 1

        await until(lambda: counted(line, "retried") == 1, what="a retry")
        assert await waits()
        assert consumer.complaint() is None


async def delete_queue(line, name):
    from shared.broker.connection import open_connection

    connection = await open_connection(line.url, name="test")
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(name)


def counted(line, outcome):
    """Return how many deliveries ended that way."""
    return sum(
        sample.value
        for family in line.metrics.handled.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels["outcome"] == outcome
    )
