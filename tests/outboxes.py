"""What a service would publish, taken from its outbox by hand."""

from shared.messages.envelope import Envelope
from shared.postgres import outbox
from shared.postgres.database import Database


async def empty_outbox(database: Database) -> list[Envelope]:
    """Take everything that waits to be published, the urgent lane first."""
    rows: list[outbox.OutboxRow] = []
    async with database.transaction(
        last=lambda: outbox.settling(published=[row.id for row in rows], refused=[])
    ) as connection:
        for urgent in (True, False):
            rows += await outbox.take(connection, database.sealer, urgent=urgent, limit=500)
    return [Envelope.model_validate_json(row.body) for row in rows]
