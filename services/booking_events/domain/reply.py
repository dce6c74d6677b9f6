"""What a patient's reply about an appointment does, and what they are told. A text never changes a booking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.booking_events.domain.appointment import Appointment, Identity, Status
from services.booking_events.domain.task import TaskKind
from shared.messages.reading import ReplyResult


@dataclass(frozen=True, slots=True)
class Listed:
    """An appointment as a message listed it, at the time that the message gave."""

    identity: Identity
    starts_at: datetime


class Answer(StrEnum):
    """What the patient is told; each is a template."""

    CONFIRMED = "visit_confirmed"
    STANDS_OTHERWISE = "visit_stands_otherwise"
    CHANGE_PASSED_ON = "change_passed_on"
    CANCELLATION_PASSED_ON = "cancellation_passed_on"
    QUESTION_PASSED_ON = "question_passed_on"
    NO_VISIT = "no_visit_found"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, the visits it speaks of, those newly confirmed, and what a person has to do."""

    answer: Answer
    visits: tuple[Appointment, ...] = ()
    confirmed: tuple[Appointment, ...] = ()
    task: TaskKind | None = None


_TASKS = {
    ReplyResult.RESCHEDULE: (TaskKind.PATIENT_WANTS_CHANGE, Answer.CHANGE_PASSED_ON),
    ReplyResult.CANCEL_REQUEST: (TaskKind.PATIENT_WANTS_CANCELLATION, Answer.CANCELLATION_PASSED_ON),
    ReplyResult.QUESTION: (TaskKind.PATIENT_ASKS, Answer.QUESTION_PASSED_ON),
}


def decide(
    result: ReplyResult,
    listed: Sequence[Listed],
    appointments: Sequence[Appointment],
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Verdict:
    """Decide on a reply to a message that listed some visits, or to none (then the next day with visits is meant).

    A yes counts for the times that the message gave: what was moved since is not confirmed, the patient is told where
    it stands. A merged message confirms all it lists.
    """
    ahead = sorted(
        (item for item in appointments if item.status is Status.BOOKED and item.starts_at > now),
        key=lambda item: (item.starts_at, str(item.identity)),
    )
    meant = _meant(listed, ahead, zone)
    if result is not ReplyResult.CONFIRM:
        task, answer = _TASKS[result]
        return Verdict(answer, meant, task=task)
    said_yes_to = {(item.identity, item.starts_at) for item in listed}
    agreed = tuple(item for item in meant if not listed or (item.identity, item.starts_at) in said_yes_to)
    if agreed:
        return Verdict(Answer.CONFIRMED, agreed, tuple(item for item in agreed if not item.is_confirmed))
    return Verdict(Answer.STANDS_OTHERWISE, meant) if meant else Verdict(Answer.NO_VISIT)


def _meant(listed: Sequence[Listed], ahead: Sequence[Appointment], zone: ZoneInfo) -> tuple[Appointment, ...]:
    """Return the visits that a reply is about: those listed that still stand, else those of the next day with any."""
    named = {item.identity for item in listed}
    still = tuple(item for item in ahead if item.identity in named)
    if still or not ahead:
        return still
    first_day = ahead[0].starts_at.astimezone(zone).date()
    return tuple(item for item in ahead if item.starts_at.astimezone(zone).date() == first_day)
