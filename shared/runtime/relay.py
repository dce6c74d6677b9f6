"""The relay: publishes what the outbox holds, oldest first, and forgets it once the broker has confirmed it."""

import asyncio
from collections.abc import Callable

from shared.broker.publisher import Publication, Publisher, UnroutableError
from shared.broker.topology import EVENTS, QUEUES, URGENT_QUEUE_OF
from shared.kernel.traceparent import TRACEPARENT
from shared.messages.envelope import Envelope
from shared.postgres import outbox
from shared.postgres.database import Database
from shared.postgres.outbox import OutboxRow
from shared.telemetry import tracing
from shared.telemetry.log import log
from shared.telemetry.metrics import Metrics

_BATCH = 200


class OutboxRelay:
    """Empties one lane of one service's outbox through a channel of its own."""

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        metrics: Metrics,
        *,
        urgent: bool,
        at_once: Callable[[int], int] | None = None,
    ) -> None:
        self._at_once = at_once
        self._database = database
        self._publisher = publisher
        self._metrics = metrics
        self._urgent = urgent
        self._was_full = False

    def is_more(self, left: int) -> bool:
        """Return whether a batch was full, so that more may wait."""
        return left > 0 and self._was_full

    async def run_once(self) -> int:
        """Publish one batch; return how many messages left.

        Raises:
            DependencyUnavailableError: the database or the broker is away; what was not confirmed stays.
        """
        limit = self._at_once(_BATCH) if self._at_once else _BATCH
        published: list[int] = []
        refused: list[int] = []
        # The rows stay locked while they are published, at most five seconds: another relay skips them meanwhile.
        async with self._database.transaction(
            last=lambda: outbox.settling(published=published, refused=refused)
        ) as connection:
            rows = await outbox.take(connection, self._database.sealer, urgent=self._urgent, limit=limit)
            answers = await asyncio.gather(*(self._publish(row) for row in rows), return_exceptions=True)
            for row, answer in zip(rows, answers, strict=True):
                if answer is None:
                    published.append(row.id)
                elif isinstance(answer, UnroutableError):
                    refused.append(row.id)
        self._was_full = len(rows) >= limit
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, UnroutableError):
                raise answer
        return len(published)

    async def _publish(self, row: OutboxRow) -> None:
        envelope = Envelope.model_validate_json(row.body)
        queue = URGENT_QUEUE_OF.get(row.routing_key) if self._urgent else None
        publication = Publication(
            routing_key=queue or row.routing_key,
            exchange=QUEUES if queue else EVENTS,
            body=row.body,
            message_id=row.message_id,
            type=row.routing_key,
            correlation_id=envelope.correlationid,
            mandatory=row.owned,
            headers={TRACEPARENT: envelope.traceparent} if envelope.traceparent else None,
        )
        about = {"type": row.routing_key, "message_id": row.message_id, "lane": "urgent" if self._urgent else "routine"}
        try:
            with tracing.span(
                f"publish {row.routing_key}", kind="producer", parent=envelope.traceparent, is_root=False, **about
            ):
                await self._publisher.publish(publication)
        except UnroutableError:
            self._metrics.unroutable.labels(row.routing_key).inc()
            log.error("no queue takes an owned message", type=row.routing_key, message_id=row.message_id)
            raise


class OutboxGauge:
    """Keeps the outbox metrics, and complains while the backlog is old."""

    def __init__(self, database: Database, metrics: Metrics, *, too_old_s: float = 60.0) -> None:
        self._database = database
        self._metrics = metrics
        self._too_old = too_old_s
        self._oldest = 0.0

    async def run_once(self) -> int:
        """Measure the backlog."""
        async with self._database.connection() as connection:
            waiting, self._oldest = await outbox.backlog(connection)
        self._metrics.outbox_pending.set(waiting)
        self._metrics.outbox_oldest.set(self._oldest)
        return 0

    def complaint(self) -> str | None:
        """Return a sentence while messages wait too long to be published."""
        return "messages wait to be published for more than a minute" if self._oldest > self._too_old else None
