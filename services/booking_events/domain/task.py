"""What a person at the clinic must do because a text cannot."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.kernel.ids import digest


class TaskKind(StrEnum):
    """The kinds of task that appointments raise."""

    NO_USABLE_PHONE = "no_usable_phone"
    BOOKED_INSIDE_FASTING = "booked_inside_fasting"
    REMINDER_USELESS = "reminder_useless"
    CHANGE_NOT_TEXTED_IN_TIME = "change_not_texted_in_time"
    CONTRADICTING_BOOKING = "contradicting_booking"
    PATIENT_WANTS_CHANGE = "patient_wants_change"
    PATIENT_WANTS_CANCELLATION = "patient_wants_cancellation"
    PATIENT_ASKS = "patient_asks"
    FEED_BRAKED = "feed_braked"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do, once: the same cause gives the same id."""

    kind: TaskKind
    clinic_id: str
    patient_ref: str | None
    cause: str
    due_by: datetime | None
    references: dict[str, str] = field(default_factory=dict)

    @property
    def task_id(self) -> str:
        """An id that comes out the same for the same cause."""
        return digest(self.kind, self.clinic_id, self.patient_ref or "", self.cause)[:32]
