"""Ways in from the queue: message type to handler."""

from functools import partial

from services.notifier.context import Context
from services.notifier.handlers import (
    apply_plan,
    pause_clinic,
    resume_clinic,
    revoke_consent,
    serve_patient,
    try_provider,
    watch_readers,
)
from shared.broker.handler import Handler
from shared.messages.pause import PAUSE, RESUME, TRY_PROVIDER
from shared.messages.plan import MESSAGES_PLAN
from shared.messages.reading import MESSAGE_READ, RECIPIENT_REVOKE


def handlers(context: Context) -> list[Handler]:
    """Return the table of handlers."""
    return [
        Handler(MESSAGES_PLAN, partial(apply_plan.apply_plan, context=context), apply_plan.touches, joins=True),
        Handler(RECIPIENT_REVOKE, partial(revoke_consent.revoke_consent, context=context), revoke_consent.touches),
        Handler(MESSAGE_READ, watch_readers.note_read, watch_readers.touches, joins=True),
        Handler(PAUSE, pause_clinic.pause_clinic, pause_clinic.touches),
        Handler(RESUME, resume_clinic.resume_clinic, resume_clinic.touches),
        Handler(TRY_PROVIDER, try_provider.try_provider, try_provider.touches),
        *serve_patient.rows(context),
    ]
