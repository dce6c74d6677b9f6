"""Ways in from the queue: message type to handler."""

from functools import partial

from services.booking_events.handlers import answer_reply, heed_cancel_word, keep_booking, note_sent, serve_patient
from shared.broker.handler import Handler
from shared.clinics.model import Clinics
from shared.messages import outcome
from shared.messages.booking import BOOKING_TYPES
from shared.messages.reading import REPLY_READ
from shared.messages.reply import OPTED_OUT


def handlers(clinics: Clinics) -> list[Handler]:
    """Return the table of handlers."""
    keep = partial(keep_booking.keep_booking, clinics=clinics)
    return [
        *(
            Handler(name, keep, keep_booking.touches, on_refused=keep_booking.report_contradiction)
            for name in BOOKING_TYPES
        ),
        Handler(
            outcome.SENT,
            partial(note_sent.note_sent, clinics=clinics),
            note_sent.touches,
            concerns=note_sent.concerns,
        ),
        Handler(REPLY_READ, partial(answer_reply.answer_reply, clinics=clinics), answer_reply.touches),
        Handler(OPTED_OUT, partial(heed_cancel_word.heed_cancel_word, clinics=clinics), heed_cancel_word.touches),
        *serve_patient.rows(clinics),
    ]
