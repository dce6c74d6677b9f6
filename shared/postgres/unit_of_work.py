"""The unit of work: one transaction, its time, and the messages that leave with it."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from shared.messages.base import WireModel
from shared.messages.envelope import Cause, Envelope, wrap
from shared.postgres import outbox
from shared.postgres.database import Connection, Database, Statement
from shared.postgres.sealing import Sealer
from shared.postgres.side_by_side import Row, SideBySide, columns_of
from shared.telemetry import tracing

D = TypeVar("D", bound=WireModel)
_Joined = tuple[str, WireModel, Callable[[Sequence[Any]], Sequence[WireModel]]]


@dataclass(slots=True)
class UnitOfWork:
    """What a handler works with. ``now`` is clinical time; what is published leaves only if the transaction commits."""

    connection: Connection
    sealer: Sealer
    now: datetime
    source: str
    cause: Cause
    outgoing: list[Envelope] = field(default_factory=list)
    joined: list[_Joined] = field(default_factory=list)
    notes: list[tuple[str, Row]] = field(default_factory=list)

    def publish(self, message_type: str, data: WireModel, *, subject: str | None = None) -> None:
        """Send a message of ours when the transaction commits."""
        cause = replace(self.cause, traceparent=tracing.current())
        self.outgoing.append(wrap(message_type, data, source=self.source, now=self.now, subject=subject, cause=cause))

    def publish_joined(self, message_type: str, data: D, *, join: Callable[[Sequence[D]], Sequence[D]]) -> None:
        """Send a message when the transaction commits, together with all others of its type as ``join`` puts them.

        One that several causes have in common belongs to the trace of none.
        """
        self.joined.append((message_type, data, join))

    def write_at_the_end(self, statement: str, row: Row) -> None:
        """Write a row that nothing else in the transaction reads, together with all others of the same statement.

        ``statement`` takes one array for each column.
        """
        self.notes.append((statement, row))


@asynccontextmanager
async def unit_of_work(database: Database, *, now: datetime, cause: Cause | None = None) -> AsyncIterator[UnitOfWork]:
    """Open a transaction; at its end write the outbox and commit, on an error roll everything back.

    Raises:
        DependencyUnavailableError: the database is away.
    """
    cause = cause or Cause()
    units: list[UnitOfWork] = []
    with tracing.following(cause.traceparent):
        async with database.transaction(last=lambda: _left_for_the_end(database.sealer, units)) as connection:
            units.append(UnitOfWork(connection, database.sealer, now, f"aftercare/{database.schema}", cause))
            yield units[0]


@asynccontextmanager
async def units_side_by_side(
    database: Database, causes: Sequence[Cause], *, now: datetime
) -> AsyncIterator[list[UnitOfWork]]:
    """Open one transaction for several pieces of work, to be done by tasks that run side by side.

    The pieces may not touch the same. They succeed or fail together: whoever uses this tries them one by one if they
    fail.

    Raises:
        DependencyUnavailableError: the database is away.
    """
    units: list[UnitOfWork] = []
    async with database.transaction(last=lambda: _left_for_the_end(database.sealer, units)) as link:
        connection = SideBySide(link)
        units += [
            UnitOfWork(connection, database.sealer, now, f"aftercare/{database.schema}", cause) for cause in causes
        ]
        try:
            yield units
        finally:
            await connection.settled()


def _left_for_the_end(sealer: Sealer, units: Sequence[UnitOfWork]) -> list[Statement]:
    """Return what is written when all is done: rows that nothing reads before, and the messages that leave."""
    rows = defaultdict(list)
    for unit in units:
        for statement, row in unit.notes:
            rows[statement].append(row)
    notes: list[Statement] = [(statement, columns_of(of_statement)) for statement, of_statement in rows.items()]
    envelopes = [envelope for unit in units for envelope in unit.outgoing]
    return notes + outbox.appending(sealer, envelopes + _joined(units))


def _joined(units: Sequence[UnitOfWork]) -> list[Envelope]:
    """Return the messages that the units send in common, each in the trace of its cause if it has only one."""
    of_type = defaultdict(list)
    for unit in units:
        for message_type, data, join in unit.joined:
            of_type[message_type, join].append((unit, data))
    envelopes = []
    for (message_type, join), parts in of_type.items():
        first = parts[0][0]
        cause = first.cause if len(parts) == 1 else Cause()
        envelopes += [
            wrap(message_type, data, source=first.source, now=first.now, cause=cause)
            for data in join([data for _unit, data in parts])
        ]
    return envelopes
