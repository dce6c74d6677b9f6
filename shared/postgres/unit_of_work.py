"""The unit of work: one transaction, its time, and the messages that leave with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.messages.base import WireModel
from shared.messages.envelope import Cause, Envelope, wrap
from shared.postgres import outbox
from shared.postgres.database import Connection, Database
from shared.postgres.sealing import Sealer
from shared.telemetry import tracing


@dataclass(slots=True)
class UnitOfWork:
    """What a handler works with. ``now`` is clinical time; what is published leaves only if the transaction commits."""

    connection: Connection
    sealer: Sealer
    now: datetime
    source: str
    cause: Cause
    outgoing: list[Envelope] = field(default_factory=list)

    def publish(self, message_type: str, data: WireModel, *, subject: str | None = None) -> None:
        """Send a message of ours when the transaction commits."""
        cause = replace(self.cause, traceparent=tracing.current())
        self.outgoing.append(wrap(message_type, data, source=self.source, now=self.now, subject=subject, cause=cause))


@asynccontextmanager
async def unit_of_work(database: Database, *, now: datetime, cause: Cause | None = None) -> AsyncIterator[UnitOfWork]:
    """Open a transaction; at its end write the outbox and commit, on an error roll everything back.

    Raises:
        DependencyUnavailableError: the database is away.
    """
    cause = cause or Cause()
    with tracing.following(cause.traceparent):
        async with database.transaction() as connection:
            unit = UnitOfWork(connection, database.sealer, now, f"aftercare/{database.schema}", cause)
            yield unit
            await outbox.append(connection, database.sealer, unit.outgoing)
