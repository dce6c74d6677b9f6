"""Page operations people when texts from patients are not read: a crisis must not wait in a queue (DESIGN.md 3)."""

from collections.abc import Iterable
from datetime import UTC, datetime

from services.notifier.context import Context
from services.notifier.domain.answer import TaskKind
from services.notifier.handlers.answer_sender import page_operations
from services.notifier.handlers.end_message import raise_named_task
from services.notifier.store import received
from shared.kernel.clock import Clock
from shared.messages.envelope import Envelope
from shared.messages.reading import MessageRead
from shared.postgres.database import Database
from shared.postgres.unit_of_work import UnitOfWork, unit_of_work
from shared.telemetry.log import log

_PAGE_EVERY_S = 900


def touches(_envelope: Envelope, read: MessageRead) -> Iterable[str]:
    """Name what a reading changes: inbound texts."""
    return [f"inbound:{reference}" for reference in (read.provider_reference, *read.others)]


async def note_read(unit: UnitOfWork, _envelope: Envelope, read: MessageRead) -> None:
    """Note that texts have been read."""
    received.mark_read(unit, (read.provider_reference, *read.others))


class WatchReaders:
    """Looks for texts that nobody has read in time."""

    def __init__(self, database: Database, clock: Clock, context: Context) -> None:
        self._database = database
        self._clock = clock
        self._context = context

    async def run_once(self) -> int:
        """Page for every clinic whose texts wait too long: at once, and again every quarter of an hour."""
        async with unit_of_work(self._database, now=self._clock.now()) as unit:
            waiting = await received.take_unread(unit.connection, longer_than=self._context.timing.read_within)
            self._context.metrics.unread.set(await received.count_unread(unit.connection))
            for clinic_id, texts in sorted(waiting.items()):
                await self._page(unit, clinic_id, texts)
        return 0

    async def _page(self, unit: UnitOfWork, clinic_id: str, texts: int) -> None:
        log.error("texts from patients are not being read", clinic_id=clinic_id, count=texts)
        self._context.metrics.unread_pages.inc()
        turn = int(datetime.now(UTC).timestamp()) // _PAGE_EVERY_S
        cause = f"{clinic_id}:{turn}"
        await raise_named_task(
            unit,
            TaskKind.REPLIES_NOT_READ,
            cause=cause,
            clinic_id=clinic_id,
            patient_ref=None,
            references={"texts": str(texts)},
        )
        clinic = self._context.clinic(clinic_id)
        await page_operations(unit, clinic_id, clinic, template="ops_replies_not_read", cause=f"unread:{cause}")
