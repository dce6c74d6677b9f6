"""Which check-ins follow the infusions of one patient, and when (DOMAIN.md 1.3, 1.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.kernel.ids import digest
from shared.kernel.local_time import after, resolve
from shared.kernel.send_window import SendWindow

_LAST_MINUTES = timedelta(minutes=10)
"""Room before the window closes: a text planned for the closing minute would wait until the next morning."""
_EARLIEST_HOME_SAFE = timedelta(minutes=90)
_BEFORE_VISIT = timedelta(hours=2)
_TOO_CLOSE_TO_VISIT = timedelta(minutes=30)


class Moment(StrEnum):
    """When after an infusion a check-in is."""

    HOME_SAFE = "home_safe"
    DAY_1 = "day_1"
    DAY_3 = "day_3"
    WEEK_1 = "week_1"
    WEEK_2 = "week_2"
    WEEK_3 = "week_3"


class Kind(StrEnum):
    """What a check-in asks."""

    HOME_SAFE = "home_safe"
    MOOD = "mood"
    QUESTIONNAIRE = "questionnaire"
    """The PHQ-9, or the PHQ-8 while nobody could act on an answer about suicide: decided when it is asked (3.4)."""
    PHQ8 = "phq8"
    PHQ2 = "phq2"
    GAD2 = "gad2"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Rule:
    """How long after the end of an infusion something is asked, and until when it is still of use when late (R9).

    ``kind`` is what is asked then where the clinic has not chosen something else.
    """

    kind: Kind
    after: timedelta
    useless_after: timedelta


CADENCE: dict[Moment, Rule] = {
    Moment.HOME_SAFE: Rule(Kind.HOME_SAFE, timedelta(hours=4), timedelta(hours=7)),
    Moment.DAY_1: Rule(Kind.MOOD, timedelta(hours=24), timedelta(hours=36)),
    Moment.DAY_3: Rule(Kind.MOOD, timedelta(hours=72), timedelta(hours=96)),
    Moment.WEEK_1: Rule(Kind.QUESTIONNAIRE, timedelta(days=7), timedelta(days=10)),
    Moment.WEEK_2: Rule(Kind.QUESTIONNAIRE, timedelta(days=14), timedelta(days=17)),
    Moment.WEEK_3: Rule(Kind.QUESTIONNAIRE, timedelta(days=21), timedelta(days=24)),
}


@dataclass(frozen=True, slots=True)
class Infusion:
    """An infusion that took place."""

    infusion_id: str
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Hours:
    """The clinic's zone, in which days are counted (R1), and the patient's, in which texts leave (R2)."""

    clinic: ZoneInfo
    patient: ZoneInfo
    window: SendWindow


@dataclass(frozen=True, slots=True)
class Planned:
    """A check-in that is to be asked between ``due_at`` and ``useless_at``."""

    infusion_id: str
    moment: Moment
    due_at: datetime
    useless_at: datetime

    @property
    def kind(self) -> Kind:
        """What it asks."""
        return CADENCE[self.moment].kind


def checkin_id(patient_ref: str, infusion_id: str, moment: Moment) -> str:
    """Return the id of a check-in: the same infusion and moment are the same check-in for ever."""
    return f"ck_{digest(patient_ref, infusion_id, moment)[:20]}"


def plan_checkins(infusions: Sequence[Infusion], next_starts_at: datetime | None, hours: Hours) -> list[Planned]:
    """Return every check-in that the infusions ask for and that no later infusion has overtaken (R6)."""
    starts = sorted({*(infusion.started_at for infusion in infusions), *([next_starts_at] if next_starts_at else [])})
    planned = []
    for infusion in sorted(infusions, key=lambda infusion: infusion.ended_at):
        following = next((start for start in starts if start >= infusion.ended_at), None)
        for moment in Moment:
            found = _place(infusion, moment, following, hours)
            if found is not None:
                planned.append(found)
    return planned


def asks_for_a_call_instead(infusion: Infusion, hours: Hours) -> bool:
    """Return whether the evening is too short for the home-safe text, so that somebody should phone (R5)."""
    return _home_safe(infusion, hours) is None


def _place(infusion: Infusion, moment: Moment, following: datetime | None, hours: Hours) -> Planned | None:
    if moment is Moment.HOME_SAFE:
        placed = _home_safe(infusion, hours)
    else:
        rule = CADENCE[moment]
        due = _into_window(after(infusion.ended_at, rule.after, hours.clinic), hours)
        placed = (due, max(infusion.ended_at + rule.useless_after, due))
    if placed is None:
        return None
    due, useless = placed
    if following is not None and due >= following:
        earlier = _before_visit(following, due, hours) if moment is not Moment.HOME_SAFE else None
        if earlier is None or earlier <= infusion.ended_at:
            return None
        due = earlier
    if following is not None:
        useless = min(useless, following)
    return Planned(infusion.infusion_id, moment, due, useless)


def _home_safe(infusion: Infusion, hours: Hours) -> tuple[datetime, datetime] | None:
    """Place the home-safe question on the same evening, or nowhere (R5)."""
    rule = CADENCE[Moment.HOME_SAFE]
    end, due = infusion.ended_at, infusion.ended_at + rule.after
    evening = resolve(end.astimezone(hours.patient).date(), hours.window.closes, hours.patient)
    if due >= evening - _LAST_MINUTES:
        due = evening - _LAST_MINUTES
        return (due, evening) if due - end >= _EARLIEST_HOME_SAFE else None
    due = hours.window.next_opening(due, hours.patient)
    return due, min(max(end + rule.useless_after, due + timedelta(hours=3)), evening)


def _into_window(due: datetime, hours: Hours) -> datetime:
    """Move a time into the window of its own local day: up to the opening, or back to before the closing (R2)."""
    local = due.astimezone(hours.patient)
    if local.time() >= hours.window.closes:
        return hours.window.last_before(due, hours.patient, margin=_LAST_MINUTES)
    return hours.window.next_opening(due, hours.patient)


def _before_visit(visit: datetime, due: datetime, hours: Hours) -> datetime | None:
    """Ask on the morning of the next visit what would have been due later that same day; else not at all."""
    day = visit.astimezone(hours.clinic).date()
    if due.astimezone(hours.clinic).date() != day:
        return None
    at = hours.window.next_opening(visit - _BEFORE_VISIT, hours.patient)
    return at if visit - at >= _TOO_CLOSE_TO_VISIT else None


def nudge_at(sent_at: datetime, close_at: datetime, hours: Hours) -> datetime | None:
    """Return when to ask once more, 4 to 6 hours later within the window, or on the next morning (R11)."""
    for hours_later in (5, 4, 6):
        at = sent_at + timedelta(hours=hours_later)
        if hours.window.contains(at, hours.patient) and at < close_at:
            return at
    at = hours.window.next_opening(sent_at + timedelta(hours=4), hours.patient)
    return at if close_at - at >= timedelta(hours=1) else None


def close_at(kind: Kind, sent_at: datetime) -> datetime:
    """Return when an unanswered check-in closes: home-safe the same evening, everything else after a day (I9)."""
    return sent_at + (timedelta(hours=6) if kind is Kind.HOME_SAFE else timedelta(hours=24))
