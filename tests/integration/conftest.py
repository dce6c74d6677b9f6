"""A consumer of the product's own on a real queue, with a handler that does as each test says."""

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from shared.broker.connection import declare_topology, open_connection
from shared.broker.consumer import Consumer
from shared.broker.handler import Handler
from shared.broker.publisher import Publication, Publisher
from shared.broker.topology import BOOKING_EVENTS, TOPOLOGY, dead_letter_queue
from shared.kernel.clock import SystemClock
from shared.kernel.ids import new_id
from shared.messages.booking import BOOKING_TYPES, CREATED
from shared.postgres.database import Database
from shared.telemetry.metrics import Metrics
from tests.builders import booking_json
from tests.conftest import fresh_vhost
from tests.integration.stack import WITHOUT_OPENTELEMETRY, own_place, running_stack
from tests.waiting import until


class Line:
    """A queue with a consumer on it. ``behave`` is called with each booking, inside the transaction."""

    def __init__(self, url, database, publisher):
        self.url = url
        self.database = database
        self.publisher = publisher
        self.metrics = Metrics()
        self.handled = Counter()
        self.tries = Counter()
        self.behave = lambda _booking: None
        self.joins = True
        self.consumer = None

    async def handle(self, unit, _envelope, booking):
        self.tries[booking.booking_id] += 1
        outcome = self.behave(booking)
        if asyncio.iscoroutine(outcome):
            await outcome
        await unit.connection.execute(
            "INSERT INTO history (at, booking_id, what) VALUES (%s, %s, 'handled')", (unit.now, booking.booking_id)
        )
        self.handled[booking.booking_id] += 1

    async def publish(self, *, event=CREATED, event_id=None, headers=None, body=None, source="ehr", **changes):
        """Publish one event; ``body`` stands for the whole body where given."""
        event_id = event_id or new_id()
        content = {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": event,
            "data": booking_json(**changes),
        }
        body = json.dumps(content).encode() if body is None else body
        await self.publisher.publish(
            Publication(routing_key=event, body=body, message_id=event_id, type=event, headers=headers)
        )
        return event_id

    async def effects(self):
        """Return how often each booking has taken effect, from the database."""
        async with self.database.connection() as connection:
            rows = await (await connection.execute("SELECT booking_id FROM history")).fetchall()
        return Counter(row["booking_id"] for row in rows)

    async def took_effect(self, *booking_ids, within=15.0):
        async def all_there():
            return set(booking_ids) <= (await self.effects()).keys()

        await until(all_there, within=within, what=f"the effect of {booking_ids}")

    async def dead_letters(self, count, *, within=15.0):
        """Wait until that many dead letters are there, and take them."""
        taken = []
        connection = await open_connection(self.url, name="test")
        async with connection:
            channel = await connection.channel()
            queue = await channel.get_queue(dead_letter_queue(BOOKING_EVENTS))

            async def enough():
                message = await queue.get(fail=False)
                if message is not None:
                    await message.ack()
                    taken.append(message)
                return len(taken) >= count

            await until(enough, within=within, what=f"{count} dead letters")
        return taken

    async def depth(self, queue):
        """Return how many messages wait in a queue."""
        connection = await open_connection(self.url, name="test")
        async with connection:
            channel = await connection.channel()
            state = await channel.declare_queue(queue, passive=True)
            return state.declaration_result.message_count

    @asynccontextmanager
    async def consuming(self, *, url=None, database=None, **options):
        """Run a consumer until the block ends."""
        consumer = Consumer(
            BOOKING_EVENTS,
            [
                Handler(name, self.handle, lambda _envelope, booking: [booking.booking_id], joins=self.joins)
                for name in BOOKING_TYPES
            ],
            url=url or self.url,
            database=database or self.database,
            publisher=self.publisher,
            clock=SystemClock(),
            metrics=self.metrics,
            **options,
        )
        self.consumer = consumer
        task = asyncio.create_task(consumer.run())
        try:
            await until(lambda: consumer.complaint() is None, what="a consumer at work")
            yield consumer
        finally:
            await consumer.stop()
            await task


@pytest.fixture(scope="package")
async def vhost_url(servers):
    """One vhost for the tests of this folder: declaring thirty queues for each of them would take longer than they do."""
    with fresh_vhost(servers) as url:
        yield url


@pytest.fixture
async def amqp_url(vhost_url):
    """The product's queues, empty."""
    connection = await open_connection(vhost_url, name="test")
    async with connection:
        channel = await connection.channel()
        await declare_topology(channel)
        for row in TOPOLOGY:
            await (await channel.get_queue(row.name, ensure=False)).purge()
    return vhost_url


@pytest.fixture
async def line(amqp_url, database_url, sealer):
    async with Database(database_url, schema="booking_events", sealer=sealer, size=6) as database:
        publisher = Publisher(amqp_url, name="test")
        yield Line(amqp_url, database, publisher)
        await publisher.close()


@pytest.fixture(scope="package")
async def running(servers, template, tmp_path_factory):
    """The whole system as processes, once for all tests of this folder, as it is installed without the extra libraries."""
    home = tmp_path_factory.mktemp("home")
    with own_place(servers, template) as place:
        async with running_stack(home, environment=WITHOUT_OPENTELEMETRY, **place) as system:
            yield system
