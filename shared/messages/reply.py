"""``message.received.v1`` and the opt-out events: what patients say back."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.messages.base import AboutPatient, Channel, Identifier, Instant, ShortText, WireModel

RECEIVED = "message.received.v1"
OPTED_OUT = "recipient.opted_out.v1"
OPTED_IN = "recipient.opted_in.v1"

CANCEL_WORD = "cancel_word"
"""How a number was closed by the one word that may have meant the appointment (DOMAIN.md K3)."""


class HandledAs(StrEnum):
    """What the notifier did by itself with an inbound text, before anyone read it."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    NONE = "none"


class Candidate(AboutPatient):
    """A patient whom the sender's number may belong to: numbers can be shared."""


class OpenPrompt(WireModel):
    """A question that still waits for an answer from this number."""

    subject: Identifier
    key: Identifier
    expects: Identifier
    sent_at: Instant
    answer_until: Instant


class MessageReceived(WireModel):
    """An inbound text. ``reply_to`` is opaque; a plan may name it as its recipient.

    ``phone`` is the number that wrote: a person who must be reached may be nobody whom we know.
    """

    clinic_id: Identifier
    patient_ref: Identifier | None = None
    text: Annotated[str, StringConstraints(max_length=5000)]
    candidates: tuple[Candidate, ...] = ()
    reply_to: Identifier
    phone: ShortText | None = None
    received_at: Instant
    provider_reference: Identifier
    open_prompts: tuple[OpenPrompt, ...] = ()
    handled_as: HandledAs = HandledAs.NONE
    media: Annotated[int, Field(ge=0)] = 0


class RecipientOpted(WireModel):
    """A number was closed for texts, or opened again."""

    clinic_id: Identifier
    patient_ref: Identifier | None = None
    channel: Channel
    kind: Identifier
    how: Identifier
