"""The catalogue: every type on the wire, its payload, who owns it and how urgent it is."""

from dataclasses import dataclass

from shared.kernel.errors import PermanentError
from shared.messages import booking, outcome, plan, reply, staff_task
from shared.messages.base import WireModel
from shared.messages.envelope import Envelope, validate


@dataclass(frozen=True, slots=True)
class MessageType:
    """One row of DESIGN.md section 3.

    ``owned`` types have exactly one reader that must get them: publishing one that reaches no queue is an error.
    """

    name: str
    payload: type[WireModel]
    owned: bool = False
    urgent: bool = False


CATALOGUE: dict[str, MessageType] = {
    row.name: row
    for row in (
        *(MessageType(name, booking.Booking, owned=True) for name in booking.BOOKING_TYPES),
        MessageType(plan.MESSAGES_PLAN, plan.MessagesPlan, owned=True),
        *(MessageType(name, outcome.MessageOutcome) for name in outcome.OUTCOME_TYPES),
        MessageType(reply.RECEIVED, reply.MessageReceived, owned=True, urgent=True),
        MessageType(reply.OPTED_OUT, reply.RecipientOpted),
        MessageType(reply.OPTED_IN, reply.RecipientOpted),
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
