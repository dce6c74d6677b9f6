"""Hold a clinic's messages, let them go, try a provider at once: commands to the notifier, kept in the audit."""

from enum import StrEnum

from services.console import store
from services.console.domain.access import Visitor
from shared.messages.pause import PAUSE, RESUME, TRY_PROVIDER, PauseClinic, ProviderScope, ResumeClinic, TryProvider
from shared.postgres.unit_of_work import UnitOfWork

_LONGEST_NAME = 60


class PauseCause(StrEnum):
    """Why a person holds a clinic's messages. A closed list: what a person would type may name a patient."""

    WRONG_BOOKINGS = "wrong_bookings"
    WRONG_TEXTS = "wrong_texts"
    CLINIC_CLOSED = "clinic_closed"
    CLINIC_ASKED = "clinic_asked"


async def pause_clinic(unit: UnitOfWork, visitor: Visitor, clinic_id: str, cause: PauseCause) -> None:
    """Ask the notifier to hold everything of a clinic but what is urgent."""
    who = visitor.person[:_LONGEST_NAME]
    unit.publish(PAUSE, PauseClinic(clinic_id=clinic_id, cause=cause, who=who), subject=clinic_id)
    await store.audit(unit.connection, visitor, "paused a clinic", target=clinic_id, detail=cause)


async def resume_clinic(unit: UnitOfWork, visitor: Visitor, clinic_id: str) -> None:
    """Ask the notifier to let a clinic's messages go again."""
    unit.publish(RESUME, ResumeClinic(clinic_id=clinic_id, who=visitor.person[:_LONGEST_NAME]), subject=clinic_id)
    await store.audit(unit.connection, visitor, "resumed a clinic", target=clinic_id)


async def try_provider(unit: UnitOfWork, visitor: Visitor, scope: ProviderScope) -> None:
    """Ask the notifier to try a provider that refuses us with the next message."""
    unit.publish(TRY_PROVIDER, TryProvider(provider=scope, who=visitor.person[:_LONGEST_NAME]), subject=scope)
    await store.audit(unit.connection, visitor, "had the provider tried again", target=scope)
