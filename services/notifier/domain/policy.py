"""One policy row per purpose: a closed list, so that a new purpose cannot slip through unjudged."""

from dataclasses import dataclass
from typing import Literal

from shared.messages.base import Consent, Purpose

ConsentKind = Literal["reminders", "checkins"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How messages of one purpose are judged. A smaller ``priority`` goes first."""

    priority: int
    consent: ConsentKind | None
    obeys_window: bool = True
    obeys_opt_out: bool = True
    repeat_when_unsure: bool = False

    def is_agreed_to(self, consent: Consent) -> bool:
        """Return whether the recipient agreed to this kind of message."""
        return self.consent is None or bool(getattr(consent, self.consent))


POLICIES: dict[Purpose, Policy] = {
    Purpose.SAFETY: Policy(0, None, obeys_window=False, repeat_when_unsure=True),
    Purpose.PAGE: Policy(0, None, obeys_window=False, repeat_when_unsure=True),
    Purpose.OPT_OUT_CONFIRMATION: Policy(1, None, obeys_window=False, obeys_opt_out=False),
    Purpose.ANSWER_REPLY: Policy(2, None, obeys_window=False),
    Purpose.CHANGE_NOTICE: Policy(3, "reminders"),
    Purpose.REMINDER_NEAR: Policy(4, "reminders"),
    Purpose.HOME_SAFE: Policy(4, "checkins"),
    Purpose.CONFIRMATION: Policy(5, "reminders"),
    Purpose.QUESTIONNAIRE_ITEM: Policy(5, "checkins"),
    Purpose.CHECKIN: Policy(6, "checkins"),
    Purpose.REMINDER_FAR: Policy(7, "reminders"),
    Purpose.ENROLMENT: Policy(7, None),
    Purpose.SERVICE: Policy(8, None),
}
