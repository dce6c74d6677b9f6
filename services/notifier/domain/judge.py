"""The judgement at the moment of sending: send, hold until, or end (DESIGN.md section 2, mechanism 3)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.notifier.domain.budget import slot_free_at
from services.notifier.domain.policy import POLICIES, Policy
from services.notifier.domain.state import DeliveryStatus, Reason
from shared.kernel.send_window import SendWindow
from shared.messages.base import Channel, Consent, Purpose

SHORTEST_USE = timedelta(seconds=60)
"""A text that is of use for less than this would arrive too late (RELIABILITY.md F33)."""

ANSWERS_AT_ANY_HOUR_FOR = timedelta(minutes=5)
"""Whoever has just written is awake; an answer that is later than this waits for the window (DOMAIN.md 4.3)."""

_NOW_OR_NEVER = (Purpose.SAFETY, Purpose.PAGE)
"""What no START can bring back in time: a person has to phone instead (DOMAIN.md 3.3)."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message whose time has come."""

    purpose: Purpose
    channel: Channel
    wanted: bool
    expires_at: datetime
    last_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true now of its recipient and of the clinic."""

    consent: Consent
    zone: ZoneInfo
    window: SendWindow
    has_channel: bool = True
    has_address: bool = True
    is_usable: bool = True
    takes_texts: bool = True
    has_opted_out: bool = False
    is_paused: bool = False
    is_allowed_here: bool = True
    too_many_this_hour: bool = False
    weekly: int = 7
    slots: tuple[datetime, ...] = ()
    """When the patient's automated texts of late went out, as far as they count."""
    last_text_at: datetime | None = None
    """When the last automated text went to this number, whoever it was for."""
    last_heard_at: datetime | None = None
    """When this number wrote last, as far as that was asked."""
    spacing: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Send:
    """Send it now."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Not yet: look again at ``until``, or when something changes."""

    reason: Reason
    until: datetime

    @property
    def is_failure(self) -> bool:
        """Whether the patient would have been told, had the channel worked; a STOP, for one, was their own wish."""
        return self.reason in _FAILURES


@dataclass(frozen=True, slots=True)
class End:
    """Never: the one outcome of this message."""

    status: DeliveryStatus
    reason: str


Judgement = Send | Hold | End
_FAILURES = (Reason.UNUSABLE, Reason.NO_TEXTS, Reason.OUTSIDE_WINDOW, Reason.BUDGET, Reason.SPACING)


def judge(due: Due, facts: Facts, now: datetime) -> Judgement:
    """Decide what happens to a due message. Whatever holds it, it ends when it expires."""
    policy = POLICIES[due.purpose]
    if now >= due.expires_at - SHORTEST_USE:
        return _ended(due)
    if not due.wanted:
        return Hold(Reason.NOT_WANTED, due.expires_at)
    if facts.is_paused:
        return Hold(Reason.PAUSED, due.expires_at)
    if due.purpose is Purpose.PAGE and due.channel is Channel.VOICE:
        # Whoever ends texts has not ended the calls of their shift.
        facts = replace(facts, has_opted_out=False)
    if facts.has_opted_out and due.purpose in _NOW_OR_NEVER:
        return End(DeliveryStatus.DROPPED, Reason.BLOCKED_OPT_OUT)
    closed = _closed_channel(due, facts, policy)
    if closed is not None:
        return Hold(closed, due.expires_at)
    if not facts.is_allowed_here:
        return End(DeliveryStatus.DROPPED, Reason.NOT_ALLOWED_HERE)
    if facts.too_many_this_hour:
        return End(DeliveryStatus.DROPPED, Reason.LOOP)
    if _might_wake(due, facts, policy, now):
        return Hold(Reason.OUTSIDE_WINDOW, min(facts.window.next_opening(now, facts.zone), due.expires_at))
    return _rationed(due, facts, policy, now) or Send()


def _might_wake(due: Due, facts: Facts, policy: Policy, now: datetime) -> bool:
    """Return whether a text would come outside the hours for texts, unasked. An e-mail wakes nobody."""
    if due.channel is Channel.EMAIL or facts.window.contains(now, facts.zone):
        return False
    if policy.answers and facts.last_heard_at is not None:
        return now - facts.last_heard_at > ANSWERS_AT_ANY_HOUR_FOR
    return policy.obeys_window


def _rationed(due: Due, facts: Facts, policy: Policy, now: datetime) -> Hold | None:
    """Hold a text back that would be one too many this week, or too soon after the last one (R7)."""
    if due.channel is Channel.EMAIL:
        return None
    if policy.counts:
        free_at = slot_free_at(facts.slots, weekly=facts.weekly, may_use_last=policy.may_use_last, now=now)
        if free_at > now:
            return Hold(Reason.BUDGET, min(free_at, due.expires_at))
    if policy.is_spaced and facts.last_text_at is not None and now < facts.last_text_at + facts.spacing:
        until = facts.window.next_opening(facts.last_text_at + facts.spacing, facts.zone)
        # Distance may delay what a patient needs most, and never make it useless.
        if not policy.may_use_last or until < due.expires_at - SHORTEST_USE:
            return Hold(Reason.SPACING, min(until, due.expires_at))
    return None


def _closed_channel(due: Due, facts: Facts, policy: Policy) -> Reason | None:
    """Return why the channel cannot or must not carry this message, whenever it is tried; None if it may."""
    closed = {
        Reason.NO_CHANNEL: not facts.has_channel,
        Reason.OPTED_OUT: facts.has_opted_out and policy.obeys_opt_out,
        Reason.NO_CONSENT: not policy.is_agreed_to(facts.consent, due.channel),
        Reason.NO_ADDRESS: not facts.has_address,
        Reason.UNUSABLE: not facts.is_usable and not policy.tries_anyway,
        Reason.NO_TEXTS: due.channel is Channel.SMS and not facts.takes_texts and not policy.tries_anyway,
    }
    return next((reason for reason, holds in closed.items() if holds), None)


def is_hopeless(hold: Hold, due: Due) -> bool:
    """Return whether a hold says that this channel will not do, so that another one should be tried in time.

    The row itself goes on waiting: a START, a new number or a new consent brings it back.
    """
    if hold.reason in (Reason.OUTSIDE_WINDOW, Reason.BUDGET, Reason.SPACING):
        return hold.until >= due.expires_at
    return hold.reason not in (Reason.NOT_WANTED, Reason.PAUSED)


def _ended(due: Due) -> End:
    if not due.wanted:
        return End(DeliveryStatus.WITHDRAWN, Reason.NOT_WANTED)
    return End(DeliveryStatus.DROPPED, due.last_reason or Reason.EXPIRED)
