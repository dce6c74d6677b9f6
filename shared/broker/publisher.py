"""Publishing with confirms: when ``publish`` returns, the broker has the message and has routed it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import PublishError
from aiormq import Channel, spec

from shared.broker.connection import let_go, link_errors, open_connection
from shared.broker.topology import EVENTS
from shared.kernel.errors import AftercareError, DependencyUnavailableError
from shared.messages.envelope import CONTENT_TYPE

_CONFIRM_TIMEOUT_S = 5.0

Headers = dict[str, str | int]


class UnroutableError(AftercareError):
    """The broker has no queue for an owned message."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One message for the broker."""

    routing_key: str
    body: bytes
    message_id: str
    type: str
    correlation_id: str | None = None
    exchange: str = EVENTS
    mandatory: bool = True
    headers: Headers | None = None
    content_type: str = CONTENT_TYPE


class Publisher:
    """A connection and channel for publishing only, opened when needed and again after it broke."""

    def __init__(self, url: str, *, name: str) -> None:
        self._url = url
        self._name = name
        self._opening = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    async def publish(self, message: Publication) -> None:
        """Publish and wait for the broker's confirmation.

        Raises:
            UnroutableError: ``mandatory``, and no queue takes it.
            DependencyUnavailableError: not confirmed in time; the broker may have it all the same.
        """
        channel: AbstractChannel | None = None
        try:
            async with link_errors("not confirmed by the broker"):
                channel = await self._open()
                await self._publish(channel, message)
        except DependencyUnavailableError:
            # Several fail together when a link breaks: the last of them must not close the link that the first one's
            # successor has opened since.
            if channel is self._channel or self._channel is None or self._channel.is_closed:
                await self._drop()
            raise

    @staticmethod
    async def _publish(channel: AbstractChannel, message: Publication) -> None:
        # Through the channel below the library's own: there, what is published at the same moment need not wait for
        # each other to reach the socket. Only the broker's answer counts, and each waits for its own.
        link = await channel.get_underlay_channel()
        assert isinstance(link, Channel)
        try:
            await link.basic_publish(
                message.body,
                exchange=message.exchange,
                routing_key=message.routing_key,
                properties=_properties(message),
                mandatory=message.mandatory,
                timeout=_CONFIRM_TIMEOUT_S,
                wait=False,
            )
        except PublishError as error:
            raise UnroutableError(f"no queue is bound for {message.type}") from error

    async def _open(self) -> AbstractChannel:
        async with self._opening, asyncio.timeout(_CONFIRM_TIMEOUT_S):
            if self._channel is None or self._channel.is_closed:
                if self._connection is None or self._connection.is_closed:
                    self._connection = await open_connection(self._url, name=self._name)
                self._channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
            return self._channel

    async def _drop(self) -> None:
        """Forget a link that failed, so that the next message opens a fresh one."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            await let_go(connection)

    async def close(self) -> None:
        """Close the connection."""
        await self._drop()


def _properties(message: Publication) -> spec.Basic.Properties:
    return spec.Basic.Properties(
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT.value,
        message_id=message.message_id,
        message_type=message.type,
        correlation_id=message.correlation_id,
        timestamp=datetime.now(UTC),
        headers=dict(message.headers or {}),
    )
