"""``clinic.pause.v1``: hold everything of a clinic but what is urgent, until a person resumes it."""

from shared.messages.base import Identifier, WireModel

PAUSE = "clinic.pause.v1"


class PauseClinic(WireModel):
    """Command to the notifier. ``cause`` is a kind of staff task, or ``operator``."""

    clinic_id: Identifier
    cause: Identifier
