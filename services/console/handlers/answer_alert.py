"""A named person takes a safety case on, or closes it with what came of it: commands to followup, kept in the audit."""

from typing import Any

from services.console import store
from services.console.domain.access import Visitor
from shared.messages.safety import ACKNOWLEDGE, CLOSE, AcknowledgeCase, CloseCase, Disposition
from shared.postgres.unit_of_work import UnitOfWork

_LONGEST_NAME = 60


async def acknowledge(unit: UnitOfWork, visitor: Visitor, case: dict[str, Any]) -> None:
    """Ask followup to note that the visitor has a case in hand."""
    unit.publish(
        ACKNOWLEDGE,
        AcknowledgeCase(clinic_id=case["clinic_id"], case=case["case_id"], who=visitor.person[:_LONGEST_NAME]),
        subject=case["case_id"],
    )
    await store.audit(unit.connection, visitor, "acknowledged a safety case", target=case["case_id"])


async def close(unit: UnitOfWork, visitor: Visitor, case: dict[str, Any], disposition: Disposition) -> None:
    """Ask followup to close a case."""
    unit.publish(
        CLOSE,
        CloseCase(
            clinic_id=case["clinic_id"],
            case=case["case_id"],
            who=visitor.person[:_LONGEST_NAME],
            disposition=disposition,
        ),
        subject=case["case_id"],
    )
    await store.audit(unit.connection, visitor, "closed a safety case", target=case["case_id"], detail=str(disposition))
