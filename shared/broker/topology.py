"""The topology as data: every exchange, queue and binding, in arguments that RabbitMQ 3.10 and 4.x both accept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.messages import assessment, infusions, outcome, patient, pause, plan, reading, reply, safety
from shared.messages.booking import BOOKING_TYPES

EVENTS: Final = "aftercare"
"""Topic exchange for every message; routing key = type."""
QUEUES: Final = "aftercare.queues"
"""Direct exchange that reaches one queue by its name: retries come back through it, dead letters leave through it."""

RETRY_DELAYS: Final = {
    "1s": timedelta(seconds=1),
    "10s": timedelta(seconds=10),
    "1m": timedelta(minutes=1),
    "10m": timedelta(minutes=10),
}
DELIVERY_LIMIT: Final = 100
_NEVER: Final = 1_000_000  # a dead letter is looked at often and must not wear out

Arguments = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue, what it is bound to on the events exchange, and its arguments."""

    name: str
    arguments: Arguments
    bindings: tuple[str, ...] = ()


def _quorum(*, dead_letters_to: str, delivery_limit: int) -> Arguments:
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": delivery_limit,
        "x-dead-letter-exchange": QUEUES,
        "x-dead-letter-routing-key": dead_letters_to,
        # Together these two make dead-lettering at least once instead of at most once.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def retry_queue(queue: str, delay: str) -> str:
    """Return the name of the queue in which a delivery waits for its next try."""
    return f"{queue}.retry.{delay}"


def family_of(queue: str) -> Sequence[Queue]:
    """Return the rows of a queue, its retry queues and its dead-letter queue."""
    names = {queue, dead_letter_queue(queue), *(retry_queue(queue, delay) for delay in RETRY_DELAYS)}
    return [row for row in TOPOLOGY if row.name in names]


def dead_letter_queue(queue: str) -> str:
    """Return the name of the queue in which poison and exhausted deliveries wait for a person."""
    return f"{queue}.dlq"


def _family(name: str, *bindings: str) -> list[Queue]:
    """Return a queue with its retry queues and its dead-letter queue."""
    dead = dead_letter_queue(name)
    waiting = [
        Queue(
            retry_queue(name, label),
            {
                **_quorum(dead_letters_to=name, delivery_limit=DELIVERY_LIMIT),
                "x-message-ttl": int(delay.total_seconds() * 1000),
            },
        )
        for label, delay in RETRY_DELAYS.items()
    ]
    return [
        Queue(name, _quorum(dead_letters_to=dead, delivery_limit=DELIVERY_LIMIT), bindings),
        *waiting,
        Queue(dead, _quorum(dead_letters_to=dead, delivery_limit=_NEVER)),
    ]


BOOKING_EVENTS: Final = "booking_events"
NOTIFIER: Final = "notifier"
NOTIFIER_URGENT: Final = "notifier.urgent"
FOLLOWUP: Final = "followup"
FOLLOWUP_URGENT: Final = "followup.urgent"
MAIN_QUEUES: Final = (BOOKING_EVENTS, NOTIFIER, NOTIFIER_URGENT, FOLLOWUP, FOLLOWUP_URGENT)

URGENT_QUEUE_OF: Final = {plan.MESSAGES_PLAN: NOTIFIER_URGENT}
"""Where a message goes that its content makes urgent, instead of waiting behind its own kind (S-8)."""

TOPOLOGY: Final[Sequence[Queue]] = (
    *_family(
        BOOKING_EVENTS,
        *BOOKING_TYPES,
        outcome.SENT,
        reading.REPLY_READ,
        reply.OPTED_OUT,
        patient.EXPORT,
        patient.ERASE,
        patient.CORRECT,
    ),
    *_family(NOTIFIER, plan.MESSAGES_PLAN, patient.EXPORT, patient.ERASE),
    *_family(
        NOTIFIER_URGENT,
        *(reading.RECIPIENT_REVOKE, reading.MESSAGE_READ),
        *(pause.PAUSE, pause.RESUME, pause.TRY_PROVIDER),
    ),
    *_family(
        FOLLOWUP,
        *(infusions.PATIENT_INFUSIONS, assessment.RECORDED, patient.EXPORT, patient.ERASE),
        *(outcome.SENT, outcome.FAILED, outcome.DROPPED, outcome.UNKNOWN),
    ),
    *_family(FOLLOWUP_URGENT, reply.RECEIVED, safety.ACKNOWLEDGE, safety.CLOSE, safety.PAGE_ANSWERED),
)
