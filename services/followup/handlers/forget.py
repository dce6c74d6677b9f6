"""Forget what has been kept long enough. What led to a case stays: it belongs to the patient's record."""

from dataclasses import dataclass
from datetime import timedelta

from services.followup.store import records
from shared.clinics.model import Retention
from shared.kernel.clock import Clock
from shared.postgres.database import Database


@dataclass(slots=True)
class Forget:
    """Deletes replies and history past their keeping time."""

    database: Database
    clock: Clock
    retention: Retention

    async def run_once(self) -> int:
        """Delete; there is nothing to hurry for, so the next turn comes in its own time."""
        now = self.clock.now()
        async with self.database.transaction() as connection:
            await records.forget_replies(connection, before=now - timedelta(days=self.retention.bodies_days))
            await records.forget_history(connection, before=now - timedelta(days=self.retention.history_days))
        return 0
