"""Close a case: by a named person, with what became of it (S-6)."""

from collections.abc import Iterable

from services.followup.context import Context
from services.followup.domain.case import Case
from services.followup.handlers.page_case import stop_paging
from services.followup.store import cases, records
from shared.kernel.errors import PermanentError
from shared.messages.envelope import Envelope
from shared.messages.safety import CLOSED, CloseCase, Disposition, SafetyAlertClosed
from shared.postgres.unit_of_work import UnitOfWork


def touches(_envelope: Envelope, command: CloseCase) -> Iterable[str]:
    """Name what a command changes: its case."""
    return (f"case:{command.case}",)


async def close_by_command(unit: UnitOfWork, _envelope: Envelope, command: CloseCase, *, context: Context) -> None:
    """Close a case as a command says.

    Raises:
        PermanentError: there is no such case at that clinic.
    """
    case = await cases.find(unit.connection, command.case)
    if case is None or case.clinic_id != command.clinic_id:
        raise PermanentError("data.case: there is no case of that id at this clinic")
    await close(unit, case, who=command.who, disposition=command.disposition, context=context)


async def close(unit: UnitOfWork, case: Case, *, who: str, disposition: Disposition, context: Context) -> None:
    """Close a case that is open; one that nobody had taken on is taken on by the same person."""
    if not await cases.close(unit.connection, case.case_id, who=who, disposition=disposition, now=unit.now):
        return
    await stop_paging(unit, case, context=context)
    records.remember(
        unit,
        "case closed",
        clinic_id=case.clinic_id,
        patient_ref=case.patient_ref,
        reference=case.case_id,
        detail=f"{disposition} by {who}",
    )
    unit.publish(
        CLOSED,
        SafetyAlertClosed(
            clinic_id=case.clinic_id,
            patient_ref=case.patient_ref,
            case=case.case_id,
            tier=case.tier,
            who=who,
            disposition=disposition,
        ),
        subject=case.case_id,
    )
