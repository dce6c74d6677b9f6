"""One policy row per purpose: a closed list, so that a new purpose cannot slip through unjudged."""

from dataclasses import dataclass
from typing import Literal

from shared.messages.base import Channel, Consent, Purpose

ConsentKind = Literal["reminders", "checkins"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How messages of one purpose are judged. A smaller ``priority`` goes first."""

    priority: int
    consent: ConsentKind | None
    obeys_window: bool = True
    obeys_opt_out: bool = True
    repeat_when_unsure: bool = False
    counts: bool = True
    """Whether it takes a slot of the weekly budget, and needs one."""
    may_use_last: bool = False
    """Whether the last slots of a week are kept for it."""
    answers: bool = False
    """Whether it answers somebody who has just written: then, and no later, it heeds no window (DOMAIN.md 4.3)."""
    is_spaced: bool = True
    """Whether it keeps its distance from the text before it."""
    person: Literal["never", "when_it_fails", "always"] = "never"
    """When a person must tell the patient instead: where every channel failed, or even where none was open."""

    @property
    def tries_anyway(self) -> bool:
        """Whether it is tried even where it probably cannot arrive: what must not wait must not be given up unasked."""
        return not self.obeys_window

    def is_agreed_to(self, consent: Consent, channel: Channel) -> bool:
        """Return whether the recipient agreed to this kind of message, and to e-mails where it is one."""
        if self.consent is None:
            return True
        return bool(getattr(consent, self.consent)) and (channel is not Channel.EMAIL or consent.email)


POLICIES: dict[Purpose, Policy] = {
    Purpose.SAFETY: Policy(0, None, obeys_window=False, repeat_when_unsure=True, counts=False, is_spaced=False),
    Purpose.PAGE: Policy(0, None, obeys_window=False, repeat_when_unsure=True, counts=False, is_spaced=False),
    Purpose.OPT_OUT_CONFIRMATION: Policy(
        1, None, obeys_window=False, obeys_opt_out=False, counts=False, is_spaced=False
    ),
    Purpose.ANSWER_REPLY: Policy(2, None, obeys_window=False, answers=True, counts=False, is_spaced=False),
    Purpose.CHANGE_NOTICE: Policy(3, "reminders", counts=False, is_spaced=False, person="always"),
    Purpose.REMINDER_NEAR: Policy(4, "reminders", may_use_last=True, person="when_it_fails"),
    Purpose.HOME_SAFE: Policy(4, "checkins", may_use_last=True, person="when_it_fails"),
    Purpose.CONFIRMATION: Policy(5, "reminders", is_spaced=False, person="when_it_fails"),
    Purpose.QUESTIONNAIRE_ITEM: Policy(5, "checkins", counts=False, is_spaced=False),
    Purpose.CHECKIN: Policy(6, "checkins"),
    Purpose.REMINDER_FAR: Policy(7, "reminders"),
    Purpose.ENROLMENT: Policy(7, None, is_spaced=False),
    Purpose.SERVICE: Policy(8, None),
}
NOTICES = frozenset({Purpose.CONFIRMATION, Purpose.CHANGE_NOTICE})
"""What tells news against what the patient was told last: once one has left, its planner plans the next anew."""
COUNTED = frozenset(purpose for purpose, policy in POLICIES.items() if policy.counts)
