"""``appointment.*.v1``: what a patient said of their visits. A text never changes a booking; people do."""

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import AboutPatient, Identifier, Instant, WireModel

CONFIRMED = "appointment.confirmed.v1"
CHANGE_REQUESTED = "appointment.change_requested.v1"


class BookingName(WireModel):
    """A booking as its own system knows it, at the time that the patient spoke of."""

    source: Identifier
    booking_id: Identifier
    starts_at: Instant


class AppointmentConfirmed(AboutPatient):
    """The patient will come to each of these."""

    bookings: Annotated[tuple[BookingName, ...], Field(min_length=1)]
    provider_reference: Identifier


class AppointmentChangeRequested(AboutPatient):
    """The patient wants another time, or not to come. The bookings stand until a person changes them.

    ``bookings`` is empty where nobody could tell which visit is meant.
    """

    bookings: tuple[BookingName, ...] = ()
    wish: Literal["reschedule", "cancel"]
    provider_reference: Identifier
