"""Ways in from the queue: message type to handler. Texts and alarms have a table and connections of their own."""

from functools import partial

from services.followup.context import Context
from services.followup.handlers import (
    acknowledge_case,
    close_case,
    keep_assessment,
    keep_infusions,
    note_outcome,
    read_reply,
    serve_patient,
)
from shared.broker.handler import Handler
from shared.messages import assessment, infusions, outcome, reply, safety


def handlers(context: Context) -> list[Handler]:
    """Return the table of handlers of the queue ``followup``."""
    note = partial(note_outcome.note_outcome, context=context)
    return [
        Handler(
            infusions.PATIENT_INFUSIONS,
            partial(keep_infusions.keep_infusions, context=context),
            keep_infusions.touches,
        ),
        Handler(
            assessment.RECORDED, partial(keep_assessment.keep_assessment, context=context), keep_assessment.touches
        ),
        *(
            Handler(name, note, note_outcome.touches, concerns=note_outcome.concerns, joins=True)
            for name in outcome.OUTCOME_TYPES
            if name != outcome.DELIVERED
        ),
        *serve_patient.rows(),
    ]


def urgent_handlers(context: Context) -> list[Handler]:
    """Return the table of handlers of the queue ``followup.urgent``."""
    return [
        Handler(reply.RECEIVED, partial(read_reply.read_and_act, context=context), read_reply.touches, joins=True),
        Handler(
            safety.ACKNOWLEDGE,
            partial(acknowledge_case.acknowledge_by_command, context=context),
            acknowledge_case.touches_case,
        ),
        Handler(
            safety.PAGE_ANSWERED,
            partial(acknowledge_case.acknowledge_by_page, context=context),
            acknowledge_case.touches_page,
        ),
        Handler(safety.CLOSE, partial(close_case.close_by_command, context=context), close_case.touches),
    ]
