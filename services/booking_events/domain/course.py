"""Which infusions of a patient took place, which were taken to have and did not, and when the next one starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.booking_events.domain.appointment import Appointment, Identity, Status
from shared.clinics.model import Clinic
from shared.messages.booking import Series, VisitKind

_ROOM_AROUND = timedelta(minutes=30)
"""What a visit takes beside the infusion and the watch after it (DOMAIN.md 1.2)."""
_UNREPORTED_FOR = timedelta(days=1)
"""A visit that nobody has reported on is the next one until this long after its end, not for ever."""


@dataclass(frozen=True, slots=True)
class TookPlace:
    """An infusion that took place, or is assumed to have."""

    identity: Identity
    started_at: datetime
    ended_at: datetime
    series: Series | None
    assumed: bool


@dataclass(frozen=True, slots=True)
class Course:
    """A patient's infusions as they stand."""

    past: tuple[TookPlace, ...] = ()
    voided: tuple[Identity, ...] = ()
    next_starts_at: datetime | None = None


def end_of(visit: Appointment, clinic: Clinic) -> datetime:
    """Return when a visit ends: as booked, else as long as such a visit takes at this clinic."""
    if visit.ends_at is not None:
        return visit.ends_at
    rules = clinic.preparation
    return visit.starts_at + timedelta(minutes=rules.infusion_min + rules.monitor_min) + _ROOM_AROUND


def assume_at(visit: Appointment, clinic: Clinic) -> datetime | None:
    """Return when a visit is taken to have taken place if nobody says otherwise; None where there is nothing to ask."""
    if visit.visit_kind is not VisitKind.INFUSION or visit.status is not Status.BOOKED or visit.assumed_at is not None:
        return None
    return end_of(visit, clinic) + clinic.assume_completed_after


def took_place(visit: Appointment) -> bool:
    """Return whether a visit is an infusion that is over: the feed said so, or it is assumed."""
    if visit.visit_kind is not VisitKind.INFUSION:
        return False
    return visit.status is Status.COMPLETED or (visit.status is Status.BOOKED and visit.assumed_at is not None)


def course_of(visits: Sequence[Appointment], clinic: Clinic, now: datetime) -> Course:
    """Sum up a patient's infusions. ``voided`` were told as past once and are not: cancelled, moved, missed."""
    in_order = sorted(visits, key=lambda visit: (visit.starts_at, str(visit.identity)))
    past = tuple(
        TookPlace(visit.identity, visit.starts_at, _ended_at(visit, clinic), visit.series, _is_assumed(visit))
        for visit in in_order
        if took_place(visit)
    )
    voided = tuple(visit.identity for visit in in_order if visit.past_since is not None and not took_place(visit))
    ahead = [visit.starts_at for visit in in_order if _is_ahead(visit, clinic, now)]
    return Course(past, voided, min(ahead, default=None))


def _is_assumed(visit: Appointment) -> bool:
    return visit.status is Status.BOOKED


def _is_ahead(visit: Appointment, clinic: Clinic, now: datetime) -> bool:
    open_infusion = visit.visit_kind is VisitKind.INFUSION and visit.status is Status.BOOKED and not took_place(visit)
    return open_infusion and end_of(visit, clinic) + _UNREPORTED_FOR > now


def _ended_at(visit: Appointment, clinic: Clinic) -> datetime:
    """A visit reported as completed before its booked end has ended when that was reported."""
    end = end_of(visit, clinic)
    early = visit.status is Status.COMPLETED and visit.starts_at < visit.changed_at < end
    return visit.changed_at if early else end
