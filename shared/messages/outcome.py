"""``message.*.v1``: what became of a planned message. No text, no address."""

from shared.messages.base import AboutPatient, Channel, Identifier, Purpose

SENT = "message.sent.v1"
DELIVERED = "message.delivered.v1"
FAILED = "message.failed.v1"
DROPPED = "message.dropped.v1"
UNKNOWN = "message.unknown.v1"
OUTCOME_TYPES = (SENT, DELIVERED, FAILED, DROPPED, UNKNOWN)


class MessageOutcome(AboutPatient):
    """The fate of one message on one channel; the envelope's type says which, its time says when."""

    subject: Identifier
    key: Identifier
    purpose: Purpose
    channel: Channel
    provider_reference: Identifier | None = None
    reason: Identifier | None = None
    segments: int | None = None
