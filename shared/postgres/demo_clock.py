"""The demo's clock: one row that every process follows, so that three weeks pass in a minute."""

import asyncio
import contextlib
from datetime import datetime

import psycopg

from shared.kernel.errors import DependencyUnavailableError
from shared.postgres.database import Connection, Database, connect, connect_as_owner

_CHANNEL = "demo_clock"
_POLL_S = 1.0
"""A step is told at once; looking now and then is for what was told while nobody listened."""


class FollowedClock:
    """Clinical time as the demo's row has it."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._wakes: list[asyncio.Event] = []

    @classmethod
    async def start(cls, database: Database) -> "FollowedClock":
        """Read the row once and return a clock that stands there."""
        async with database.connection() as connection:
            return cls(await _read(connection))

    def now(self) -> datetime:
        """Return the demo's time as last heard."""
        return self._now

    def wakes(self, event: asyncio.Event) -> None:
        """Set ``event`` at every step: after one there may be much to do at once."""
        self._wakes.append(event)

    async def follow(self, database: Database) -> None:
        """Follow the row until cancelled, coming back whenever the database does."""
        while True:
            with contextlib.suppress(psycopg.Error, DependencyUnavailableError):
                await self._listen(database)
            await asyncio.sleep(_POLL_S)

    async def _listen(self, database: Database) -> None:
        async with await connect(database.url, schema=database.schema) as connection:
            await connection.execute(f"LISTEN {_CHANNEL}")
            while True:
                self._step(await _read(connection))
                async for told in connection.notifies(timeout=_POLL_S):
                    self._step(datetime.fromisoformat(told.payload))

    def _step(self, to: datetime) -> None:
        if to > self._now:
            self._now = to
            for event in self._wakes:
                event.set()


async def _read(connection: Connection) -> datetime:
    row = await (await connection.execute("SELECT now FROM demo.clock")).fetchone()
    assert row is not None
    now: datetime = row["now"]
    return now


async def set_demo_clock(url: str, now: datetime) -> None:
    """Create the row if need be, and move it to ``now``."""
    async with await connect_as_owner(url) as connection:
        for statement in (
            "CREATE SCHEMA IF NOT EXISTS demo",
            "CREATE TABLE IF NOT EXISTS demo.clock (one boolean PRIMARY KEY CHECK (one), now timestamptz NOT NULL)",
            "GRANT USAGE ON SCHEMA demo TO PUBLIC",
            "GRANT SELECT ON demo.clock TO PUBLIC",
            "INSERT INTO demo.clock (one, now) VALUES (true, '-infinity') ON CONFLICT (one) DO NOTHING",
        ):
            await connection.execute(statement)
        await move_demo_clock(connection, now)


async def move_demo_clock(connection: Connection, now: datetime) -> None:
    """Move the row to ``now``, and tell everybody who follows it."""
    await connection.execute(
        "WITH moved AS (UPDATE demo.clock SET now = %s) SELECT pg_notify(%s, %s)", (now, _CHANNEL, now.isoformat())
    )
