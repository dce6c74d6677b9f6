"""Dead letters: taken off their queues one by one, and sent back to where they came from."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from shared.broker.connection import declare_topology, let_go, link_errors, open_connection
from shared.broker.consumer import ATTEMPT, CAUSE, REASON, ROUTING_KEY, attempt_of
from shared.broker.publisher import Publication, Publisher
from shared.broker.topology import MAIN_QUEUES, QUEUES, dead_letter_queue
from shared.kernel.errors import PermanentError
from shared.kernel.storable import storable
from shared.messages.catalogue import CATALOGUE
from shared.messages.envelope import BARE_SOURCE, read_envelope

_WITHOUT_REASON = {
    "delivery_limit": "handed back too often without an answer",
    "expired": "not handled in time",
    "maxlen": "the queue was full",
    "rejected": "rejected by its reader",
}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that could not be handled, as it first came. ``reason`` names fields, never values."""

    queue: str
    message_id: str
    type: str
    cause: str
    reason: str
    attempts: int
    body: bytes
    routing_key: str | None = None
    correlation_id: str | None = None
    content_type: str | None = None


Keep = Callable[[DeadLetter], Awaitable[None]]


class DeadLetterTaker:
    """Empties the dead-letter queues into ``keep``. A letter leaves its queue only once ``keep`` has returned."""

    def __init__(self, url: str, keep: Keep, *, queues: Sequence[str] = MAIN_QUEUES) -> None:
        self._url = url
        self._keep = keep
        self._queues = queues
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    async def run_once(self) -> int:
        """Take all that is there; return how many letters that were.

        Raises:
            DependencyUnavailableError: the broker or the database is away; what was not kept is still in its queue.
        """
        try:
            async with link_errors("the link to the broker broke"):
                channel = await self._open()
                return sum([await self._empty(channel, queue) for queue in self._queues])
        except BaseException:
            # Closing hands back what was not acknowledged.
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            await let_go(connection)

    async def _open(self) -> AbstractChannel:
        if self._channel is None or self._channel.is_closed:
            await self.close()
            self._connection = await open_connection(self._url, name="dead letters")
            self._channel = await self._connection.channel()
            await declare_topology(self._channel)
        return self._channel

    async def _empty(self, channel: AbstractChannel, queue: str) -> int:
        source = await channel.get_queue(dead_letter_queue(queue), ensure=False)
        taken = 0
        while (message := await source.get(fail=False, timeout=5)) is not None:
            await self._keep(_letter(queue, message))
            await message.ack()
            taken += 1
        return taken


async def send_back(publisher: Publisher, letter: DeadLetter) -> None:
    """Put a letter back into its queue as it first came: the inbox sees to it that it takes effect once.

    Raises:
        DependencyUnavailableError: the broker did not confirm it.
    """
    headers: dict[str, str | int] = {ATTEMPT: 0}
    if letter.routing_key is not None:
        headers[ROUTING_KEY] = letter.routing_key
    await publisher.publish(
        Publication(
            routing_key=letter.queue,
            exchange=QUEUES,
            body=letter.body,
            message_id=letter.message_id,
            type=letter.type,
            correlation_id=letter.correlation_id,
            headers=headers,
            content_type=letter.content_type or "application/octet-stream",
        )
    )


def _letter(queue: str, message: AbstractIncomingMessage) -> DeadLetter:
    headers = message.headers
    routing_key = _first_routing_key(headers)
    message_id, message_type = _named_by(message, routing_key)
    cause, reason = headers.get(CAUSE), headers.get(REASON)
    if reason is None:
        cause = _broker_cause(headers)
        reason = _WITHOUT_REASON.get(str(cause), "dead-lettered by the broker")
    return DeadLetter(
        queue=queue,
        message_id=storable(message_id),
        type=storable(message_type),
        cause=storable(str(cause)),
        reason=storable(str(reason)),
        attempts=attempt_of(message),
        body=message.body,
        routing_key=storable(routing_key) if routing_key is not None else None,
        correlation_id=storable(str(message.correlation_id)) if message.correlation_id else None,
        content_type=storable(message.content_type) if message.content_type else None,
    )


def _broker_cause(headers: Mapping[str, Any]) -> str:
    """Return why the broker itself gave a message up, as its own header tells."""
    deaths = headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths else {}
    return str(first.get("reason", "unknown")) if isinstance(first, dict) else "unknown"


def _first_routing_key(headers: Mapping[str, Any]) -> str | None:
    """Return the routing key that a message first came with: ours, or what the broker noted when it gave it up."""
    if ROUTING_KEY in headers:
        return str(headers[ROUTING_KEY])
    match headers.get("x-death"):
        case [*_, {"routing-keys": [first, *_]}]:
            return str(first)
        case _:
            return None


def _named_by(message: AbstractIncomingMessage, routing_key: str | None) -> tuple[str, str]:
    """Return id and type as the inbox would know them, else as the broker's client gave them."""
    given = message.type or routing_key or message.routing_key or ""
    with contextlib.suppress(PermanentError):
        envelope = read_envelope(message.body, routing_key=routing_key or "")
        bare = envelope.source == BARE_SOURCE
        # A type that is none of ours may be anything, and is shown to people.
        return message.message_id or "" if bare else envelope.id, envelope.type if envelope.type in CATALOGUE else given
    return message.message_id or "", given
