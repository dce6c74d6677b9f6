"""Keep a dead letter, sealed, before it leaves its queue."""

from services.console import store
from shared.broker.dead_letters import DeadLetter
from shared.postgres.database import Database


async def keep_letter(database: Database, letter: DeadLetter) -> None:
    """Write a letter down.

    Raises:
        DependencyUnavailableError: the database is away; the letter stays in its queue.
    """
    async with database.transaction() as connection:
        await store.save_letter(connection, database.sealer, letter)
