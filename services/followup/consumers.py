"""Ways in from the queue: message type to handler."""

from services.followup.handlers import keep_reply
from shared.broker.consumer import Handler
from shared.messages.reply import RECEIVED


def handlers() -> list[Handler]:
    """Return the table of handlers."""
    return [Handler(RECEIVED, keep_reply.keep_reply, keep_reply.touches)]
