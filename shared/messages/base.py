"""What every model on the wire has in common, and the small vocabulary that several of them share."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


class WireModel(BaseModel):
    """A frozen value that ignores fields it does not know and whose errors never quote the input."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def _aware_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("needs a UTC offset, for example 2026-12-01T10:00:00-05:00")
    if not 2000 <= value.year <= 2200:
        raise ValueError("is not in this century or the next")
    return value.astimezone(UTC)


def is_known_zone(name: str) -> bool:
    """Return whether a zone of this name exists."""
    return name in _ZONES


def _known_zone(value: str) -> str:
    if not is_known_zone(value):
        raise ValueError("is not an IANA time zone such as America/New_York")
    return value


_ZONES = available_timezones()

Instant = Annotated[datetime, AfterValidator(_aware_utc)]
"""An aware time, kept in UTC."""
TimeZoneName = Annotated[str, AfterValidator(_known_zone)]
"""An IANA zone name."""
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A name given by another system: printable, at most 200 characters."""
ShortText = Annotated[str, StringConstraints(max_length=200)]
LanguageTag = Annotated[str, StringConstraints(min_length=2, max_length=20, pattern=r"^[A-Za-z][A-Za-z0-9-]+$")]


class Channel(StrEnum):
    """How a message travels."""

    SMS = "sms"
    EMAIL = "email"
    VOICE = "voice"


class Purpose(StrEnum):
    """Why a message is sent. A closed list: each has a policy row in the notifier."""

    ENROLMENT = "enrolment"
    CONFIRMATION = "confirmation"
    REMINDER_NEAR = "reminder_near"
    REMINDER_FAR = "reminder_far"
    CHANGE_NOTICE = "change_notice"
    HOME_SAFE = "home_safe"
    CHECKIN = "checkin"
    QUESTIONNAIRE_ITEM = "questionnaire_item"
    ANSWER_REPLY = "answer_reply"
    OPT_OUT_CONFIRMATION = "opt_out_confirmation"
    SAFETY = "safety"
    PAGE = "page"
    SERVICE = "service"


class Consent(WireModel):
    """What a patient agreed to receive. What is not said is not agreed to."""

    reminders: bool = False
    checkins: bool = False
    email: bool = False


class AboutPatient(WireModel):
    """Every type of ours says which clinic and which patient it is about."""

    clinic_id: Identifier
    patient_ref: Identifier


JsonObject = dict[str, Any]


def zone(name: str) -> ZoneInfo:
    """Return the zone of a validated name."""
    return ZoneInfo(name)
