"""Ways in from the queue: message type to handler."""

from functools import partial

from services.notifier.context import Context
from services.notifier.handlers import apply_plan
from shared.broker.consumer import Handler
from shared.messages.plan import MESSAGES_PLAN


def handlers(context: Context) -> list[Handler]:
    """Return the table of handlers."""
    return [Handler(MESSAGES_PLAN, partial(apply_plan.apply_plan, context=context), apply_plan.touches)]
