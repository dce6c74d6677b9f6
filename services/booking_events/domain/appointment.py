"""Our record of a booking: what takes effect, in which order, and what the patient has been told of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.kernel.errors import PermanentError
from shared.kernel.ids import canonical_json, digest
from shared.messages import booking as types
from shared.messages.booking import Booking, Modality, Series, VisitKind


class Status(StrEnum):
    """What has become of a booking."""

    BOOKED = "booked"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    NO_SHOW = "no_show"


STATUS_OF = {
    types.CREATED: Status.BOOKED,
    types.RESCHEDULED: Status.BOOKED,
    types.CANCELLED: Status.CANCELLED,
    types.COMPLETED: Status.COMPLETED,
    types.NO_SHOW: Status.NO_SHOW,
}


class OrderedBy(StrEnum):
    """How a booking's events are put in order: one way per booking."""

    REVISION = "revision"
    OCCURRED_AT = "occurred_at"
    EVENT_TIME = "time"


@dataclass(frozen=True, slots=True)
class Order:
    """The place of an event among those of its booking."""

    by: OrderedBy
    value: int
    """The revision, or microseconds since 1970."""

    def __str__(self) -> str:
        return f"{'r' if self.by is OrderedBy.REVISION else 't'}{self.value}"


def order_of(booking: Booking, event_time: datetime | None) -> Order:
    """Return the order of an event: by revision, else by when it occurred, else by the event's own time.

    Raises:
        PermanentError: it has none of them.
    """
    if booking.revision is not None:
        return Order(OrderedBy.REVISION, booking.revision)
    if booking.occurred_at is not None:
        return Order(OrderedBy.OCCURRED_AT, _microseconds(booking.occurred_at))
    if event_time is not None:
        return Order(OrderedBy.EVENT_TIME, _microseconds(event_time))
    raise PermanentError("data.revision: needed, or data.occurred_at, or the event's time, to put events in order")


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


@dataclass(frozen=True, slots=True)
class Identity:
    """A booking's name: clinic, source and the source's own id."""

    clinic_id: str
    source: str
    booking_id: str

    def __str__(self) -> str:
        name = f"{self.source}/{self.booking_id}"
        return name if len(name) <= 100 else digest(name)[:32]


@dataclass(frozen=True, slots=True)
class Told:
    """What a patient has been told of an appointment, or would have to be told now."""

    status: Status
    starts_at: datetime
    modality: Modality


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booking as it stands.

    ``timed_at`` is when it got its present time, ``changed_at`` when anything about it changed, both as we learned it.
    """

    identity: Identity
    patient_ref: str
    status: Status
    order: Order
    content: str
    visit_kind: VisitKind
    modality: Modality
    starts_at: datetime
    ends_at: datetime | None
    series: Series | None
    first_seen_at: datetime
    timed_at: datetime
    changed_at: datetime
    told: Told | None = None
    confirmed_for: datetime | None = None
    """The time that the patient said yes to."""
    past_since: datetime | None = None
    """When it was first taken to have taken place; stays when that turns out wrong."""
    assumed_at: datetime | None = None
    """When it was taken to have taken place though nobody said so."""

    @property
    def is_confirmed(self) -> bool:
        """Whether the patient has said yes to the time at which it stands."""
        return self.confirmed_for == self.starts_at

    @property
    def to_tell(self) -> Told:
        """What the patient ought to know."""
        return Told(self.status, self.starts_at, self.modality)


class Verdict(StrEnum):
    """What an event did to an appointment."""

    TAKEN = "taken"
    STALE = "stale"
    REPEATED = "repeated"
    CONTRADICTED = "contradicted"


def content_of(status: Status, booking: Booking) -> str:
    """Return a digest of what an event says, apart from its order."""
    said = booking.model_dump(mode="json", exclude={"revision", "occurred_at"})
    return digest(status, canonical_json(said))


def judge(current: Appointment | None, status: Status, order: Order, content: str) -> Verdict:
    """Decide whether an event takes effect on what is known.

    A higher order does, a lower one does not. In equal order a cancellation wins, the same content is a repetition, and
    any other difference contradicts.

    Raises:
        PermanentError: the booking's events are ordered in another way.
    """
    if current is None:
        return Verdict.TAKEN
    if order.by is not current.order.by:
        raise PermanentError(f"data.revision: this booking's events are ordered by {current.order.by}")
    if order.value != current.order.value:
        return Verdict.TAKEN if order.value > current.order.value else Verdict.STALE
    if current.status is Status.CANCELLED:
        return Verdict.REPEATED if status is Status.CANCELLED else Verdict.STALE
    if status is Status.CANCELLED:
        return Verdict.TAKEN
    return Verdict.REPEATED if content == current.content else Verdict.CONTRADICTED


def take(
    current: Appointment | None,
    booking: Booking,
    *,
    identity: Identity,
    patient_ref: str,
    status: Status,
    order: Order,
    now: datetime,
    booked_at: datetime,
    announced: bool,
    handed_over: bool = False,
) -> Appointment:
    """Return the appointment after an event that takes effect.

    ``booked_at`` is when the booking system made it. Where ``announced`` is false the booking was imported: the patient
    is taken to know it as it is, and reminders count from when it was booked rather than from when we learned of it.
    Where it was ``handed_over`` to somebody at another number, they know nothing of what was told and agreed before.
    """
    if current is not None and handed_over:
        current = replace(current, told=None, confirmed_for=None, timed_at=now)
    same_time = current is not None and current.starts_at == booking.starts_at and current.status is status
    taken = Appointment(
        identity=identity,
        patient_ref=patient_ref,
        status=status,
        order=order,
        content=content_of(status, booking),
        visit_kind=booking.visit_kind,
        modality=booking.modality,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        series=booking.series,
        first_seen_at=current.first_seen_at if current else now,
        timed_at=current.timed_at if current and same_time else now,
        changed_at=now,
        told=current.told if current else None,
        confirmed_for=current.confirmed_for if current else None,
        past_since=current.past_since if current else None,
        assumed_at=current.assumed_at if current and current.starts_at == booking.starts_at else None,
    )
    if current is None and not announced:
        return replace(taken, told=taken.to_tell, timed_at=min(booked_at, now))
    return taken
