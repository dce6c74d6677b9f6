"""What a service does with a message, and how that takes effect once: in a transaction, alone or beside others."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.kernel.errors import PermanentError, TransientError
from shared.messages.base import WireModel
from shared.messages.envelope import Envelope, caused_by
from shared.postgres import inbox
from shared.postgres.database import Database, is_conflict, is_held_up
from shared.postgres.side_by_side import run_side_by_side
from shared.postgres.unit_of_work import UnitOfWork, unit_of_work, units_side_by_side
from shared.telemetry import tracing

_CONFLICTS_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Handler:
    """What a service does with one type of message.

    ``touches`` names what the handler will change (patients, bookings), so that deliveries which touch the same are
    locked in one order. ``on_refused`` runs in a transaction of its own before a refused delivery is dead-lettered.
    ``concerns`` says by the payload alone whether there is anything to do: what is told to everybody is often none of a
    service's business, and then costs it no transaction.
    ``joins`` promises that the handler changes nothing but what ``touches`` names, so that others may share its
    transaction: a lock taken on the way does not keep two of them apart that are in the same one.
    """

    type: str
    handle: Callable[[UnitOfWork, Envelope, Any], Awaitable[None]]
    touches: Callable[[Envelope, Any], Iterable[str]]
    on_refused: Callable[[UnitOfWork, Envelope, Any, PermanentError], Awaitable[None]] | None = None
    concerns: Callable[[Any], bool] = lambda _payload: True
    joins: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A message that was understood, and who handles it."""

    envelope: Envelope
    payload: WireModel
    handler: Handler

    @property
    def is_ours(self) -> bool:
        """Whether there is anything to do."""
        return self.handler.concerns(self.payload)

    @property
    def touches(self) -> frozenset[str]:
        """What handling it will change."""
        return frozenset(self.handler.touches(self.envelope, self.payload))


def handling(job: Job, *, queue: str | None = None, attempt: int | None = None) -> AbstractContextManager[tracing.Span]:
    """Let the block be a span of the message's trace; what is told to everybody and none of our business needs none."""
    if not job.is_ours:
        return tracing.unrecorded()
    message_type = job.envelope.type
    return tracing.span(
        f"handle {message_type}",
        kind="consumer",
        parent=job.envelope.traceparent,
        type=message_type,
        queue=queue,
        attempt=attempt,
    )


async def handle_once(database: Database, job: Job, *, now: datetime) -> inbox.Arrival:
    """Let a message take effect in one transaction: locks, inbox, effect, outbox. A deadlock is not an attempt.

    Raises:
        PermanentError: refused for ever.
        TransientError: other transactions stayed in the way, or the database was too slow.
        DependencyUnavailableError: the database is away.
    """
    if not job.is_ours:
        return inbox.Arrival.NOT_OURS
    for _ in range(_CONFLICTS_IN_A_ROW):
        try:
            async with unit_of_work(database, now=now, cause=caused_by(job.envelope)) as unit:
                return await _take_effect(unit, job)
        except Exception as error:
            if is_held_up(error):
                raise TransientError("a statement waited too long") from error
            if not is_conflict(error):
                raise
    raise TransientError("other transactions were in the way")


async def _take_effect(unit: UnitOfWork, job: Job) -> inbox.Arrival:
    arrival = await inbox.enter(unit.connection, job.envelope, touches=job.touches)
    if arrival is inbox.Arrival.CONFLICT:
        raise PermanentError("id: used before by the same source for other content")
    if arrival is inbox.Arrival.NEW:
        await job.handler.handle(unit, job.envelope, job.payload)
    return arrival


async def handle_together(database: Database, jobs: Sequence[Job], *, queue: str, now: datetime) -> list[bool]:
    """Let messages that do not touch the same take effect in one transaction: all of them, or none.

    Return which did. Whatever the inbox knows already did not: it is to be handled alone, which finds out why.

    Raises:
        Exception: of whichever failed; nothing took effect.
    """
    envelopes = [job.envelope for job in jobs]
    async with units_side_by_side(database, [caused_by(envelope) for envelope in envelopes], now=now) as units:
        names = frozenset().union(*(job.touches for job in jobs))
        are_new = await inbox.enter_each(units[0].connection, envelopes, touches=names)
        await run_side_by_side(
            _take_effect_beside(unit, job, queue=queue)
            for unit, job, is_new in zip(units, jobs, are_new, strict=True)
            if is_new
        )
    return are_new


async def _take_effect_beside(unit: UnitOfWork, job: Job, *, queue: str) -> None:
    with tracing.following(unit.cause.traceparent), handling(job, queue=queue, attempt=1) as span:
        await job.handler.handle(unit, job.envelope, job.payload)
        span.note(outcome="handled")


async def report_refusal(database: Database, job: Job, error: PermanentError, *, now: datetime) -> None:
    """Let a handler say, in a transaction of its own, that it refused a message."""
    if job.handler.on_refused is not None:
        async with unit_of_work(database, now=now, cause=caused_by(job.envelope)) as unit:
            await job.handler.on_refused(unit, job.envelope, job.payload, error)
