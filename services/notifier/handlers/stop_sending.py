"""The provider refuses everything: ask it nothing for a while, and say so once."""

from datetime import UTC, datetime

from services.notifier.context import Context, scope_of
from services.notifier.domain.answer import TaskKind
from services.notifier.domain.message import Message
from services.notifier.handlers.end_message import raise_task
from services.notifier.store import outcomes, pauses
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry.log import log


async def stop_sending(unit: UnitOfWork, message: Message, code: str, *, context: Context) -> None:
    """Pause the provider of a message's channel; each refusal makes the pause longer."""
    timing, scope = context.timing, scope_of(message.channel)
    is_new = await pauses.pause_provider(
        unit.connection, scope, code, message_id=message.id, first=timing.pause, longest=timing.longest_pause
    )
    if is_new:
        log.error("a provider refuses us: sending through it is paused", code=code, channel=message.channel)
        await outcomes.remember(unit.connection, message.id, "provider refuses us", now=unit.now, detail=code)
        day = datetime.now(UTC).date().isoformat()
        await raise_task(unit, TaskKind.PROVIDER_STOPPED, message, cause=f"{scope}:{code}:{day}")
