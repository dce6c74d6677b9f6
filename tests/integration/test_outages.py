"""Servers that die, freeze or fall silent: noticed within 20 seconds, nothing lost, nobody's attempt spent."""

import asyncio
import contextlib
import time
from urllib.parse import urlsplit

import pytest

from shared.broker.connection import declare_on, listens, open_connection
from shared.broker.publisher import Publication, Publisher, UnroutableError
from shared.broker.topology import BOOKING_EVENTS, TOPOLOGY, dead_letter_queue, family_of
from shared.kernel.errors import DependencyUnavailableError
from shared.messages.booking import CREATED
from shared.postgres.database import Database
from shared.postgres.listener import Listener
from shared.runtime.local_servers import _free_ports
from tests.conftest import fresh_vhost, manage
from tests.integration.proxy import Proxy
from tests.waiting import until

NOTICED_WITHIN_S = 20


async def test_a_delivery_waits_in_place_while_the_database_is_away(line, servers):  # F20
    async with line.consuming():
        await line.publish(booking_id="before")
        await line.took_effect("before")
        servers.database.kill()
        try:
            for number in range(5):
                await line.publish(booking_id=f"b{number}")
            await asyncio.sleep(0.5)  # long enough for each to fail at least once
        finally:
            await asyncio.to_thread(servers.database.start)
        await line.took_effect(*(f"b{number}" for number in range(5)))
        assert handled_as(line) == {"handled"}
    assert await line.depth(dead_letter_queue(BOOKING_EVENTS)) == 0


@pytest.mark.slow
async def test_a_broker_that_is_killed_comes_back_with_all_it_had_confirmed(line, servers):  # F13
    names = [f"b{number}" for number in range(40)]
    async with line.consuming() as consumer:
        await line.publish(booking_id="before")
        await line.took_effect("before")
        await asyncio.sleep(1.5)  # a quorum queue that is younger than a second may not survive a power cut
        gate = asyncio.Event()
        line.behave = lambda _booking: gate.wait()
        for name in names:
            await line.publish(booking_id=name)
        await until(lambda: len(line.tries) > 1, what="some in hand")
        servers.broker.kill()
        gate.set()
        await until(lambda: consumer.complaint() is not None, what="the loss noticed")
        with pytest.raises(DependencyUnavailableError):
            await line.publish(booking_id="while away")
        await asyncio.to_thread(servers.broker.start)
        await until(lambda: consumer.complaint() is None, what="the way back")
        await line.took_effect(*names, within=30)
    effects = await line.effects()
    assert effects == dict.fromkeys(["before", *names], 1)


@pytest.mark.slow
async def test_a_queue_that_somebody_deleted_is_made_again_and_read(line):  # F18, F19
    async with line.consuming():
        connection = await open_connection(line.url, name="test")
        async with connection:
            channel = await connection.channel()
            await channel.queue_delete(BOOKING_EVENTS)

        async def taken():
            with contextlib.suppress(UnroutableError):
                await line.publish(booking_id="after")
                return True

        await until(taken, what="the queue again")
        await line.took_effect("after")


async def test_a_reader_declares_its_own_queues_and_after_a_broken_link_all(line, servers):
    with fresh_vhost(servers) as url:
        vhost = urlsplit(url).path.removeprefix("/")

        def declared():
            return {queue["name"] for queue in manage(servers, "GET", f"/api/queues/{vhost}?columns=name")}

        connection = await open_connection(url, name="test")
        async with connection, line.consuming(url=url):
            assert declared() == {row.name for row in family_of(BOOKING_EVENTS)}
            # As a broker that comes back without what it had.
            await (await connection.channel()).queue_delete(BOOKING_EVENTS)
            await until(lambda: declared() == {row.name for row in TOPOLOGY}, what="all queues")


@pytest.mark.slow
async def test_links_that_fall_silent_are_noticed_and_opened_again(line, amqp_url, database_url, sealer):  # F15, F21
    """One silence for every kind of link at once: a consumer, a publisher, transactions, single reads, notifications."""
    woken = asyncio.Event()
    async with (
        Proxy(amqp_url) as broker,
        Proxy(database_url) as behind,
        Database(behind.url, schema="booking_events", sealer=sealer, size=3) as database,
        line.consuming(url=broker.url) as consumer,
    ):
        listener = Listener(behind.url, "booking_events")
        listener.wakes("outbox_routine", woken)
        listening = asyncio.create_task(listener.run())
        publisher = Publisher(broker.url, name="behind the proxy")
        await publisher.publish(event())
        await database.now()
        await until(woken.is_set, what="the listener at work")

        entered = asyncio.Barrier(3)
        broken_off = [asyncio.create_task(hold(database, entered)) for _ in range(2)]
        await entered.wait()
        broker.stall()
        behind.stall()
        silent_since = time.monotonic()
        woken.clear()
        attempts = [
            *broken_off,
            *(asyncio.create_task(ending(work)) for work in (publisher.publish(event()), database.now())),
        ]
        endings = await asyncio.wait_for(asyncio.gather(*attempts), NOTICED_WITHIN_S)
        assert set(endings) == {DependencyUnavailableError}
        await until(lambda: consumer.complaint() is not None, within=NOTICED_WITHIN_S, what="the consumer's notice")
        assert time.monotonic() - silent_since < NOTICED_WITHIN_S

        broker.flow()
        behind.flow()
        await until(lambda: consumer.complaint() is None, what="the consumer's way back")
        await line.publish(booking_id="after")
        await line.took_effect("after")
        await publisher.publish(event())
        for _ in range(4):  # more than the pool held: none of its old links is still in use
            await database.now()
        async with database.transaction() as connection:
            await connection.execute("SELECT pg_notify('booking_events_outbox_routine', '')")
        await until(woken.is_set, what="a notification")
        listening.cancel()
        await publisher.close()


async def hold(database, entered):
    """Return what ends a transaction that waits for an answer while the link is silent."""
    try:
        async with database.transaction() as connection:
            await connection.execute("SELECT 1")
            await entered.wait()
            await connection.execute("SELECT pg_sleep(0.1)")
    except DependencyUnavailableError as error:
        return type(error)


async def ending(work):
    try:
        await work
    except DependencyUnavailableError as error:
        return type(error)


async def test_the_queues_are_declared_again_on_a_broker_that_has_them(amqp_url):
    await declare_on(amqp_url)


async def test_a_broker_that_is_still_starting_is_waited_for():
    (port,) = _free_ports(1)
    waits = asyncio.create_task(listens(f"amqp://127.0.0.1:{port}", asyncio.Event(), within=20))
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
    async with server:
        assert await waits


async def test_nobody_waits_for_a_broker_longer_than_told_or_while_it_stops():
    stopping = asyncio.Event()
    assert not await listens("amqp://127.0.0.1:1", stopping, within=0.01)
    waits = asyncio.create_task(listens("amqp://127.0.0.1:1", stopping, within=600))
    stopping.set()
    assert not await waits


async def test_a_broker_that_is_not_there_is_one_clear_error():
    publisher = Publisher("amqp://u:p@127.0.0.1:1/", name="test")
    with pytest.raises(DependencyUnavailableError, match="not confirmed by the broker|does not answer"):
        await publisher.publish(event())


def event():
    return Publication(routing_key=CREATED, body=b"{}", message_id="m", type=CREATED)


def handled_as(line):
    return {
        sample.labels["outcome"]
        for family in line.metrics.handled.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }
