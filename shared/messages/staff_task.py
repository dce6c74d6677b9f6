"""``staff.task.*.v1``: what a person at the clinic has to do."""

from pydantic import Field

from shared.messages.base import Identifier, Instant, WireModel

RAISED = "staff.task.raised.v1"
DONE = "staff.task.done.v1"


class StaffTaskRaised(WireModel):
    """Something that only a person can put right. ``references`` holds ids, never a name or a number."""

    task_id: Identifier
    clinic_id: Identifier
    patient_ref: Identifier | None = None
    kind: Identifier
    references: dict[str, str] = Field(default_factory=dict)
    due_by: Instant | None = None


class StaffTaskDone(WireModel):
    """A task is settled, by a person or because its cause is gone."""

    task_id: Identifier
    clinic_id: Identifier
    patient_ref: Identifier | None = None
    how: Identifier
