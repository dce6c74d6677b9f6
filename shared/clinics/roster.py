"""Who is on call at a clinic: the roster as a pure calculation."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clinics.model import Clinic, Person
from shared.kernel.contact import PhoneNumber
from shared.kernel.local_time import resolve

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OnCall:
    """One shift as it falls on the calendar. ``people`` are ids of the roster, the first to be paged first."""

    starts_at: datetime
    ends_at: datetime
    people: tuple[str, ...]


def shifts_around(clinic: Clinic, now: datetime) -> list[OnCall]:
    """Return the shifts that touch yesterday, today and tomorrow, the earliest first."""
    today = now.astimezone(clinic.zone).date()
    found = []
    for offset in (-1, 0, 1):
        day = today + offset * _DAY
        for shift in clinic.roster.shifts:
            if shift.holds_on(day):
                last_day = day if shift.ends > shift.starts else day + _DAY
                starts = resolve(day, shift.starts, clinic.zone)
                found.append(OnCall(starts, resolve(last_day, shift.ends, clinic.zone), shift.people))
    return sorted(found, key=lambda shift: (shift.starts_at, shift.ends_at))


def current_shift(clinic: Clinic, now: datetime) -> OnCall | None:
    """Return the shift that is running; where two overlap, the one that began last."""
    running = [shift for shift in shifts_around(clinic, now) if shift.starts_at <= now < shift.ends_at]
    return running[-1] if running else None


def is_covered(clinic: Clinic, now: datetime, span: timedelta) -> bool:
    """Return whether somebody is on call from ``now`` for the whole span, one shift after another."""
    reached, until = now, now + span
    for shift in shifts_around(clinic, now):
        if shift.starts_at <= reached < shift.ends_at:
            reached = shift.ends_at
    return reached >= until


def has_roster(clinic: Clinic) -> bool:
    """Return whether the clinic has anybody on call at all."""
    return bool(clinic.roster.shifts)


def people_with_role(clinic: Clinic, roles: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of the people who have one of the roles."""
    wanted = set(roles)
    return tuple(name for name, person in clinic.roster.people.items() if person.role in wanted)


def person_with_phone(clinic: Clinic, phone: PhoneNumber) -> tuple[str, Person] | None:
    """Return the person of the roster whom a number belongs to."""
    return next(((key, person) for key, person in clinic.roster.people.items() if person.phone == phone.e164), None)
