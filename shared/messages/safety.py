"""``safety.*.v1`` and ``page.answered.v1``: a person has to look, against a clock. Never text or phone (S-9)."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import Channel, Identifier, Instant, ShortText, WireModel

RAISED = "safety.alert.raised.v1"
ACKNOWLEDGED = "safety.alert.acknowledged.v1"
ESCALATED = "safety.alert.escalated.v1"
CLOSED = "safety.alert.closed.v1"
ACKNOWLEDGE = "safety.acknowledge.v1"
CLOSE = "safety.close.v1"
PAGE_ANSWERED = "page.answered.v1"

PAGE_GRAMMAR = "page"
"""What a page expects: any answer of the person who was paged counts as "I have it"."""

Tier = Literal["S1", "S2", "S3", "M"]


class Disposition(StrEnum):
    """How a case ended. A case closes only with one, by a named person (S-6)."""

    REACHED_SAFE = "reached_safe"
    REACHED_PLAN_MADE = "reached_plan_made"
    EMERGENCY_SERVICES = "emergency_services"
    SEEN_IN_PERSON = "seen_in_person"
    NOT_REACHED_HANDED_ON = "not_reached_handed_on"
    FALSE_ALARM = "false_alarm"
    DRILL = "drill"


class AboutCase(WireModel):
    """One case. ``patient_ref`` is missing where the number that wrote belongs to nobody we know."""

    clinic_id: Identifier
    patient_ref: Identifier | None = None
    case: Identifier
    tier: Tier


class SafetyAlertRaised(AboutCase):
    """A case was opened, or raised to a higher tier (S-5). ``rules`` names what fired, never the words."""

    rules: tuple[Identifier, ...]
    automatic_text: Literal["planned", "blocked_opt_out", "sent_before", "none"]
    acknowledge_by: Instant | None = None
    drill: bool = False


class SafetyAlertAcknowledged(AboutCase):
    """A named person has taken a case on."""

    who: ShortText
    how: Literal["reply", "phone_key", "command"]
    after_s: Annotated[float, Field(ge=0)]


class SafetyAlertEscalated(AboutCase):
    """Nobody took a case on in time: who was paged next."""

    step: Annotated[int, Field(ge=1)]
    paged: tuple[Identifier, ...]
    incident: bool = False


class SafetyAlertClosed(AboutCase):
    """A case was closed by a named person."""

    who: ShortText
    disposition: Disposition


class AcknowledgeCase(WireModel):
    """Command: a named person takes a case on."""

    clinic_id: Identifier
    case: Identifier
    who: Annotated[str, Field(min_length=1, max_length=60)]


class CloseCase(WireModel):
    """Command: a named person closes a case."""

    clinic_id: Identifier
    case: Identifier
    who: Annotated[str, Field(min_length=1, max_length=60)]
    disposition: Disposition


class PageAnswered(WireModel):
    """Somebody answered a page by phone key or by text. ``subject`` and ``key`` name the planned message."""

    clinic_id: Identifier
    subject: Identifier
    key: Identifier
    channel: Channel
    answer: Literal["acknowledged", "declined"] = "acknowledged"
    answered_at: Instant
