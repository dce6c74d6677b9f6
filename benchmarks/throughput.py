"""Bookings and sends per second, beside the bare minimum in the same run: ``python -m benchmarks.throughput``.

One process works on private servers that wait for the disk, against a provider that answers at once. *Aftercare* is the
product's own consumers, relays and sender. *The bare minimum* is what the work cannot do without: one transaction per
event that writes four reminders, and per send a hop over the broker, a request and an update. It checks nothing.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aio_pika
import aiohttp
from aiohttp import web
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from benchmarks.measuring import announce
from cli.private_servers import ROOT
from cli.stack import MIGRATIONS
from services.booking_events import consumers as booking_consumers
from services.notifier import consumers as notifier_consumers
from services.notifier.context import Context
from services.notifier.domain.lane import ROUTINE
from services.notifier.handlers.send_due import SendDue, drain
from services.notifier.providers.twilio_http import TwilioHttp
from services.notifier.providers.twilio_sms import Sender, TwilioSms, build_client
from services.notifier.templates import TemplateCatalogue
from shared.broker.connection import declare_on
from shared.broker.consumer import Consumer
from shared.broker.publisher import Publication, Publisher
from shared.broker.topology import BOOKING_EVENTS, NOTIFIER
from shared.clinics.file import load_clinics
from shared.kernel.clock import SteppedClock
from shared.kernel.ids import new_id
from shared.messages.booking import CREATED
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from shared.postgres.sealing import Sealer, SealingKey
from shared.runtime.local_servers import start_local_servers
from shared.runtime.relay import OutboxRelay
from shared.telemetry.metrics import Metrics

_ACCOUNT = "AC" + "0" * 32
_SLOTS = 100
_BATCH = 100
_REMINDERS = 4
_BOOKED_AT = datetime(2026, 11, 20, 17, tzinfo=UTC)
_STARTS_AT = datetime(2026, 12, 4, 15, tzinfo=UTC)
_FIRST_REMINDER = _STARTS_AT - timedelta(hours=72)
_WITHIN_S = 600.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What one side reached, per second."""

    bookings: float
    sends: float


def main() -> int:
    """Measure both sides and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=1000)
    parser.add_argument("--provider", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.provider:
        web.run_app(_provider(), host="127.0.0.1", port=0, print=announce)
        return 0
    with TemporaryDirectory() as folder, start_local_servers(Path(folder), say=print) as servers:
        addresses = servers.addresses
        provider = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.throughput", "--provider"], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        try:
            assert provider.stdout is not None
            url = provider.stdout.readline().strip()
            run = Run(addresses.amqp_url, addresses.database_url, url, arguments.bookings)
            ours, bare = asyncio.run(run.ours()), asyncio.run(run.bare())
        finally:
            provider.terminate()
            provider.wait()
    print(f"{'':<18}{'bookings/s':>12}{'sends/s':>12}")
    for name, figures in (("Aftercare", ours), ("bare minimum", bare)):
        print(f"{name:<18}{figures.bookings:>12,.0f}{figures.sends:>12,.0f}")
    return 0


def _provider() -> web.Application:
    """Return a provider that takes every text at once."""

    async def create(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"sid": f"SM{new_id().replace('-', '')}", "status": "queued"}, status=201)

    application = web.Application()
    application.router.add_post("/{path:.*}", create)
    return application


@dataclass(frozen=True, slots=True)
class Run:
    """One run of both sides on the same servers."""

    amqp_url: str
    database_url: str
    provider_url: str
    bookings: int

    async def ours(self) -> Figures:
        """Measure the product."""
        await migrate(self.database_url, MIGRATIONS)
        await declare_on(self.amqp_url)
        await self._publish_bookings()
        sealer = Sealer([SealingKey("bench", bytes(range(32)))])
        clock, metrics = SteppedClock(_BOOKED_AT), Metrics()
        async with AsyncExitStack() as stack:
            open_database = partial(Database, self.database_url, sealer=sealer, size=8)
            bookings = await stack.enter_async_context(open_database(schema="booking_events"))
            notifier = await stack.enter_async_context(open_database(schema="notifier"))
            session = await stack.enter_async_context(
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_SLOTS))
            )
            context = self._context(session, metrics)
            publisher = Publisher(self.amqp_url, name="bench")
            stack.push_async_callback(publisher.close)
            keep = booking_consumers.handlers(context.clinics)
            started = time.monotonic()
            async with (
                self._consuming(BOOKING_EVENTS, keep, bookings, publisher, clock),
                self._consuming(NOTIFIER, notifier_consumers.handlers(context), notifier, publisher, clock),
                _repeating(OutboxRelay(bookings, publisher, metrics, urgent=False).run_once),
            ):
                planned = partial(_count, notifier, "SELECT count(*) AS n FROM plans")
                await _until(planned, self.bookings)
                per_second = self.bookings / (time.monotonic() - started)
            return Figures(per_second, await self._send_ours(notifier, clock, context))

    async def _send_ours(self, notifier: Database, clock: SteppedClock, context: Context) -> float:
        async with notifier.transaction() as connection:
            await connection.execute("UPDATE messages SET wanted = false WHERE purpose <> 'reminder_far'")
        clock.set(_FIRST_REMINDER + timedelta(seconds=1))
        sender = SendDue(notifier, clock, context, ROUTINE, slots=_SLOTS, wake=asyncio.Event())
        started = time.monotonic()
        sent = partial(_count, notifier, "SELECT count(*) AS n FROM messages WHERE outcome = 'sent'")
        async with _repeating(sender.run_once):
            await _until(sent, self.bookings)
        await drain([sender])
        return self.bookings / (time.monotonic() - started)

    def _context(self, session: aiohttp.ClientSession, metrics: Metrics) -> Context:
        http = TwilioHttp(session, timeout_s=10.0, base_url=self.provider_url)
        client = build_client(http, account_sid=_ACCOUNT, username=_ACCOUNT, password="bench")  # noqa: S106 - made up
        return Context(
            clinics=load_clinics(ROOT / "config" / "clinic.example.toml"),
            catalogue=TemplateCatalogue(),
            provider=TwilioSms(client, public_url="http://127.0.0.1:1"),
            default_sender=Sender(from_number="+15005550006"),
            metrics=metrics,
        )

    async def _publish_bookings(self) -> None:
        publisher = Publisher(self.amqp_url, name="bench")
        for batch in _batches(range(self.bookings)):
            await asyncio.gather(
                *(
                    publisher.publish(
                        Publication(CREATED, json.dumps(_booking(number)).encode(), message_id=new_id(), type=CREATED)
                    )
                    for number in batch
                )
            )
        await publisher.close()

    @asynccontextmanager
    async def _consuming(
        self, queue: str, table: Sequence[Any], database: Database, publisher: Publisher, clock: SteppedClock
    ) -> AsyncIterator[None]:
        consumer = Consumer(
            queue,
            table,
            url=self.amqp_url,
            database=database,
            publisher=publisher,
            clock=clock,
            metrics=Metrics(),
            concurrency=4,
        )
        task = asyncio.create_task(consumer.run())
        try:
            yield
        finally:
            await consumer.stop()
            await task

    async def bare(self) -> Figures:
        """Measure the least that the same work takes."""
        async with AsyncExitStack() as stack:
            pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
                self.database_url, min_size=8, max_size=8, open=False, kwargs={"autocommit": True}
            )
            await stack.enter_async_context(pool)
            link = await stack.enter_async_context(await aio_pika.connect(self.amqp_url))
            async with pool.connection() as connection:
                await connection.execute("CREATE SCHEMA bare")
                await connection.execute("CREATE TABLE bare.events (id text PRIMARY KEY)")
                await connection.execute(
                    """CREATE TABLE bare.reminders (
                           event text, step int, state text DEFAULT 'planned', due_at timestamptz, reference text,
                           PRIMARY KEY (event, step))"""
                )
            session = await stack.enter_async_context(
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_SLOTS))
            )
            return Figures(await self._book_bare(pool, link), await self._send_bare(pool, link, session))

    async def _book_bare(self, pool: Any, link: Any) -> float:
        channel = await link.channel()
        queue = await _quorum(channel, "bare.events")
        for batch in _batches(range(self.bookings)):
            bodies = (json.dumps(_booking(number)).encode() for number in batch)
            await asyncio.gather(*(_put(channel, queue.name, body) for body in bodies))
        done = asyncio.Event()
        left = self.bookings

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            nonlocal left
            booking = json.loads(message.body)
            async with pool.connection() as connection, connection.transaction():
                await connection.execute("INSERT INTO bare.events VALUES (%s)", (booking["booking_id"],))
                await connection.execute(
                    """INSERT INTO bare.reminders (event, step, due_at)
                       SELECT %s, n, now() FROM generate_series(1, %s) AS n""",
                    (booking["booking_id"], _REMINDERS),
                )
            await message.ack()
            left -= 1
            if not left:
                done.set()

        await channel.set_qos(prefetch_count=40)
        started = time.monotonic()
        await queue.consume(take)
        await asyncio.wait_for(done.wait(), _WITHIN_S)
        return self.bookings / (time.monotonic() - started)

    async def _send_bare(self, pool: Any, link: Any, session: aiohttp.ClientSession) -> float:
        channel, inbound = await link.channel(), await link.channel()
        queue = await _quorum(inbound, "bare.sends")
        done = asyncio.Event()
        left = self.bookings

        async def send(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            nonlocal left
            event = message.body.decode()
            async with session.post(f"{self.provider_url}/send", data={"to": "+12125550123", "body": event}) as answer:
                reference = (await answer.json())["sid"]
            async with pool.connection() as connection:
                await connection.execute(
                    "UPDATE bare.reminders SET state = 'sent', reference = %s WHERE event = %s AND step = 1",
                    (reference, event),
                )
            await message.ack()
            left -= 1
            if not left:
                done.set()

        await inbound.set_qos(prefetch_count=_SLOTS)
        started = time.monotonic()
        await queue.consume(send)
        while True:
            async with pool.connection() as connection:
                cursor = await connection.execute(
                    """UPDATE bare.reminders SET state = 'queued'
                        WHERE (event, step) IN (SELECT event, step FROM bare.reminders
                                                 WHERE state = 'planned' AND step = 1 AND due_at <= now()
                                                 LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING event""",
                    (_BATCH,),
                )
                events = [row[0] for row in await cursor.fetchall()]
            if not events:
                break
            await asyncio.gather(*(_put(channel, queue.name, event.encode()) for event in events))
        await asyncio.wait_for(done.wait(), _WITHIN_S)
        return self.bookings / (time.monotonic() - started)


def _booking(number: int) -> dict[str, Any]:
    return {
        "booking_id": f"bk_{number}",
        "revision": 1,
        "clinic_id": "harbor",
        "visit_kind": "infusion",
        "starts_at": _STARTS_AT.isoformat(),
        "patient": {"patient_id": f"pt_{number}", "phone": f"+1212{5_000_000 + number}"},
        "consent": {"reminders": True},
    }


def _batches(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH)]


async def _quorum(channel: Any, name: str) -> Any:
    return await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})


async def _put(channel: Any, queue: str, body: bytes) -> None:
    message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(message, queue)


async def _count(database: Database, query: str) -> int:
    async with database.connection() as connection:
        row = await (await connection.execute(query.encode())).fetchone()
    assert row is not None
    return int(row["n"])


async def _until(count: Callable[[], Awaitable[int]], wanted: int) -> None:
    async with asyncio.timeout(_WITHIN_S):
        while await count() < wanted:  # noqa: ASYNC110 - what is counted is rows of a database
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _repeating(work: Callable[[], Awaitable[int]]) -> AsyncIterator[None]:
    """Do a piece of work again and again until the block ends."""

    async def repeat() -> None:
        while True:
            if not await work():
                await asyncio.sleep(0.005)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


if __name__ == "__main__":
    sys.exit(main())
