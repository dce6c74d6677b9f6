"""``patient.infusions.v1``: which infusions one patient has had, and when the next one is."""

from typing import Annotated

from pydantic import Field

from shared.messages.base import AboutPatient, Identifier, Instant, WireModel
from shared.messages.booking import Series
from shared.messages.plan import Recipient

PATIENT_INFUSIONS = "patient.infusions.v1"


class PastInfusion(WireModel):
    """An infusion that took place. ``assumed``: the feed never said so, its end simply passed."""

    infusion_id: Identifier
    started_at: Instant
    ended_at: Instant
    series: Series | None = None
    assumed: bool = False


class PatientInfusions(AboutPatient):
    """The whole snapshot, at one revision; a later revision replaces an earlier one.

    ``infusion_id`` names the booking for ever (source and booking id). ``voided`` lists infusions that were taken for
    past and did not take place after all: what hangs on them is dropped. ``next_starts_at`` is the start of the next
    infusion that is booked.
    """

    revision: Annotated[int, Field(ge=1, lt=2**62)]
    infusions: tuple[PastInfusion, ...] = ()
    voided: tuple[Identifier, ...] = ()
    next_starts_at: Instant | None = None
    recipient: Recipient
