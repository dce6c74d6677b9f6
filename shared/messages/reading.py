"""What followup tells of texts: ``message.read.v1``, ``reply.read.v1`` and ``recipient.revoke.v1``."""

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from shared.messages.base import AboutPatient, Identifier, Instant, LanguageTag, WireModel

REPLY_READ = "reply.read.v1"
RECIPIENT_REVOKE = "recipient.revoke.v1"
MESSAGE_READ = "message.read.v1"

CONFIRM_GRAMMAR = "confirm_c_r"
"""What a text about an appointment expects: C to confirm, R for another time, or either in the patient's own words."""


class MessageRead(WireModel):
    """followup has read an inbound text: its safety screen has seen it, and whoever must act is being told.

    ``others`` are texts of the same clinic that were read in the same moment.
    """

    clinic_id: Identifier
    provider_reference: Identifier
    others: tuple[Identifier, ...] = Field(default=(), max_length=200)


def join_reads(reads: Iterable[MessageRead]) -> list[MessageRead]:
    """Say as much in one message for each clinic."""
    of_clinic: dict[str, list[str]] = defaultdict(list)
    for read in reads:
        of_clinic[read.clinic_id] += [read.provider_reference, *read.others]
    return [
        MessageRead(clinic_id=clinic_id, provider_reference=first, others=tuple(others))
        for clinic_id, (first, *others) in of_clinic.items()
    ]


class ReplyResult(StrEnum):
    """What a patient wants of an appointment."""

    CONFIRM = "confirm"
    RESCHEDULE = "reschedule"
    CANCEL_REQUEST = "cancel_request"
    QUESTION = "question"


class ReplyPrompt(WireModel):
    """The planned message that a reply answers."""

    subject: Identifier
    key: Identifier


class ReplyRead(AboutPatient):
    """A reply that concerns an appointment. Its reader answers the patient, at ``reply_to``.

    ``prompt`` is missing where no open prompt asked for it ("I have to cancel Tuesday", out of the blue).
    """

    prompt: ReplyPrompt | None = None
    result: ReplyResult
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    language: LanguageTag | None = None
    reply_to: Identifier
    provider_reference: Identifier
    received_at: Instant


class RecipientRevoke(WireModel):
    """Command: a patient took back consent in their own words, or the number is not theirs (K9, 4.1).

    ``kinds`` as in suppressions: ``all``, ``reminders`` or ``checkins``. ``channels`` says what to close: texts alone,
    or everything ("stop contacting me").
    """

    clinic_id: Identifier
    patient_ref: Identifier | None = None
    reply_to: Identifier
    kinds: Annotated[tuple[Literal["all", "reminders", "checkins"], ...], Field(min_length=1)] = ("all",)
    channels: Annotated[tuple[Literal["sms", "email", "voice"], ...], Field(min_length=1)] = ("sms", "voice")
    how: Literal["own_words", "wrong_number"]
    language: LanguageTag | None = None
    provider_reference: Identifier
    received_at: Instant
