"""Send dead letters back to where they came from, once a person has asked for it."""

from typing import Any

from services.console import store
from shared.broker.dead_letters import send_back
from shared.broker.publisher import Publisher
from shared.postgres.database import Database
from shared.postgres.sealing import UnsealError
from shared.telemetry.log import log

_BATCH = 100


class SendBack:
    """Empties what is marked as to be replayed. Twice does no harm: the inbox of the reader knows what took effect."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher

    async def run_once(self) -> int:
        """Send one batch; return how many letters left.

        Raises:
            DependencyUnavailableError: the database or the broker is away; what was not confirmed is tried again.
        """
        async with self._database.transaction() as connection:
            rows = await store.take_replaying(connection, limit=_BATCH)
            sent = [row["id"] for row in rows if await self._send(row)]
            await store.settle_letters(connection, sent)
            await store.reopen_letters(connection, [row["id"] for row in rows if row["id"] not in sent])
        return len(sent)

    async def _send(self, row: dict[str, Any]) -> bool:
        try:
            letter = store.open_letter(self._database.sealer, row)
        except UnsealError:
            log.error("a dead letter cannot be opened", queue=row["queue"], reason="its key is gone")
            return False
        if letter is None:
            return False
        await send_back(self._publisher, letter)
        return True
