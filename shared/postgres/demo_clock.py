"""The demo's clock: one row that every process follows, so that three weeks pass in a minute."""

import asyncio
import contextlib
from datetime import datetime

import psycopg

from shared.kernel.errors import DependencyUnavailableError
from shared.postgres.database import Connection, Database, connect, connect_as_owner

_LOOK_EVERY_S = 1.0
"""A step is told at once; looking now and then is for what was told while nobody listened."""
_COME_BACK_S = 0.05


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
            await asyncio.sleep(_COME_BACK_S)

    async def _listen(self, database: Database) -> None:
        async with await connect(database.url, schema=database.schema) as connection:
            await connection.execute("LISTEN demo_clock")
            while True:
                self._step(await _read(connection))
                async for _ in connection.notifies(timeout=_LOOK_EVERY_S, stop_after=1):
                    pass

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
    """Make the row if need be, and move it to ``now``."""
    async with await connect_as_owner(url) as connection:
        row = await (await connection.execute("SELECT to_regclass('demo.clock') IS NULL AS is_new")).fetchone()
        assert row is not None
        if row["is_new"]:
            await _make(connection, now)
        await move_demo_clock(connection, now)


async def move_demo_clock(connection: Connection, now: datetime) -> None:
    """Move the row to ``now``; whoever follows it is told by the table itself."""
    await connection.execute("UPDATE demo.clock SET now = %s", (now,))


async def _make(connection: Connection, now: datetime) -> None:
    for statement in (
        "CREATE SCHEMA demo",
        "CREATE TABLE demo.clock (one boolean PRIMARY KEY CHECK (one), now timestamptz NOT NULL)",
        """CREATE FUNCTION demo.tell() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_notify('demo_clock', ''); RETURN NULL; END $$""",
        "CREATE TRIGGER tell AFTER UPDATE ON demo.clock FOR EACH ROW EXECUTE FUNCTION demo.tell()",
        "GRANT USAGE ON SCHEMA demo TO PUBLIC",
        "GRANT SELECT ON demo.clock TO PUBLIC",
    ):
        await connection.execute(statement)
    await connection.execute("INSERT INTO demo.clock (one, now) VALUES (true, %s)", (now,))
