"""Give a message its one outcome, tell everybody, and ask a person where one is needed."""

from datetime import datetime

from services.notifier.context import Context
from services.notifier.domain.answer import TaskKind
from services.notifier.domain.message import Message
from services.notifier.domain.state import DeliveryStatus, Reason
from services.notifier.store import outcomes
from shared.kernel.ids import digest
from shared.messages import outcome as events
from shared.messages.outcome import MessageOutcome
from shared.messages.staff_task import RAISED, StaffTaskRaised
from shared.postgres.unit_of_work import UnitOfWork
from shared.telemetry import tracing

_EVENT_OF = {
    DeliveryStatus.FAILED: events.FAILED,
    DeliveryStatus.DROPPED: events.DROPPED,
    DeliveryStatus.WITHDRAWN: events.DROPPED,
    DeliveryStatus.UNKNOWN: events.UNKNOWN,
}


async def end_message(
    unit: UnitOfWork, message: Message, status: DeliveryStatus, reason: str, *, context: Context
) -> bool:
    """End a message as failed, dropped, withdrawn or unknown; return False if it has an outcome already."""
    if not await outcomes.end(unit.connection, message.id, status, reason=reason, now=unit.now):
        return False
    await outcomes.remember(unit.connection, message.id, status, now=unit.now, detail=reason)
    publish_outcome(unit, message, _EVENT_OF[status], reason=reason)
    count_outcome(context, message, status, reason)
    if status is DeliveryStatus.UNKNOWN:
        await raise_task(unit, TaskKind.SENT_OR_NOT_UNKNOWN, message, due_by=message.expires_at)
    elif status is DeliveryStatus.FAILED and reason == Reason.TEMPLATE:
        await raise_task(unit, TaskKind.TEMPLATE_BROKEN, message, due_by=message.expires_at)
    return True


def publish_outcome(
    unit: UnitOfWork,
    message: Message,
    event: str,
    *,
    reason: str | None = None,
    provider_reference: str | None = None,
    segments: int | None = None,
) -> None:
    """Tell everybody what became of a message, in its trace; no text, no address."""
    outcome = MessageOutcome(
        clinic_id=message.clinic_id,
        patient_ref=message.patient_ref,
        subject=message.subject,
        key=message.key,
        purpose=message.purpose,
        channel=message.channel,
        provider_reference=provider_reference,
        reason=reason,
        segments=segments,
    )
    with tracing.following(message.traceparent):
        unit.publish(event, outcome, subject=message.subject)


def count_outcome(context: Context, message: Message, status: DeliveryStatus, reason: str = "") -> None:
    """Count an outcome; provider codes share one label value each, so the list stays closed."""
    context.metrics.outcomes.labels(message.channel, status, reason).inc()


async def raise_task(
    unit: UnitOfWork,
    kind: TaskKind,
    message: Message,
    *,
    due_by: datetime | None = None,
    cause: str = "",
    once_per: str = "",
) -> None:
    """Ask a person to look, once per message and kind.

    With ``once_per`` once for all messages that share it; with ``cause`` it is nobody's message in particular.
    """
    with tracing.following(message.traceparent):
        await raise_named_task(
            unit,
            kind,
            cause=cause or once_per or str(message.id),
            clinic_id=message.clinic_id,
            patient_ref=None if cause else message.patient_ref,
            references={} if cause else {"subject": message.subject, "key": message.key},
            due_by=due_by,
        )


async def raise_named_task(
    unit: UnitOfWork,
    kind: TaskKind,
    *,
    cause: str,
    clinic_id: str,
    patient_ref: str | None,
    references: dict[str, str],
    due_by: datetime | None = None,
) -> None:
    """Ask a person to do something, once per kind and cause."""
    task_id = digest("notifier", kind, cause)[:32]
    new = await outcomes.save_task(
        unit.connection,
        task_id,
        clinic_id=clinic_id,
        patient_ref=patient_ref,
        kind=kind,
        references=references,
        due_by=due_by,
        now=unit.now,
    )
    if new:
        unit.publish(
            RAISED,
            StaffTaskRaised(
                task_id=task_id,
                clinic_id=clinic_id,
                patient_ref=patient_ref,
                kind=kind,
                references=references,
                due_by=due_by,
            ),
            subject=task_id,
        )
