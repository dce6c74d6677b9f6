"""Wakes loops when another connection commits something for them: only a shortcut, every loop polls as well."""

import asyncio
import contextlib

import psycopg
from psycopg import sql

from shared.kernel.errors import DependencyUnavailableError
from shared.postgres.database import connect, cut_after

_ANSWER_WITHIN_S = 5.0


class Listener:
    """Listens on named channels of one schema and sets an event for each notification."""

    def __init__(self, url: str, schema: str) -> None:
        self._url = url
        self._schema = schema
        self._wakes: dict[str, list[asyncio.Event]] = {}

    def wakes(self, channel: str, event: asyncio.Event) -> None:
        """Set ``event`` whenever ``channel`` is notified. Say so before ``run`` starts."""
        self._wakes.setdefault(channel, []).append(event)

    async def run(self) -> None:
        """Listen until cancelled, coming back whenever the database does."""
        while True:
            with contextlib.suppress(psycopg.Error, DependencyUnavailableError):
                await self._listen()
            await asyncio.sleep(1)

    async def _listen(self) -> None:
        connection = await connect(self._url, schema=self._schema)
        async with connection:
            with cut_after(connection, _ANSWER_WITHIN_S):
                for channel in self._wakes:
                    name = sql.Identifier(f"{self._schema}_{channel}")
                    await connection.execute(sql.SQL("LISTEN {}").format(name))
            for channel in self._wakes:
                self._wake(channel)  # for whatever was committed before we listened
            while True:
                async for notification in connection.notifies(timeout=10):
                    self._wake(notification.channel.removeprefix(f"{self._schema}_"))
                with cut_after(connection, _ANSWER_WITHIN_S):
                    await connection.execute("SELECT 1")  # a link that is half gone fails here

    def _wake(self, channel: str) -> None:
        for event in self._wakes.get(channel, ()):
            event.set()
