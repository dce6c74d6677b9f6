"""Whether a check-in may be asked now, judged when it is due (3.4, R6, R9)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.followup.domain.instrument import GAD2, HOME_SAFE, MOOD, PHQ2, PHQ8, PHQ9, Instrument
from services.followup.domain.schedule import Kind

COVER = timedelta(hours=4)
"""For how long somebody must be on call before a question about suicide goes out (3.4)."""
SENSITIVE_FOR = timedelta(minutes=15)
"""How long a question about suicide may wait to be sent."""
_ASKED_WITH = {
    Kind.HOME_SAFE: HOME_SAFE,
    Kind.MOOD: MOOD,
    Kind.PHQ8: PHQ8,
    Kind.PHQ2: PHQ2,
    Kind.GAD2: GAD2,
}


@dataclass(frozen=True, slots=True)
class Watch:
    """Who would act on an answer: is there a roster, does it cover the next hours, did this shift's test page work."""

    has_roster: bool
    covers_next_hours: bool
    test_page_acknowledged: bool

    @property
    def is_kept(self) -> bool:
        """Whether an answer about suicide would reach somebody."""
        return self.has_roster and self.covers_next_hours and self.test_page_acknowledged


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask it now, with this instrument."""

    instrument: Instrument


@dataclass(frozen=True, slots=True)
class Drop:
    """Never ask it."""

    reason: str


def judge_due(
    kind: Kind,
    *,
    useless_at: datetime,
    next_starts_at: datetime | None,
    agreed: bool,
    has_open_case: bool,
    watch: Watch,
    now: datetime,
) -> Ask | Drop:
    """Decide what happens to a check-in whose time has come; ``kind`` is what its clinic asks at that moment."""
    if kind is Kind.NOTHING:
        return Drop("not_asked")
    if not watch.has_roster:
        return Drop("no_roster")
    if now >= useless_at:
        return Drop("too_late")
    if next_starts_at is not None and next_starts_at <= now:
        return Drop("superseded")
    if not agreed:
        return Drop("no_consent")
    if has_open_case and kind is not Kind.HOME_SAFE:
        return Drop("case_open")
    if kind is Kind.QUESTIONNAIRE:
        return Ask(PHQ9 if watch.is_kept else PHQ8)
    return Ask(_ASKED_WITH[kind])
