"""A person says that a task is done."""

from enum import StrEnum
from typing import Any

from services.console import store
from services.console.domain.access import Visitor
from shared.messages.staff_task import DONE, StaffTaskDone
from shared.postgres.unit_of_work import UnitOfWork


class How(StrEnum):
    """How a task ended. A closed list: what a person would type may name a patient."""

    REACHED = "patient_reached"
    LEFT_WORD = "message_left"
    MENDED = "mended_where_it_came_from"
    READ = "read_and_nothing_to_do"
    NOT_NEEDED = "no_longer_needed"


async def finish_task(unit: UnitOfWork, visitor: Visitor, task: dict[str, Any], how: How) -> bool:
    """Note it, and tell whoever raised it; return False if somebody was quicker."""
    if not await store.finish_task(unit.connection, task["task_id"], how=how, by=visitor.person, now=unit.now):
        return False
    unit.publish(
        DONE,
        StaffTaskDone(task_id=task["task_id"], clinic_id=task["clinic_id"], patient_ref=task["patient_ref"], how=how),
        subject=task["task_id"],
    )
    detail = f"{task['kind']}: {how}"
    await store.audit(unit.connection, visitor, "finished a task", target=task["task_id"], detail=detail)
    return True
