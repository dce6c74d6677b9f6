"""Deliveries that wait at the same time share a transaction; none of them notices."""

import asyncio

import psycopg
import pytest
from psycopg import AsyncPipeline

from shared.broker.handler import Handler, Job, handle_together
from shared.broker.topology import BOOKING_EVENTS
from shared.kernel.clock import SystemClock
from shared.kernel.errors import PermanentError
from shared.messages.booking import CREATED
from shared.messages.envelope import Cause, wrap
from shared.messages.reading import MESSAGE_READ, MessageRead, join_reads
from shared.postgres.database import Database
from shared.postgres.side_by_side import ask, run_side_by_side
from shared.postgres.unit_of_work import unit_of_work, units_side_by_side
from tests.builders import booking
from tests.outboxes import empty_outbox
from tests.waiting import until

NOW = SystemClock().now()


@pytest.fixture
async def database(database_url, sealer):
    async with Database(database_url, schema="booking_events", sealer=sealer, size=4) as database:
        yield database


async def transactions(database):
    """Return how many transactions wrote the history."""
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT count(DISTINCT xmin::text) AS n FROM history")
        return (await cursor.fetchone())["n"]


async def test_what_waits_is_handled_in_few_transactions(line):
    names = [f"b{number}" for number in range(30)]
    for name in names:
        await line.publish(booking_id=name)
    async with line.consuming():
        await line.took_effect(*names)
    assert await line.effects() == dict.fromkeys(names, 1)
    assert await transactions(line.database) < 20


async def test_a_handler_that_does_not_say_so_shares_no_transaction(line):
    line.joins = False
    names = [f"b{number}" for number in range(10)]
    for name in names:
        await line.publish(booking_id=name)
    async with line.consuming():
        await line.took_effect(*names)
    assert await transactions(line.database) == 10


async def test_what_touches_the_same_stays_in_its_order(line):
    seen = []
    line.behave = lambda booking: seen.append((booking.booking_id, booking.revision))
    for revision in (1, 2, 3):
        for name in ("a", "b", "c"):
            await line.publish(booking_id=name, revision=revision)
    async with line.consuming():
        await until(lambda: line.handled.total() == 9, what="nine deliveries handled")
    for name in ("a", "b", "c"):
        assert [revision for booking, revision in seen if booking == name] == [1, 2, 3]


async def test_one_that_is_refused_costs_its_neighbours_nothing(line):  # RELIABILITY.md finding 8
    def refuse(booking):
        if booking.booking_id == "bad":
            raise PermanentError("data.notes: no")

    line.behave = refuse
    names = ["a", "b", "bad", "c", "d"]
    for name in names:
        await line.publish(booking_id=name)
    async with line.consuming():
        await line.dead_letters(1)
        await line.took_effect("a", "b", "c", "d")
    assert await line.effects() == dict.fromkeys("abcd", 1)


async def test_what_was_handled_before_is_not_handled_again_among_others(line):  # I2
    event_id = await line.publish(booking_id="a")
    async with line.consuming():
        await line.took_effect("a")
    await line.publish(booking_id="b")
    await line.publish(booking_id="a", event_id=event_id)
    await line.publish(booking_id="other", event_id=event_id)
    await line.publish(booking_id="c")
    async with line.consuming():
        await line.took_effect("b", "c")
        await line.dead_letters(1)
    assert await line.effects() == {"a": 1, "b": 1, "c": 1}


async def test_of_those_handled_together_all_take_effect_or_none(database):
    async def handle(unit, _envelope, booking):
        await unit.connection.execute(
            "INSERT INTO history (at, booking_id, what) VALUES (%s, %s, 'handled')", (unit.now, booking.booking_id)
        )
        if booking.booking_id == "bad":
            raise PermanentError("data.notes: no")

    def job(name):
        handler = Handler(CREATED, handle, lambda _envelope, booking: [booking.booking_id])
        content = booking(booking_id=name)
        return Job(wrap(CREATED, content, source="ehr", now=NOW), content, handler)

    with pytest.raises(PermanentError, match="data.notes: no"):
        await handle_together(database, [job("a"), job("bad"), job("b")], queue=BOOKING_EVENTS, now=NOW)
    assert await transactions(database) == 0
    first = job("a")
    assert await handle_together(database, [first, job("b")], queue=BOOKING_EVENTS, now=NOW) == [True, True]
    assert await handle_together(database, [first, job("c")], queue=BOOKING_EVENTS, now=NOW) == [False, True]
    assert await transactions(database) == 2


async def test_a_statement_that_fails_is_heard_of_by_all_that_travel_with_it(database):
    heard = []

    async def ask(unit, statement):
        try:
            await unit.connection.execute(statement)
        except psycopg.Error as error:
            heard.append(type(error))
            raise

    with pytest.raises(psycopg.errors.DivisionByZero):
        async with units_side_by_side(database, [Cause(), Cause()], now=NOW) as units:
            await run_side_by_side([ask(units[0], "SELECT 1"), ask(units[1], "SELECT 1 / 0")])
    assert heard[0] is psycopg.errors.DivisionByZero


async def test_what_each_asks_is_answered_to_each(database):
    answers = {}

    async def ask(unit, number):
        for factor in (1, 10, 100):
            row = await (await unit.connection.execute("SELECT %s::int AS n", (number * factor,))).fetchone()
            answers.setdefault(number, []).append(row["n"])
            await asyncio.sleep(0)

    async with units_side_by_side(database, [Cause()] * 5, now=NOW) as units:
        await run_side_by_side(ask(unit, number) for number, unit in enumerate(units, 1))
    assert answers == {number: [number, 10 * number, 100 * number] for number in range(1, 6)}


async def test_rows_left_for_the_end_are_written_by_one_statement(database):
    statement = (
        "INSERT INTO history (at, booking_id, what) SELECT * FROM unnest(%s::timestamptz[], %s::text[], %s::text[])"
    )
    async with units_side_by_side(database, [Cause()] * 3, now=NOW) as units:
        for number, unit in enumerate(units):
            unit.write_at_the_end(statement, (NOW, f"b{number}", "noted"))
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT booking_id, count(*) OVER (PARTITION BY cmin::text) AS n FROM history"
        )
        assert {row["booking_id"]: row["n"] for row in await cursor.fetchall()} == {"b0": 3, "b1": 3, "b2": 3}


async def test_what_is_asked_in_the_same_words_is_asked_once(database):
    question = """SELECT place, n * 10 AS n, count(*) OVER () AS together
                    FROM unnest(%s::int[]) WITH ORDINALITY AS asked(n, place) ORDER BY n DESC"""
    answers = {}

    async def ask_for(unit, name, *numbers):
        rows = await ask(unit.connection, question, [(number,) for number in numbers])
        answers[name] = [(row["place"], row["n"], row["together"]) for row in rows]

    async with units_side_by_side(database, [Cause()] * 3, now=NOW) as units:
        await run_side_by_side([ask_for(units[0], "a", 1, 4), ask_for(units[1], "b", 3), ask_for(units[2], "nobody")])
    assert answers == {"a": [(2, 40, 3), (1, 10, 3)], "b": [(1, 30, 3)], "nobody": []}


async def test_alone_it_is_asked_just_so(database):
    async with unit_of_work(database, now=NOW) as unit:
        rows = await ask(unit.connection, "SELECT place FROM unnest(%s::int[]) WITH ORDINALITY AS a(n, place)", [(7,)])
        assert [row["place"] for row in rows] == [1]
        assert await ask(unit.connection, "CREATE TEMPORARY TABLE t AS SELECT unnest(%s::int[])", [(7,)]) == []


async def test_what_several_have_to_say_in_common_is_said_once_for_each_clinic(database):
    def read(unit, clinic, reference):
        data = MessageRead(clinic_id=clinic, provider_reference=reference)
        unit.publish_joined(MESSAGE_READ, data, join=join_reads)

    causes = [Cause(correlation_id=name, traceparent=f"00-{'a' * 32}-{'b' * 16}-01") for name in "xyz"]
    async with units_side_by_side(database, causes, now=NOW) as units:
        for unit, clinic, reference in zip(units, ("harbor", "bay", "harbor"), ("SM1", "SM2", "SM3"), strict=True):
            read(unit, clinic, reference)
    told = [
        (one.data["clinic_id"], one.data["provider_reference"], one.data.get("others"), one.traceparent)
        for one in await empty_outbox(database)
    ]
    assert told == [("harbor", "SM1", ["SM3"], None), ("bay", "SM2", [], None)]
    async with unit_of_work(database, now=NOW, cause=causes[0]) as unit:
        read(unit, "harbor", "SM4")
    (alone,) = await empty_outbox(database)
    assert (alone.correlationid, alone.traceparent) == ("x", causes[0].traceparent)


@pytest.mark.parametrize(
    "statement", ["INSERT INTO history (at, booking_id, what) VALUES (now(), 'x', NULL)", "SELECT 1 / %s"]
)
async def test_where_the_last_statement_fails_nothing_has_happened(database, statement):
    values = () if "INSERT" in statement else (0,)
    with pytest.raises(psycopg.Error):
        async with database.transaction(last=lambda: [(statement, values)]) as connection:
            await connection.execute("INSERT INTO history (at, booking_id, what) VALUES (now(), 'a', 'noted')")
    assert await transactions(database) == 0
    async with database.transaction() as connection:  # the connection serves the next one
        await connection.execute("INSERT INTO history (at, booking_id, what) VALUES (now(), 'b', 'noted')")
    assert await transactions(database) == 1


async def test_what_failed_is_told_where_the_driver_tells_of_what_was_passed_over(database, monkeypatch):
    """It does where the refusal arrives between two of its own looks: too seldom to be waited for here."""
    leave = AsyncPipeline.__aexit__

    async def told_late(self, *failure):
        try:
            await leave(self, *failure)
        except psycopg.Error:
            raise psycopg.errors.PipelineAborted("pipeline aborted")  # noqa: B904 - as the driver does

    monkeypatch.setattr(AsyncPipeline, "__aexit__", told_late)
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with database.transaction(last=lambda: [("SELECT 1 / %s", (0,))]) as connection:
            await connection.execute("SELECT 1")
    assert await transactions(database) == 0


async def test_a_transaction_begins_with_its_first_statement(database):
    async with database.transaction() as connection:
        assert connection.info.transaction_status.name == "IDLE"
        await connection.execute("SELECT 1")
        assert connection.info.transaction_status.name == "INTRANS"


async def test_statements_that_come_first_at_once_are_all_in_the_transaction(database):
    async with database.transaction() as connection:
        cursors = await asyncio.gather(
            *(connection.execute("SELECT pg_current_xact_id()::text AS id") for _ in range(5))
        )
        assert len({(await cursor.fetchone())["id"] for cursor in cursors}) == 1
