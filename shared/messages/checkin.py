"""``checkin.*.v1``: what a patient answered to a check-in. Never free text (I11)."""

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import AboutPatient, Identifier, Instant, WireModel

ANSWERED = "checkin.answered.v1"
COMPLETED = "checkin.completed.v1"
EXPIRED = "checkin.expired.v1"


class AboutCheckin(AboutPatient):
    """Which asking this is about, and with which words it was asked."""

    checkin_id: Identifier
    infusion_id: Identifier
    moment: Identifier
    instrument: Identifier
    version: Identifier
    language: Identifier


class CheckinAnswered(AboutCheckin):
    """One item was answered. ``value_to`` is the other end of a range; ``corrected`` replaces an earlier answer."""

    item: Annotated[int, Field(ge=1)]
    value: float
    value_to: float | None = None
    corrected: bool = False
    answered_at: Instant
    latency_s: Annotated[float, Field(ge=0)]
    parse_confidence: Annotated[float, Field(ge=0, le=1)]


class Score(WireModel):
    """What the answers add up to, and what that means beside the baseline (I4 to I7)."""

    total: float | None = None
    direction: Literal["higher_is_better", "higher_is_worse"]
    band: Identifier | None = None
    prorated: bool = False
    baseline_total: float | None = None
    change_abs: float | None = None
    change_pct: float | None = None
    trend: Literal["improved", "unchanged", "worsened"] | None = None
    response: bool | None = None
    remission: bool | None = None
    recall_overlaps: bool = False
    """Whether the two weeks that the items ask about overlap those of the one before (I2)."""


class CheckinCompleted(AboutCheckin):
    """Every item was answered. ``items`` holds one value per item, in order; None where none was given."""

    items: tuple[float | None, ...]
    score: Score
    answered_at: Instant
    latency_s: Annotated[float, Field(ge=0)]
    parse_confidence: Annotated[float, Field(ge=0, le=1)]


class CheckinExpired(AboutCheckin):
    """The check-in closed without all answers; what was answered is kept, and nothing is added up (I9)."""

    items: tuple[float | None, ...] = ()
    reason: Identifier
    expired_at: Instant
