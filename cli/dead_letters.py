"""``aftercare dlq``: look at what could not be handled, send it again, or let it go with a reason."""

import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from cli.environment import needed, running_system
from shared.broker.connection import link_errors, open_connection
from shared.broker.consumer import ATTEMPT, CAUSE, QUEUE, REASON, ROUTING_KEY
from shared.broker.publisher import Publication, Publisher
from shared.broker.topology import MAIN_QUEUES, QUEUES, dead_letter_queue
from shared.kernel.errors import ConfigurationError

_SHOWN = (
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "revision",
    "clinic_id",
    "booking_id",
    "occurred_at",
    "subject",
    "key",
)


async def dead_letters(
    action: str, queue: str | None, *, message_id: str | None, reason: str | None, reveal: bool
) -> int:
    """Run one of list, show, replay, discard.

    Raises:
        ConfigurationError: a queue that does not exist, or a discard without a reason.
    """
    if queue is not None and queue not in MAIN_QUEUES:
        raise ConfigurationError(f"queue: one of {', '.join(MAIN_QUEUES)}")
    if action == "discard" and not reason:
        raise ConfigurationError("--reason: say why it is discarded")
    if action != "list" and queue is None:
        raise ConfigurationError(f"queue: say which one, of {', '.join(MAIN_QUEUES)}")
    url = needed(running_system(), "AFTERCARE_AMQP_URL")
    connection = await open_connection(url, name="dead letters")
    publisher = Publisher(url, name="replay")
    try:
        async with link_errors("the broker went away"):
            channel = await connection.channel()
            if action == "list":
                return await _list(channel)
            assert queue is not None
            chosen = [m async for m in _letters(channel, queue) if message_id in (None, _id_of(m))]
            for message in chosen:
                await _act(action, queue, message, publisher, reveal=reveal)
            done = {"show": "shown", "replay": "sent again", "discard": f"discarded: {reason}"}[action]
            sys.stdout.write(f"{len(chosen)} {done}\n")
            return 0 if chosen or message_id is None else 1
    finally:
        # What was not acknowledged goes back to where it was.
        await publisher.close()
        await connection.close()


async def _list(channel: AbstractChannel) -> int:
    total = 0
    for queue in MAIN_QUEUES:
        state = await channel.declare_queue(dead_letter_queue(queue), passive=True)
        count = state.declaration_result.message_count or 0
        total += count
        causes: dict[str, int] = {}
        async for message in _letters(channel, queue):
            why = str(message.headers.get(REASON, "not handled in time, or handed back too often"))
            causes[why] = causes.get(why, 0) + 1
        sys.stdout.write(f"{queue:<18} {count}\n")
        for why, times in sorted(causes.items(), key=lambda item: -item[1]):
            sys.stdout.write(f"    {times:>6} times: {why}\n")
    return 0 if total == 0 else 1


async def _letters(channel: AbstractChannel, queue: str) -> AsyncIterator[AbstractIncomingMessage]:
    """Take every dead letter of a queue in hand; each goes back unless it is acknowledged."""
    source = await channel.get_queue(dead_letter_queue(queue))
    while True:
        message = await source.get(fail=False, timeout=5)
        if message is None:
            return
        yield message


async def _act(
    action: str, queue: str, message: AbstractIncomingMessage, publisher: Publisher, *, reveal: bool
) -> None:
    if action == "show":
        _show(message, reveal=reveal)
    elif action == "replay":
        await publisher.publish(_replayed(queue, message))
        await message.ack()
    else:
        await message.ack()


def _replayed(queue: str, message: AbstractIncomingMessage) -> Publication:
    """Return the message as it first came: the inbox sees to it that it takes effect once."""
    headers: dict[str, str | int] = {ATTEMPT: 0}
    if ROUTING_KEY in message.headers:
        headers[ROUTING_KEY] = str(message.headers[ROUTING_KEY])
    return Publication(
        routing_key=queue,
        exchange=QUEUES,
        body=message.body,
        message_id=message.message_id or "",
        type=message.type or "",
        headers=headers,
    )


def _show(message: AbstractIncomingMessage, *, reveal: bool) -> None:
    facts = {
        "id": _id_of(message),
        "type": message.type or message.headers.get(ROUTING_KEY),
        "queue": message.headers.get(QUEUE),
        "cause": message.headers.get(CAUSE),
        "reason": message.headers.get(REASON),
        "attempts": message.headers.get(ATTEMPT),
    }
    for name, value in facts.items():
        sys.stdout.write(f"{name:<9} {value!s}\n")
    with contextlib.suppress(ValueError, RecursionError):
        content = json.loads(message.body)
        sys.stdout.write(json.dumps(content if reveal else masked(content), indent=2, ensure_ascii=False) + "\n")
    sys.stdout.write("\n")


def masked(content: Any, name: str = "") -> Any:
    """Return a body in which only field names, and values that name no person, can be read."""
    if isinstance(content, dict):
        return {key: masked(value, key) for key, value in content.items()}
    if isinstance(content, list):
        return [masked(item, name) for item in content]
    if content is None or isinstance(content, bool) or name in _SHOWN:
        return content
    return f"<{type(content).__name__}>"


def _id_of(message: AbstractIncomingMessage) -> str:
    if message.message_id:
        return message.message_id
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        return str(json.loads(message.body).get("id", ""))
    return ""
