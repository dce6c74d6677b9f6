"""``messages.plan.v1``: all that one subject should still be told, at one revision (DESIGN.md section 2)."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.messages.base import (
    AboutPatient,
    Channel,
    Consent,
    Identifier,
    Instant,
    JsonObject,
    LanguageTag,
    Purpose,
    ShortText,
    TimeZoneName,
    WireModel,
)

MESSAGES_PLAN = "messages.plan.v1"

ANSWERS = "answers:"
"""How the subject of a plan begins that answers a text by itself."""
ACCEPTED = "accepted:"
"""How it begins where that text was an answer to a question of ours, and was taken as one."""

TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class Recipient(WireModel):
    """Who the messages go to, as of ``as_of``. The notifier judges with the newest snapshot that it has."""

    kind: Literal["patient", "staff"] = "patient"
    phone: ShortText | None = None
    email: ShortText | None = None
    given_name: ShortText | None = None
    language: LanguageTag = "en"
    time_zone: TimeZoneName
    consent: Consent
    as_of: Instant
    reply_to: Identifier | None = None


class Expects(WireModel):
    """The reply grammar that a message opens, and until when an answer belongs to it."""

    grammar: Identifier
    until: Instant


class PlannedMessage(WireModel):
    """One message that should go out between ``send_at`` and ``expires_at``."""

    key: Identifier
    purpose: Purpose
    template: TemplateName
    values: JsonObject
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)] = (Channel.SMS,)
    delivery: Literal["all", "first_that_works"] = "first_that_works"
    send_at: Instant
    expires_at: Instant
    urgency: Literal["routine", "urgent"] = "routine"
    expects: Expects | None = None
    after: Identifier | None = None

    @model_validator(mode="after")
    def _is_of_use_for_a_while(self) -> Self:
        if self.expires_at - self.send_at < timedelta(0):
            raise ValueError("expires_at is before send_at")
        return self


class MessagesPlan(AboutPatient):
    """The full list of messages that one subject should still get. A later revision replaces an earlier one."""

    subject: Identifier
    revision: Annotated[int, Field(ge=1, lt=2**62)]
    recipient: Recipient
    messages: tuple[PlannedMessage, ...]
    closed_prompts: tuple[Identifier, ...] = ()

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        keys = [message.key for message in self.messages]
        if len(keys) != len(set(keys)):
            raise ValueError("two messages have the same key")
        return self


def is_urgent(plan: JsonObject) -> bool:
    """Return whether a plan, as it stands on the wire, must not wait behind others."""
    return any(message.get("urgency") == "urgent" for message in plan.get("messages", ()))
