"""Before anything is sent after a start: ask the provider what it has that this database has forgotten.

A database that was put back to an earlier state would send again what went out since then (RELIABILITY.md F24). The
provider's own list is the evidence: what it has and we do not know is kept as keyed hashes, and a due message that says
the same to the same number is taken as sent.
"""

from datetime import timedelta

from services.notifier.context import Context
from services.notifier.domain.gsm7 import normalise
from services.notifier.store import recalled
from services.notifier.store.recalled import Recalled
from shared.kernel.contact import parse_phone
from shared.postgres.database import Database
from shared.telemetry.log import log

_UNDER_WAY = timedelta(seconds=60)
"""What is this much newer than our newest attempt cannot be an attempt that is just being recorded."""


class RecallSent:
    """Asks once per process; nothing is sent before it has had an answer."""

    def __init__(self, database: Database, context: Context) -> None:
        self._database = database
        self._context = context
        self._is_done = False

    def is_done(self) -> bool:
        """Return whether sending may begin."""
        return self._is_done

    async def run_once(self) -> int:
        """Compare our memory with the provider's list, until that was done once.

        Raises:
            DependencyUnavailableError: the provider gave no list, or the database is away; asked again later.
        """
        if self._is_done:
            return 0
        async with self._database.connection() as connection:
            newest = await recalled.newest_attempt(connection)
        if newest is not None:
            listed = await self._context.provider.list_sent(since=newest + _UNDER_WAY)
            texts = [
                Recalled(
                    text.provider_reference,
                    self._database.sealer.lookup(phone.e164),
                    self._database.sealer.lookup(normalise(text.text)),
                    text.created_at,
                )
                for text in listed
                if (phone := parse_phone(text.phone)) is not None and text.text
            ]
            async with self._database.transaction() as connection:
                forgotten = await recalled.save(connection, texts)
            if forgotten:
                log.error("the database is older than the provider's list", count=forgotten)
        self._is_done = True
        return 0
