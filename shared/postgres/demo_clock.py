"""The demo's clock: one row that every process follows, so that three weeks pass in a minute."""

import asyncio
import contextlib
from datetime import datetime

from shared.kernel.errors import DependencyUnavailableError
from shared.postgres.database import Connection, Database, connect_as_owner

_POLL_S = 0.02


class FollowedClock:
    """Clinical time as the demo's row has it."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    @classmethod
    async def start(cls, database: Database) -> "FollowedClock":
        """Read the row once and return a clock that stands there."""
        return cls(await _read(database))

    def now(self) -> datetime:
        """Return the demo's time as last read."""
        return self._now

    async def follow(self, database: Database) -> None:
        """Follow the row until cancelled."""
        while True:
            with contextlib.suppress(DependencyUnavailableError):
                self._now = max(self._now, await _read(database))
            await asyncio.sleep(_POLL_S)


async def _read(database: Database) -> datetime:
    async with database.connection() as connection:
        row = await (await connection.execute("SELECT now FROM demo.clock")).fetchone()
    assert row is not None
    now: datetime = row["now"]
    return now


async def set_demo_clock(url: str, now: datetime) -> None:
    """Create the row if need be, and move it to ``now``."""
    async with await connect_as_owner(url) as connection:
        await _create(connection)
        await connection.execute(
            "INSERT INTO demo.clock (one, now) VALUES (true, %s) ON CONFLICT (one) DO UPDATE SET now = excluded.now",
            (now,),
        )


async def _create(connection: Connection) -> None:
    for statement in (
        "CREATE SCHEMA IF NOT EXISTS demo",
        "CREATE TABLE IF NOT EXISTS demo.clock (one boolean PRIMARY KEY CHECK (one), now timestamptz NOT NULL)",
        "GRANT USAGE ON SCHEMA demo TO PUBLIC",
        "GRANT SELECT ON demo.clock TO PUBLIC",
    ):
        await connection.execute(statement)
