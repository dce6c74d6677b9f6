"""Ask a person to do something, once."""

from datetime import datetime
from enum import StrEnum

from services.followup.store import records
from shared.kernel.ids import digest
from shared.messages.staff_task import RAISED, StaffTaskRaised
from shared.postgres.unit_of_work import UnitOfWork


class TaskKind(StrEnum):
    """What only a person can do."""

    REPLY_TO_READ = "reply_to_read"
    HOME_SAFE_BY_PHONE = "home_safe_by_phone"
    LAST_ITEM_UNANSWERED = "last_item_unanswered"
    SILENT_AFTER_LOW_SCORE = "silent_after_low_score"
    PHONE_THE_PATIENT = "phone_the_patient"
    WHO_ANSWERED = "who_answered"
    MAYBE_CANCELS_VISIT = "maybe_cancels_visit"
    NO_ROSTER = "no_roster"
    TEST_PAGE_MISSED = "test_page_missed"


async def raise_task(
    unit: UnitOfWork,
    kind: TaskKind,
    *,
    clinic_id: str,
    patient_ref: str | None,
    cause: str,
    references: dict[str, str] | None = None,
    due_by: datetime | None = None,
) -> bool:
    """Write a task down and tell everybody; once per kind and cause."""
    task = StaffTaskRaised(
        task_id=digest("followup", kind, cause)[:32],
        clinic_id=clinic_id,
        patient_ref=patient_ref,
        kind=kind,
        references=references or {},
        due_by=due_by,
    )
    if not await records.save_task(unit.connection, task, now=unit.now):
        return False
    unit.publish(RAISED, task, subject=task.task_id)
    records.remember(
        unit,
        "a person was asked",
        clinic_id=clinic_id,
        patient_ref=patient_ref,
        reference=(references or {}).get("provider_reference"),
        detail=kind,
    )
    return True
