"""The catalogue: every type on the wire, its payload, who owns it and how urgent it is."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.kernel.errors import PermanentError
from shared.messages import (
    appointment,
    assessment,
    booking,
    checkin,
    infusions,
    outcome,
    patient,
    pause,
    plan,
    reading,
    reply,
    safety,
    staff_task,
)
from shared.messages.base import JsonObject, WireModel
from shared.messages.envelope import Envelope, validate


@dataclass(frozen=True, slots=True)
class MessageType:
    """One row of DESIGN.md section 3.

    ``owned`` types have exactly one reader that must get them: publishing one that reaches no queue is an error.
    ``urgent`` types leave by the outbox's urgent lane; ``urgent_when`` decides it by the data.
    """

    name: str
    payload: type[WireModel]
    owned: bool = False
    urgent: bool = False
    urgent_when: Callable[[JsonObject], bool] | None = None

    def is_urgent(self, data: JsonObject) -> bool:
        """Return whether a message with this data leaves by the urgent lane."""
        return self.urgent or (self.urgent_when is not None and self.urgent_when(data))


CATALOGUE: dict[str, MessageType] = {
    row.name: row
    for row in (
        *(MessageType(name, booking.Booking, owned=True) for name in booking.BOOKING_TYPES),
        MessageType(plan.MESSAGES_PLAN, plan.MessagesPlan, owned=True, urgent_when=plan.is_urgent),
        *(MessageType(name, outcome.MessageOutcome) for name in outcome.OUTCOME_TYPES),
        MessageType(reply.RECEIVED, reply.MessageReceived, owned=True, urgent=True),
        MessageType(reply.OPTED_OUT, reply.RecipientOpted),
        MessageType(reply.OPTED_IN, reply.RecipientOpted),
        MessageType(appointment.CONFIRMED, appointment.AppointmentConfirmed),
        MessageType(appointment.CHANGE_REQUESTED, appointment.AppointmentChangeRequested),
        MessageType(patient.EXPORT, patient.ExportPatient),
        MessageType(patient.ERASE, patient.ErasePatient),
        MessageType(patient.CORRECT, patient.CorrectPatient, owned=True),
        MessageType(pause.PAUSE, pause.PauseClinic, owned=True, urgent=True),
        MessageType(pause.RESUME, pause.ResumeClinic, owned=True, urgent=True),
        MessageType(pause.TRY_PROVIDER, pause.TryProvider, owned=True, urgent=True),
        MessageType(infusions.PATIENT_INFUSIONS, infusions.PatientInfusions, owned=True),
        MessageType(assessment.RECORDED, assessment.AssessmentRecorded, owned=True),
        MessageType(checkin.ANSWERED, checkin.CheckinAnswered, urgent=True),
        MessageType(checkin.COMPLETED, checkin.CheckinCompleted),
        MessageType(checkin.EXPIRED, checkin.CheckinExpired),
        MessageType(reading.REPLY_READ, reading.ReplyRead, owned=True, urgent=True),
        MessageType(reading.MESSAGE_READ, reading.MessageRead, owned=True, urgent=True),
        MessageType(reading.RECIPIENT_REVOKE, reading.RecipientRevoke, owned=True, urgent=True),
        MessageType(safety.RAISED, safety.SafetyAlertRaised, urgent=True),
        MessageType(safety.ACKNOWLEDGED, safety.SafetyAlertAcknowledged, urgent=True),
        MessageType(safety.ESCALATED, safety.SafetyAlertEscalated, urgent=True),
        MessageType(safety.CLOSED, safety.SafetyAlertClosed, urgent=True),
        MessageType(safety.ACKNOWLEDGE, safety.AcknowledgeCase, owned=True, urgent=True),
        MessageType(safety.CLOSE, safety.CloseCase, owned=True, urgent=True),
        MessageType(safety.PAGE_ANSWERED, safety.PageAnswered, owned=True, urgent=True),
        MessageType(staff_task.RAISED, staff_task.StaffTaskRaised),
        MessageType(staff_task.DONE, staff_task.StaffTaskDone),
    )
}


def read_payload(envelope: Envelope) -> WireModel:
    """Read the envelope's data as its type demands.

    Raises:
        PermanentError: the type is unknown, or the data does not fit it.
    """
    row = CATALOGUE.get(envelope.type)
    if row is None:
        raise PermanentError("type: unknown, or a version that this release does not know")
    return validate(row.payload, envelope.data, at="data")
