"""The judgement at the moment of sending: send, hold until, or end (DESIGN.md section 2, mechanism 3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.notifier.domain.policy import POLICIES
from services.notifier.domain.state import DeliveryStatus, Reason
from shared.kernel.send_window import SendWindow
from shared.messages.base import Channel, Consent, Purpose

SHORTEST_USE = timedelta(seconds=60)
"""A text that is of use for less than this would arrive too late (RELIABILITY.md F33)."""

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
    has_address: bool = True
    has_opted_out: bool = False
    is_paused: bool = False
    is_allowed_here: bool = True
    too_many_this_hour: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send it now."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Not yet: look again at ``until``, or when something changes."""

    reason: Reason
    until: datetime


@dataclass(frozen=True, slots=True)
class End:
    """Never: the one outcome of this message."""

    status: DeliveryStatus
    reason: str


Judgement = Send | Hold | End


def judge(due: Due, facts: Facts, now: datetime) -> Judgement:  # noqa: C901 - rules in order read as a list
    """Decide what happens to a due message. Whatever holds it, it ends when it expires."""
    policy = POLICIES[due.purpose]
    if now >= due.expires_at - SHORTEST_USE:
        return _ended(due)
    if not due.wanted:
        return Hold(Reason.NOT_WANTED, due.expires_at)
    if due.channel is not Channel.SMS:
        return Hold(Reason.NO_CHANNEL, due.expires_at)
    if facts.is_paused:
        return Hold(Reason.PAUSED, due.expires_at)
    if facts.has_opted_out and due.purpose in _NOW_OR_NEVER:
        return End(DeliveryStatus.DROPPED, Reason.BLOCKED_OPT_OUT)
    if facts.has_opted_out and policy.obeys_opt_out:
        return Hold(Reason.OPTED_OUT, due.expires_at)
    if not policy.is_agreed_to(facts.consent):
        return Hold(Reason.NO_CONSENT, due.expires_at)
    if not facts.has_address:
        return Hold(Reason.NO_ADDRESS, due.expires_at)
    if not facts.is_allowed_here:
        return End(DeliveryStatus.DROPPED, Reason.NOT_ALLOWED_HERE)
    if facts.too_many_this_hour:
        return End(DeliveryStatus.DROPPED, Reason.LOOP)
    if policy.obeys_window and not facts.window.contains(now, facts.zone):
        return Hold(Reason.OUTSIDE_WINDOW, min(facts.window.next_opening(now, facts.zone), due.expires_at))
    return Send()


def _ended(due: Due) -> End:
    if not due.wanted:
        return End(DeliveryStatus.WITHDRAWN, Reason.NOT_WANTED)
    return End(DeliveryStatus.DROPPED, due.last_reason or Reason.EXPIRED)
