"""Runs one service: opens what it needs, supervises its loops, and drains it when told to stop."""

import asyncio
import contextlib
import gc
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.broker.connection import listens
from shared.broker.consumer import Consumer
from shared.broker.handler import Handler
from shared.broker.publisher import Publisher
from shared.clinics.file import load_clinics
from shared.clinics.model import Clinics
from shared.kernel.clock import Clock, SystemClock
from shared.kernel.errors import ConfigurationError, DependencyUnavailableError
from shared.postgres import inbox, outbox, patient_requests
from shared.postgres.database import Database, connect
from shared.postgres.demo_clock import FollowedClock
from shared.postgres.listener import Listener
from shared.postgres.migrate import require_known_schema
from shared.postgres.sealing import Sealer, parse_sealing_keys
from shared.runtime.give_way import GiveWay
from shared.runtime.loop import Loop
from shared.runtime.relay import OutboxGauge, OutboxRelay
from shared.runtime.settings import ServiceSettings
from shared.runtime.watchdog import watchdog
from shared.telemetry.log import configure_logging, log
from shared.telemetry.metrics import Metrics
from shared.telemetry.tracing import start_tracing, stop_tracing
from shared.web.health import Health
from shared.web.server import Route, build_application, serving

_DRAIN_S = 10.0
_BROKER_STARTS_S = 20.0
_CLOCKS_MAY_DIFFER_S = 2.0
_LOOKS_OFTEN_S = 1.0  # a loop that looks this often waits for something to become due


@dataclass(frozen=True, slots=True)
class Kit:
    """What a service is built from."""

    name: str
    clinics: Clinics
    database: Database
    clock: Clock
    metrics: Metrics
    health: Health
    listener: Listener
    give_way: GiveWay = field(default_factory=GiveWay)


@dataclass(frozen=True, slots=True)
class Queues:
    """One or more queues read by the same table of handlers, with their own link and transactions.

    ``database`` is a pool of connections of their own, for queues that must not wait behind the service's other work.
    ``concurrency`` is how many transactions run at once; fewer gather more of what may share one.
    What ``gives_way`` rests while much comes in by those that do not.
    """

    names: Sequence[str]
    handlers: Sequence[Handler]
    database: Database | None = None
    concurrency: int = 2
    gives_way: bool = True


@dataclass(slots=True)
class Parts:
    """What a service consists of: its ways in and its loops.

    ``draining`` finishes what the loops have begun, while messages can still be published; ``closing`` comes last.
    """

    queues: Sequence[Queues] = ()
    routes: Sequence[Route] = ()
    loops: Sequence[Loop] = ()
    draining: Sequence[Callable[[], Awaitable[None]]] = field(default_factory=tuple)
    closing: Sequence[Callable[[], Awaitable[None]]] = field(default_factory=tuple)


Build = Callable[[Kit], Awaitable[Parts]]


def main(
    name: str, settings: Callable[[], ServiceSettings], *, migrations: Path, port: Callable[[Any], int], build: Any
) -> None:
    """Run a service until SIGTERM or SIGINT; exit with one clear sentence where it cannot start."""
    try:
        loaded = settings()
        configure_logging(name, level=loaded.log_level)
        start_tracing(name, loaded.otlp_endpoint)
        asyncio.run(run(name, loaded, migrations=migrations, port=port(loaded), build=lambda kit: build(kit, loaded)))
    except ConfigurationError as error:
        sys.exit(f"{name} cannot start:\n{error}")
    finally:
        stop_tracing()


async def run(name: str, settings: ServiceSettings, *, migrations: Path, port: int, build: Build) -> None:
    """Run a service in this event loop until it is told to stop."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    sealer = Sealer(parse_sealing_keys(settings.sealing_keys.get_secret_value()))
    url = settings.database_url.get_secret_value()
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(url, schema=name, sealer=sealer))
        if not await _wait_for_schema(url, name, migrations, stopping):
            return
        clock = await _clock(settings, database, stack)
        kit = Kit(name, load_clinics(settings.config), database, clock, Metrics(), Health(), Listener(url, name))
        parts = await build(kit)
        # What stands by now stands until the end. Looking it all through took 0.15 s, with everybody waiting.
        gc.freeze()
        for close in parts.closing:
            stack.push_async_callback(close)
        await _run_parts(kit, parts, settings, port, stopping)
    log.info("stopped")


async def _wait_for_schema(url: str, schema: str, migrations: Path, stopping: asyncio.Event) -> bool:
    """Wait until the database answers, then refuse a schema that this release does not know."""
    while not stopping.is_set():
        try:
            async with await connect(url, schema=schema) as connection:
                await require_known_schema(connection, migrations)
        except DependencyUnavailableError as error:
            log.warning("waiting for the database", reason=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await stopping.wait()
        else:
            return True
    return False


async def _clock(settings: ServiceSettings, database: Database, stack: contextlib.AsyncExitStack) -> Clock:
    if settings.clock == "system":
        return SystemClock()
    clock = await FollowedClock.start(database)
    follower = asyncio.create_task(clock.follow(database))
    stack.callback(follower.cancel)
    return clock


async def _run_parts(kit: Kit, parts: Parts, settings: ServiceSettings, port: int, stopping: asyncio.Event) -> None:
    amqp_url = settings.amqp_url.get_secret_value()
    forwarder = Publisher(amqp_url, name=f"{kit.name} recoverability")
    consumers = [
        Consumer(
            queue,
            row.handlers,
            url=amqp_url,
            database=row.database or kit.database,
            publisher=forwarder,
            clock=kit.clock,
            metrics=kit.metrics,
            concurrency=row.concurrency,
            **_manners(kit.give_way, row),
        )
        for row in parts.queues
        for queue in row.names
    ]
    publishers = [Publisher(amqp_url, name=f"{kit.name} {lane}") for lane in ("routine", "urgent")]
    loops = [*parts.loops, *_relays(kit, publishers), *_housekeeping(kit)]
    for consumer in consumers:
        kit.health.add(f"queue {consumer.queue}", consumer.complaint)
    for loop in loops:
        kit.health.add(loop.name, loop.complaint)
        if isinstance(kit.clock, FollowedClock) and loop.every_s <= _LOOKS_OFTEN_S:
            kit.clock.wakes(loop.wake)
    application = build_application(parts.routes, health=kit.health, metrics=kit.metrics)
    async with (
        watchdog(kit.metrics),
        _in_background([kit.listener.run()]),
        serving(application, host=settings.host, port=port) as bound,
        _in_background([_consume(amqp_url, consumers, stopping)]),
    ):
        log.info("serving", port=bound)
        tasks = [asyncio.create_task(loop.run(stopping), name=loop.name) for loop in loops]
        await stopping.wait()
        log.info("draining")
        kit.health.drain()
        await asyncio.gather(*(consumer.stop() for consumer in consumers))
        _done, late = await asyncio.wait(tasks, timeout=_DRAIN_S)
        for task in late:
            task.cancel()
        for finish in parts.draining:
            await finish()
        await _flush(kit, publishers)
    for publisher in (forwarder, *publishers):
        await publisher.close()


def _manners(give_way: GiveWay, row: Queues) -> dict[str, Any]:
    if row.gives_way:
        return {"rest_after": give_way.rest_after}
    return {"rest_after": give_way.breath_after, "came": give_way.urgent}


async def _consume(amqp_url: str, consumers: Sequence[Consumer], stopping: asyncio.Event) -> None:
    """Run consumers, from when there is a broker: one that starts beside us takes some seconds, and is no failure."""
    if not await listens(amqp_url, stopping, within=_BROKER_STARTS_S) and not stopping.is_set():
        log.warning("nothing listens where the broker should be")
    await asyncio.gather(*(consumer.run() for consumer in consumers), return_exceptions=True)


def _relays(kit: Kit, publishers: Sequence[Publisher]) -> list[Loop]:
    loops, give_way = [], kit.give_way
    for publisher, urgent in zip(publishers, (False, True), strict=True):
        relay = OutboxRelay(
            kit.database, publisher, kit.metrics, urgent=urgent, at_once=None if urgent else give_way.at_once
        )
        loop = Loop(f"outbox {'urgent' if urgent else 'routine'}", relay.run_once, every_s=1.0, is_more=relay.is_more)
        loop.rest_after = give_way.breath_after if urgent else give_way.rest_after
        kit.listener.wakes(outbox.channel_of(urgent=urgent), loop.wake)
        loops.append(loop)
    return loops


def _housekeeping(kit: Kit) -> list[Loop]:
    gauge = OutboxGauge(kit.database, kit.metrics)
    kit.health.add("outbox", gauge.complaint)
    skew = ClockSkew(kit.database)
    kit.health.add("clock", skew.complaint)

    async def forget() -> int:
        async with kit.database.transaction() as connection:
            await inbox.forget(connection, older_than_days=kit.clinics.retention.inbox_days)
            await patient_requests.forget_exports(connection, now=kit.clock.now())
        return 0

    return [
        Loop("outbox gauge", gauge.run_once, every_s=2.0),
        Loop("clock skew", skew.run_once, every_s=15.0),
        Loop("keeping times", forget, every_s=3600.0),
    ]


async def _flush(kit: Kit, publishers: Sequence[Publisher]) -> None:
    """Publish what the last transactions left in the outbox; what cannot leave now leaves after the next start."""
    deadline = time.monotonic() + 3
    for publisher, urgent in zip(publishers, (False, True), strict=True):
        relay = OutboxRelay(kit.database, publisher, kit.metrics, urgent=urgent)
        with contextlib.suppress(DependencyUnavailableError):
            while await relay.run_once() and time.monotonic() < deadline:
                pass


class ClockSkew:
    """Compares this machine's clock with the database's (DESIGN.md section 2, mechanism 5)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._skew = 0.0

    async def run_once(self) -> int:
        """Measure the difference."""
        before = datetime.now(UTC)
        theirs = await self._database.now()
        after = datetime.now(UTC)
        self._skew = (theirs - (before + (after - before) / 2)).total_seconds()
        return 0

    def complaint(self) -> str | None:
        """Return a sentence while the clocks differ by more than two seconds."""
        return "this machine's clock and the database's differ" if abs(self._skew) > _CLOCKS_MAY_DIFFER_S else None


@contextlib.asynccontextmanager
async def _in_background(coroutines: Sequence[Any]) -> AsyncIterator[None]:
    """Run coroutines beside the block, and end them with it."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
