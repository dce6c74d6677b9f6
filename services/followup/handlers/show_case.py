"""Show the words and the number behind a case to a clinician, and write down every look."""

from services.followup.store import cases
from shared.messages.base import JsonObject
from shared.postgres.unit_of_work import UnitOfWork
from shared.web.signed_token import Bearer

ALLOWED_ROLES = ("clinician", "nurse", "lead")


async def show_case(unit: UnitOfWork, case_id: str, bearer: Bearer) -> JsonObject | None:
    """Return a case with its words, or None where this person may not see it or there is none."""
    case = await cases.find(unit.connection, case_id)
    allowed = case is not None and bearer.role in ALLOWED_ROLES and bearer.about == case_id
    # The look is committed before anything is shown.
    await cases.save_look(unit.connection, case_id, who=bearer.who, role=bearer.role, allowed=allowed, now=unit.now)
    if case is None or not allowed:
        return None
    words = await cases.words_of(unit.connection, unit.sealer, case_id)
    return {
        "case": case.case_id,
        "clinic_id": case.clinic_id,
        "patient_ref": case.patient_ref,
        "tier": case.tier,
        "rules": list(case.rules),
        "opened_at": case.opened_at.isoformat(),
        "acknowledged_by": case.acknowledged_by,
        "automatic_text": case.automatic_text,
        "words": [
            {
                "at": one.at.isoformat(),
                "text": one.text,
                "phone": one.phone,
                "may_be": list(one.candidates),
            }
            for one in words
        ],
    }
