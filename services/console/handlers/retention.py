"""Forget what is past its keeping time."""

from datetime import timedelta

from services.console import store
from shared.clinics.model import Retention as Keeping
from shared.postgres.database import Database


class Retention:
    """Deletes what letters said, and doors that no longer open. The audit stays."""

    def __init__(self, database: Database, keeping: Keeping) -> None:
        self._database = database
        self._keeping = keeping

    async def run_once(self) -> int:
        """Delete once."""
        async with self._database.transaction() as connection:
            await store.forget_letters(connection, after=timedelta(days=self._keeping.bodies_days))
            await store.forget_old_doors(connection)
        return 0
