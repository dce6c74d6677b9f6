"""A clinician looks at what a patient wrote."""

from datetime import UTC, datetime

from services.console import store
from services.console.domain.access import Visitor
from services.console.written_words import Behind, Words, WrittenWords
from shared.postgres.database import Database

_NAMES = {Behind.CASE: "the words behind a safety case", Behind.REPLY: "a reply"}


async def read_words(
    database: Database, words: WrittenWords, visitor: Visitor, behind: Behind, about: str
) -> list[Words]:
    """Return the words behind a case or of a reply; that somebody asked is kept before they are asked for."""
    async with database.transaction() as connection:
        await store.audit(connection, visitor, f"read {_NAMES[behind]}", target=about)
    # A token's minute is real time, whatever clock the services follow.
    return await words.of(behind, about, visitor, now=datetime.now(UTC))
