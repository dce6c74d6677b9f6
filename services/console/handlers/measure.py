"""Measure the whole system for the first page: once every two seconds, however many people look."""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from services.console import queries, store
from services.console.context import Context
from services.console.domain.backlog import Age, Sample, age_of_oldest
from services.console.domain.feed import is_silent, working_silence
from services.console.domain.figures import Feed, Figures, Letters, Minute, QueueLine
from shared.broker.management import Management, QueueFigures
from shared.broker.topology import MAIN_QUEUES, RETRY_DELAYS, retry_queue
from shared.kernel.errors import DependencyUnavailableError
from shared.postgres.database import Connection
from shared.telemetry.metrics import Metrics

HOUR = timedelta(hours=1)
SLICE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_KEPT_SAMPLES = 1800  # an hour at a sample every two seconds
_SHOWN_SAMPLES = 60


class Measure:
    """Keeps the board. A part that cannot be asked is said to be so; the others are shown all the same."""

    def __init__(self, context: Context, management: Management, metrics: Metrics) -> None:
        self._context = context
        self._management = management
        self._metrics = metrics
        self._samples: dict[str, deque[Sample]] = {name: deque(maxlen=_KEPT_SAMPLES) for name in MAIN_QUEUES}

    async def run_once(self) -> int:
        """Measure and show."""
        now = self._context.clock.now()
        complaints: dict[str, str] = {}
        lines = await self._queues(complaints)
        try:
            async with self._context.database.connection() as connection:
                figures = await self._from_database(connection, now, lines, complaints)
        except DependencyUnavailableError as error:
            figures = Figures(at=now, queues=lines, complaints={**complaints, "database": str(error).capitalize()})
        self._export(figures)
        await self._context.board.put(figures)
        return 0

    async def _queues(self, complaints: dict[str, str]) -> list[QueueLine] | None:
        try:
            known = await self._management.queues()
        except DependencyUnavailableError as error:
            complaints["broker"] = str(error)[:1].upper() + str(error)[1:]
            return None
        at = await self._machine_time()
        return [self._line(name, known, at) for name in MAIN_QUEUES]

    async def _machine_time(self) -> datetime:
        try:
            return await self._context.database.now()
        except DependencyUnavailableError:
            return self._context.clock.now()

    def _line(self, name: str, known: Mapping[str, QueueFigures], at: datetime) -> QueueLine:
        queue = known.get(name) or QueueFigures(name, 0, 0, 0, 0, 0.0, 0.0)
        samples = self._samples[name]
        samples.append(Sample(at, queue.depth, queue.published))
        waiting = [known[other] for label in RETRY_DELAYS if (other := retry_queue(name, label)) in known]
        return QueueLine(
            name=name,
            depth=queue.depth,
            retrying=sum(each.depth for each in waiting),
            consumers=queue.consumers,
            rate_in=queue.rate_in,
            rate_out=queue.rate_out,
            oldest=age_of_oldest(samples),
            history=[sample.depth for sample in list(samples)[-_SHOWN_SAMPLES:]],
        )

    async def _from_database(
        self, connection: Connection, now: datetime, lines: list[QueueLine] | None, complaints: dict[str, str]
    ) -> Figures:
        minutes = await queries.outcomes(connection, since=now - HOUR, step=SLICE)
        codes = await queries.receipt_codes(connection, since=now - HOUR)
        open_tasks, overdue = await queries.count_tasks(connection, now=now)
        return Figures(
            at=now,
            queues=lines,
            due=await queries.due(connection, now=now),
            minutes=minutes,
            totals=totals_of(minutes),
            drops=await queries.drops(connection, since=now - HOUR),
            provider=replace(await queries.provider(connection), codes=codes),
            paused_clinics=await queries.paused_clinics(connection),
            feeds=await self._feeds(connection, now),
            turned_away=await queries.turned_away(connection, since=now - _DAY),
            outboxes=await queries.outboxes(connection),
            alerts=await queries.alerts(connection),
            letters=[
                Letters(row["queue"], row["cause"], row["reason"], row["letters"], row["sources"])
                for row in await store.letter_groups(connection)
            ],
            open_tasks=open_tasks,
            overdue_tasks=overdue,
            complaints=complaints,
        )

    async def _feeds(self, connection: Connection, now: datetime) -> list[Feed]:
        found = []
        unread = await store.letters_by_source(connection)
        for row in await queries.feeds(connection):
            zone = self._context.zone_of(row["clinic_id"])
            heard_at = row["heard_at"]
            found.append(
                Feed(
                    row["clinic_id"],
                    row["source"],
                    heard_at,
                    working_silence(heard_at, now, zone) if row["ended_by"] is None else timedelta(0),
                    row["ended_by"] is None and is_silent(heard_at, now, zone),
                    row["ended_by"],
                    unread.get((row["clinic_id"], row["source"]), 0),
                )
            )
        return found

    def _export(self, figures: Figures) -> None:
        metrics = self._metrics
        for queue in figures.queues or ():
            age = queue.oldest or Age(timedelta(0))
            metrics.queue_oldest.labels(queue.name).set(age.age.total_seconds())
            metrics.queue_depth.labels(queue.name).set(queue.depth)
            metrics.queue_consumers.labels(queue.name).set(queue.consumers)
        for feed in figures.feeds:
            metrics.feed_silence.labels(feed.clinic_id, feed.source).set(feed.silence.total_seconds())
        metrics.dead_letters_open.set(figures.dead_letters)


def totals_of(minutes: list[Minute]) -> dict[str, int]:
    """Add up slices of time."""
    totals: dict[str, int] = {}
    for minute in minutes:
        for kind, count in minute.counts.items():
            totals[kind] = totals.get(kind, 0) + count
    return totals
