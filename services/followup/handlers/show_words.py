"""Show a clinician the words and the number behind a case, or of a reply, and write down every look.

That a person was asked to read a reply, the console knows: any service may have asked.
"""

from collections.abc import Sequence

from services.followup.store import cases, written
from services.followup.store.written import Behind, Words
from shared.messages.base import JsonObject
from shared.postgres.unit_of_work import UnitOfWork
from shared.web.signed_token import Bearer

ALLOWED_ROLES = ("clinician", "nurse", "lead")


async def show_words(unit: UnitOfWork, behind: Behind, about: str, bearer: Bearer) -> JsonObject | None:
    """Return what is behind a case or in a reply, or None where this person may not see it or there is nothing.

    The look is in the same transaction: it is committed before anything is shown, and so is one that was refused.
    """
    may_see = bearer.role in ALLOWED_ROLES and bearer.about == about
    find = _case if behind == "case" else _reply
    shown = await find(unit, about) if may_see else None
    await written.save_look(
        unit.connection, behind, about, who=bearer.who, role=bearer.role, allowed=shown is not None, now=unit.now
    )
    return shown


async def _case(unit: UnitOfWork, case_id: str) -> JsonObject | None:
    case = await cases.find(unit.connection, case_id)
    if case is None:
        return None
    return {
        "case": case.case_id,
        "clinic_id": case.clinic_id,
        "patient_ref": case.patient_ref,
        "tier": case.tier,
        "rules": list(case.rules),
        "opened_at": case.opened_at.isoformat(),
        "acknowledged_by": case.acknowledged_by,
        "automatic_text": case.automatic_text,
        "words": _spelled(await written.behind_case(unit.connection, unit.sealer, case_id)),
    }


async def _reply(unit: UnitOfWork, reference: str) -> JsonObject | None:
    words = await written.of_reply(unit.connection, unit.sealer, reference)
    return {"reply": reference, "words": _spelled([words])} if words else None


def _spelled(words: Sequence[Words]) -> list[JsonObject]:
    return [
        {"at": one.at.isoformat(), "text": one.text, "phone": one.phone, "may_be": list(one.candidates)}
        for one in words
    ]
