"""Wakes loops when another connection commits something for them: only a shortcut, every loop polls as well."""

import asyncio
import contextlib

import psycopg
from psycopg import sql

from shared.kernel.errors import DependencyUnavailableError
from shared.postgres.database import connect


class Listener:
    """Listens on named channels of one schema and sets an event for each notification."""

    def __init__(self, url: str, schema: str) -> None:
        self._url = url
        self._schema = schema
        self._events: dict[str, asyncio.Event] = {}

    def event(self, channel: str) -> asyncio.Event:
        """Return the event that is set when ``channel`` is notified. Ask before ``run`` starts."""
        return self._events.setdefault(channel, asyncio.Event())

    async def run(self) -> None:
        """Listen until cancelled, coming back whenever the database does."""
        while True:
            with contextlib.suppress(psycopg.Error, DependencyUnavailableError):
                await self._listen()
            await asyncio.sleep(1)

    async def _listen(self) -> None:
        connection = await connect(self._url, schema=self._schema)
        async with connection:
            for channel in self._events:
                name = sql.Identifier(f"{self._schema}_{channel}")
                await connection.execute(sql.SQL("LISTEN {}").format(name))
            for event in self._events.values():
                event.set()  # whatever was committed before we listened
            while True:
                async for notification in connection.notifies(timeout=10):
                    self._events[notification.channel.removeprefix(f"{self._schema}_")].set()
                await connection.execute("SELECT 1")  # a link that is half gone fails here
