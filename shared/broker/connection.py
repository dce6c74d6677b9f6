"""Links to the broker that open again by themselves, one per direction (RELIABILITY.md findings 7 and 9)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import ChannelInvalidStateError
from yarl import URL

from shared.broker.foreign_properties import be_lenient
from shared.broker.topology import EVENTS, QUEUES, TOPOLOGY, Queue
from shared.kernel.errors import DependencyUnavailableError

HEARTBEAT_S = 4
"""A link that is half gone is noticed after about four times this long; the library's default takes three minutes."""
CONNECT_TIMEOUT_S = 5.0
_LOOK_EVERY_S = 0.1
_PORTS = {"amqp": 5672, "amqps": 5671}
BROKER_ERRORS = (AMQPError, ChannelInvalidStateError, ConnectionError, OSError, TimeoutError, RuntimeError)

be_lenient()


async def open_connection(url: str, *, name: str) -> AbstractConnection:
    """Open one connection.

    Raises:
        DependencyUnavailableError: the broker does not answer.
    """
    target = URL(url).update_query(heartbeat=str(HEARTBEAT_S))
    connection = aio_pika.Connection(target, client_properties={"connection_name": f"aftercare {name}"})
    try:
        async with link_errors("the broker does not answer"):
            await connection.connect(timeout=CONNECT_TIMEOUT_S)
    except BaseException:
        await let_go(connection)
        raise
    return connection


async def listens(url: str, stopping: asyncio.Event, *, within: float) -> bool:
    """Wait quietly until something listens where the broker is to be, until we stop, or for so many seconds.

    A broker that starts beside us takes a while; each attempt to connect costs far more than a look at its port.
    """
    target = URL(url)
    deadline = time.monotonic() + within
    while not stopping.is_set() and time.monotonic() < deadline:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, writer = await asyncio.open_connection(target.host, target.port or _PORTS.get(target.scheme))
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                await stopping.wait()
    return False


async def let_go(connection: AbstractConnection, *, within: float = 1.0) -> None:
    """Close a connection, also one that is half gone or was never opened; never fails."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(within):
            await connection.close()
    with contextlib.suppress(Exception):
        # The first call took the transport away; if it ran out of time, this one marks the connection as closed.
        await connection.close()


@asynccontextmanager
async def link_errors(sentence: str) -> AsyncIterator[None]:
    """Turn every way in which the library reports a dead link into one error.

    A dead link also shows as ``CancelledError``; it counts as one unless somebody really cancelled this task.
    """
    try:
        yield
    except BROKER_ERRORS as error:
        raise DependencyUnavailableError(f"{sentence} ({type(error).__name__})") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise DependencyUnavailableError(sentence) from error


async def declare_topology(channel: AbstractChannel, rows: Sequence[Queue] = TOPOLOGY) -> None:
    """Declare the exchanges, and queues with their bindings; declaring what exists changes nothing."""
    events = await channel.declare_exchange(EVENTS, aio_pika.ExchangeType.TOPIC, durable=True)
    queues = await channel.declare_exchange(QUEUES, aio_pika.ExchangeType.DIRECT, durable=True)
    for row in rows:
        queue = await channel.declare_queue(row.name, durable=True, arguments=dict(row.arguments))
        await queue.bind(queues, routing_key=row.name)
        for key in row.bindings:
            await queue.bind(events, routing_key=key)


async def declare_on(url: str) -> None:
    """Declare the topology on a broker.

    Raises:
        DependencyUnavailableError: the broker does not answer, or refuses an argument.
    """
    connection = await open_connection(url, name="topology")
    try:
        async with link_errors("the broker refused the topology"):
            channel = await connection.channel()
            await declare_topology(channel)
    finally:
        await let_go(connection)
