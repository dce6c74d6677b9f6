"""Keep the notifier's figures, and forget what is past its keeping time."""

from datetime import timedelta

from services.notifier.store import claims, outcomes, receipts
from shared.clinics.model import Retention
from shared.kernel.clock import Clock
from shared.postgres.database import Database
from shared.telemetry.metrics import Metrics

_EVENTS_REPEAT_FOR = timedelta(days=14)


class KeepFigures:
    """Measures what operations people watch."""

    def __init__(self, database: Database, clock: Clock, metrics: Metrics, retention: Retention) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._retention = retention

    async def measure(self) -> int:
        """Count what is due and not sent."""
        async with self._database.connection() as connection:
            self._metrics.due_unsent.set(await claims.due_unsent(connection, now=self._clock.now()))
        return 0

    async def forget(self) -> int:
        """Delete texts that are past their keeping time."""
        before = self._clock.now() - timedelta(days=self._retention.bodies_days)
        async with self._database.transaction() as connection:
            await outcomes.forget_bodies(connection, before=before)
            await receipts.forget_events(connection, before=self._clock.now() - _EVENTS_REPEAT_FOR)
        return 0
