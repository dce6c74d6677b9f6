"""Who is paged about a case and when, until a named person has it (DOMAIN.md 3.2)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from shared.clinics.model import Clinic
from shared.clinics.roster import current_shift, is_covered, people_with_role, shifts_around
from shared.kernel.local_time import resolve
from shared.messages.safety import Tier

STEPS: Final = (timedelta(0), timedelta(minutes=15), timedelta(minutes=30), timedelta(minutes=60))
"""First person; second person; clinic lead and ops; everybody, and it is an incident."""
AGAIN_EVERY: Final = timedelta(minutes=30)
CALL_AFTER: Final = (timedelta(minutes=2), timedelta(minutes=8))
"""When the phone rings after a page's text."""
INCIDENT_STEP: Final = 3
STAFFED_CLOCK: Final = timedelta(hours=2)
"""How long a possible crisis may wait in the clinicians' list while somebody is there."""
_CLOSE_OF_BUSINESS = time(17)


@dataclass(frozen=True, slots=True)
class Step:
    """One rung that is due: whom to page, and when to look again."""

    number: int
    people: tuple[str, ...]
    next_at: datetime

    @property
    def is_incident(self) -> bool:
        """Whether the case has waited so long that it counts as an outage."""
        return self.number >= INCIDENT_STEP


def starts_paging_at(clinic: Clinic, tier: Tier, clock_at: datetime) -> datetime | None:
    """Return when the first page goes out: at once; for S2 while staffed, once two hours have passed; never for S3."""
    if tier == "S3":
        return None
    if tier == "S2" and is_covered(clinic, clock_at, STAFFED_CLOCK):
        return clock_at + STAFFED_CLOCK
    return clock_at


def acknowledge_by(clinic: Clinic, tier: Tier, clock_at: datetime) -> datetime:
    """Return until when somebody must have taken a case on: 15 minutes, 2 hours, or the same business day."""
    if tier == "S3":
        return end_of_business_day(clinic, clock_at)
    paging = starts_paging_at(clinic, tier, clock_at)
    waits_in_list = paging is not None and paging > clock_at
    return paging if waits_in_list and paging is not None else clock_at + STEPS[1]


def climb(
    clinic: Clinic, tier: Tier, *, clock_at: datetime, done: int, already: tuple[str, ...], now: datetime
) -> Step:
    """Return the rung to page now. ``done`` counts the rungs climbed so far, ``already`` who was paged on them.

    A clock that jumped over several rungs climbs them in one step, and everybody of the rungs in between is paged. A
    rung climbed early, because a page did not arrive, keeps the distance to the next one.
    """
    paging = starts_paging_at(clinic, tier, clock_at) or clock_at
    number, people = done, list[str]()
    while number == done or (now >= paging + _offset(number) and number <= INCIDENT_STEP):
        people += [name for name in _rung(clinic, number, now, (*already, *people), tier) if name not in people]
        number += 1
    if now >= paging + _offset(number):
        number = _rungs_passed(paging, now)
    gap = _offset(number) - _offset(number - 1)
    return Step(number - 1, tuple(people), min(paging + _offset(number), now + gap))


def _offset(rung: int) -> timedelta:
    return STEPS[rung] if rung < len(STEPS) else STEPS[-1] + (rung - len(STEPS) + 1) * AGAIN_EVERY


def _rungs_passed(paging: datetime, now: datetime) -> int:
    return len(STEPS) + max(0, int((now - paging - STEPS[-1]) / AGAIN_EVERY))


def _rung(clinic: Clinic, number: int, now: datetime, already: tuple[str, ...], tier: Tier) -> tuple[str, ...]:
    order = paging_order(clinic, now, tier)
    fresh = tuple(name for name in order if name not in already)
    if number <= 1:
        return fresh[:1] or order[:1]
    if number < INCIDENT_STEP:
        leads = tuple(name for name in people_with_role(clinic, ("lead", "ops")) if name not in already)
        return leads or fresh or order
    return order


def paging_order(clinic: Clinic, now: datetime, tier: Tier) -> tuple[str, ...]:
    """Return everybody in the order of paging: the shift that runs, else the one that starts next; then the others.

    A medical emergency goes to the shift's nurse first.
    """
    shift = current_shift(clinic, now) or next((one for one in shifts_around(clinic, now) if one.starts_at > now), None)
    first = shift.people if shift else ()
    if tier == "M":
        nurses = people_with_role(clinic, ("nurse",))
        first = (*(name for name in first if name in nurses), *(name for name in first if name not in nurses))
    others = (*people_with_role(clinic, ("lead", "clinician", "nurse")), *people_with_role(clinic, ("ops",)))
    return tuple(dict.fromkeys((*first, *others)))


def end_of_business_day(clinic: Clinic, at: datetime) -> datetime:
    """Return five in the afternoon of the same weekday, or of the next one when that is past."""
    local = at.astimezone(clinic.zone)
    day = local.date()
    if local.time() >= _CLOSE_OF_BUSINESS:
        day += timedelta(days=1)
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return resolve(day, _CLOSE_OF_BUSINESS, clinic.zone)
