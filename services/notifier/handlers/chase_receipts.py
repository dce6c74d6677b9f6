"""Ask about texts whose final receipt never came; what cannot be shown to have arrived takes another channel."""

from datetime import timedelta

from services.notifier.context import Context
from services.notifier.domain.receipt import RANK, Rank
from services.notifier.domain.state import Reason
from services.notifier.handlers.fall_back import fall_back
from services.notifier.handlers.take_receipt import ReceiptReport, apply_receipts, keep_receipts
from services.notifier.store import attempts, outcomes, receipts
from shared.kernel.clock import Clock
from shared.kernel.errors import DependencyUnavailableError
from shared.postgres.database import Database
from shared.postgres.unit_of_work import unit_of_work

CHASE_AFTER = timedelta(hours=6)
"""A carrier that has said nothing by then will hardly say anything (DOMAIN.md 5.2)."""
_AT_ONCE = 20


class ChaseReceipts:
    """Looks once per text."""

    def __init__(self, database: Database, clock: Clock, context: Context) -> None:
        self._database = database
        self._clock = clock
        self._context = context

    async def run_once(self) -> int:
        """Ask about the texts whose time has come; return how many."""
        async with self._database.transaction() as connection:
            unconfirmed = await receipts.take_unconfirmed(
                connection, now=self._clock.now(), after=CHASE_AFTER, limit=_AT_ONCE
            )
        for message_id, reference in unconfirmed.items():
            await self._look(message_id, reference)
        return len(unconfirmed)

    async def _look(self, message_id: int, reference: str) -> None:
        try:
            told = await self._context.provider.fetch(reference)
        except DependencyUnavailableError:
            told = None
        async with unit_of_work(self._database, now=self._clock.now()) as unit:
            message = await attempts.open_message(unit.connection, unit.sealer, message_id)
            if message is None or message.provider_reference != reference:
                return
            if told is not None:
                status, code = told
                report = ReceiptReport(reference, status, code, None)
                await keep_receipts(unit, [report])
                await apply_receipts(unit, [(message, report)], context=self._context)
                if RANK[status] >= Rank.FINAL:
                    return
            await outcomes.remember(unit.connection, message_id, "no receipt came", now=unit.now)
            await fall_back(unit, message, Reason.NO_RECEIPT, failed=True, context=self._context)
