"""Measure for how long the oldest case waits: an unacknowledged alert is an outage."""

from dataclasses import dataclass

from services.followup.context import Context
from services.followup.store import cases
from shared.kernel.clock import Clock
from shared.postgres.database import Database


@dataclass(slots=True)
class MeasureCases:
    """Keeps ``aftercare_oldest_open_alert_seconds``."""

    database: Database
    clock: Clock
    context: Context

    async def run_once(self) -> int:
        """Measure."""
        async with self.database.connection() as connection:
            oldest = await cases.oldest_waiting_s(connection, now=self.clock.now())
        self.context.metrics.oldest_open_alert.set(oldest)
        return 0
