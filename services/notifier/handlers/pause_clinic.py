"""Hold everything of a clinic but what is urgent, until a person resumes it."""

from collections.abc import Iterable

from services.notifier.store import pauses
from shared.messages.envelope import Envelope
from shared.messages.pause import PauseClinic
from shared.postgres.unit_of_work import UnitOfWork


def touches(_envelope: Envelope, pause: PauseClinic) -> Iterable[str]:
    """Name what a pause changes: its clinic."""
    return (f"clinic:{pause.clinic_id}",)


async def pause_clinic(unit: UnitOfWork, _envelope: Envelope, pause: PauseClinic) -> None:
    """Pause a clinic; one that is paused stays so."""
    await pauses.pause_clinic(unit.connection, pause.clinic_id, cause=pause.cause, who=pause.who)
