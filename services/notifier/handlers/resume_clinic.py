"""Let a paused clinic's messages go again, each judged anew."""

from collections.abc import Iterable

from services.notifier.store import pauses
from shared.messages.envelope import Envelope
from shared.messages.pause import ResumeClinic
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry.log import log


def touches(_envelope: Envelope, resume: ResumeClinic) -> Iterable[str]:
    """Name what it changes: its clinic."""
    return (f"clinic:{resume.clinic_id}",)


async def resume_clinic(unit: UnitOfWork, _envelope: Envelope, resume: ResumeClinic) -> None:
    """End a clinic's pause; one that is not paused goes on."""
    held = await pauses.resume_clinic(unit.connection, resume.clinic_id)
    log.info("a clinic sends again", clinic_id=resume.clinic_id, count=held)
